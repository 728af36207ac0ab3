// The timerfd in the event loop.

import { afterEach, describe, expect, it } from 'vitest'
import { NativeTimer } from '../../drivers/tap/index.ts'

describe('the timer', () => {
  const timers: NativeTimer[] = []

  afterEach(() => {
    for (const timer of timers.splice(0)) timer.close()
  })

  function make(): NativeTimer {
    const timer = new NativeTimer()
    timer.ref()
    timers.push(timer)
    return timer
  }

  function expiry(timer: NativeTimer): Promise<number> {
    return new Promise((done) => {
      timer.onExpire = () => done(performance.now())
    })
  }

  it('fires once, and never early', async () => {
    const timer = make()
    for (const delay of [0, -5, 1, 250, 1500, 3000]) {
      let count = 0
      const start = performance.now()
      const fired = new Promise<number>((done) => {
        timer.onExpire = () => {
          count++
          done(performance.now())
        }
      })
      timer.arm(delay)
      const end = await fired
      expect((end - start) * 1000).toBeGreaterThanOrEqual(delay - 1)
      await new Promise((done) => setImmediate(done))
      expect(count).toBe(1)
    }
  })

  it('has one time at most: a new one replaces it, disarm takes it away', async () => {
    const timer = make()
    const other = make()
    const fired: string[] = []
    timer.onExpire = () => fired.push('timer')
    timer.arm(1)
    // It has expired, and was armed anew before the loop looked.
    const until = performance.now() + 1
    while (performance.now() < until);
    timer.arm(3_600_000_000)
    other.arm(2000)
    await expiry(other)
    expect(fired).toEqual([])
    timer.arm(1)
    timer.disarm()
    other.arm(2000)
    await expiry(other)
    expect(fired).toEqual([])
    timer.arm(Number.POSITIVE_INFINITY)
    timer.arm(Number.NaN)
    other.arm(1000)
    await expiry(other)
    expect(fired).toEqual([])
  })

  it('runs ticks and microtasks after the callback', async () => {
    const timer = make()
    const order: string[] = []
    const ended = new Promise<void>((done) => {
      timer.onExpire = () => {
        Promise.resolve().then(() => order.push('microtask'))
        process.nextTick(() => order.push('tick'))
        order.push('callback')
        setImmediate(() => {
          order.push('immediate')
          done()
        })
      }
    })
    timer.arm(1)
    await ended
    expect(order).toEqual(['callback', 'tick', 'microtask', 'immediate'])
  })

  it('may be closed at any time, and twice', async () => {
    const timer = make()
    const inside = make()
    await new Promise<void>((done) => {
      inside.onExpire = () => {
        inside.close()
        inside.close()
        inside.arm(1)
        done()
      }
      inside.arm(1)
      timer.arm(1)
      timer.close()
    })
    timer.onExpire = () => expect.unreachable()
    timer.arm(1)
    timer.disarm()
    timer.ref()
    timer.unref()
    const last = make()
    last.arm(3000)
    await expiry(last)
  })
})
