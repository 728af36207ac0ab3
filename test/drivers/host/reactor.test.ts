// Node's event loop as a reactor: when polls happen, what starves nobody, how the timer is armed, what keeps the process
// alive. Timers are counted by a stand-in that fires when told.

import { afterEach, describe, expect, it } from 'vitest'
import { Hold, Keeper } from '../../../drivers/host/keeper.ts'
import { NodeReactor } from '../../../drivers/host/reactor.ts'
import { type HostTimer, NodeTimer } from '../../../drivers/host/timer.ts'
import type { ReactorHandle } from '../../../drivers/reactor.ts'
import { NEVER } from '../../../stack/base/deadlines.ts'

class ManualTimer implements HostTimer {
  readonly name = 'manual'
  onExpire = () => {}
  readonly armed: number[] = []
  closed = false
  arm(delay: number): void {
    this.armed.push(delay)
  }
  close(): void {
    this.closed = true
  }
}

const immediate = () => new Promise<void>((resolve) => setImmediate(resolve))

class Subject {
  time = 0
  polls = 0
  deadline = NEVER
  readonly timer = new ManualTimer()
  readonly handle: ReactorHandle
  work: () => boolean = () => false

  constructor() {
    const reactor = new NodeReactor({ now: () => this.time }, () => this.timer)
    this.handle = reactor.attach({
      poll: () => {
        this.polls++
        return this.work()
      },
      nextDeadline: () => this.deadline,
    })
  }
}

let subject: Subject
afterEach(() => subject.handle.detach())

describe('the reactor on the event loop', () => {
  it('polls once for many requests, after the ticks and before the loop goes on', async () => {
    subject = new Subject()
    const order: string[] = []
    subject.work = () => {
      order.push('poll')
      return false
    }
    setImmediate(() => {
      subject.handle.requestPoll()
      subject.handle.requestPoll()
      process.nextTick(() => order.push('tick'))
      setImmediate(() => order.push('immediate'))
      order.push('code')
    })
    await immediate()
    await immediate()
    expect(order).toEqual(['code', 'tick', 'poll', 'immediate'])
    expect(subject.polls).toBe(1)
  })

  it('polls at the end of a call of the loop that asked for it, once, and its exception is that of the call', () => {
    subject = new Subject()
    const { handle } = subject
    const { turns } = handle
    turns?.begin()
    handle.requestPoll()
    handle.requestPoll()
    expect(subject.polls).toBe(0)
    turns?.end()
    expect(subject.polls).toBe(1)
    turns?.begin()
    turns?.end()
    expect(subject.polls).toBe(1)
    subject.work = () => {
      throw new Error('of a listener')
    }
    turns?.begin()
    handle.requestPoll()
    expect(() => turns?.end()).toThrow('of a listener')
  })

  it('leaves a poll that waits for the loop where it is, also in a call of the loop', async () => {
    subject = new Subject()
    const { handle } = subject
    let left = 2
    subject.work = () => --left > 0
    handle.requestPoll()
    await Promise.resolve()
    expect(subject.polls).toBe(1)
    handle.turns?.begin()
    handle.requestPoll()
    handle.turns?.end()
    expect(subject.polls).toBe(1)
    await immediate()
    expect(subject.polls).toBe(2)
  })

  it('lets the loop turn when a budget ran out, and polls for nobody else meanwhile', async () => {
    subject = new Subject()
    let left = 3
    subject.work = () => --left > 0
    subject.handle.requestPoll()
    await Promise.resolve()
    await Promise.resolve()
    expect(subject.polls).toBe(1)
    subject.handle.requestPoll()
    await Promise.resolve()
    expect(subject.polls).toBe(1)
    await immediate()
    await immediate()
    await immediate()
    expect(subject.polls).toBe(3)
  })

  it('lets the loop turn also when each poll makes the application ask for another', async () => {
    subject = new Subject()
    let turns = 0
    const turn = () => {
      turns++
      if (subject.polls < 100) setImmediate(turn)
    }
    subject.work = () => {
      if (subject.polls < 100) process.nextTick(() => subject.handle.requestPoll())
      return false
    }
    setImmediate(turn)
    subject.handle.requestPoll()
    while (subject.polls < 100) await immediate()
    expect(turns).toBeGreaterThanOrEqual(10)
  })

  it('arms the timer for the first deadline, and leaves it when a later one takes its place', async () => {
    subject = new Subject()
    subject.deadline = 5_000
    subject.handle.requestPoll()
    await immediate()
    expect(subject.timer.armed).toEqual([5_000])
    subject.time = 1_000
    subject.deadline = 9_000
    subject.handle.requestPoll()
    await immediate()
    expect(subject.timer.armed).toEqual([5_000])
    subject.deadline = 2_000
    subject.handle.requestPoll()
    await immediate()
    expect(subject.timer.armed).toEqual([5_000, 1_000])
    subject.time = 2_000
    subject.deadline = 9_000
    subject.timer.onExpire()
    await immediate()
    expect(subject.timer.armed).toEqual([5_000, 1_000, 7_000])
    expect(subject.polls).toBe(4)
  })

  it('does not arm for what is due already, but polls in the next turn', async () => {
    subject = new Subject()
    subject.time = 10
    subject.deadline = 10
    subject.work = () => {
      if (subject.polls === 2) subject.deadline = NEVER
      return false
    }
    subject.handle.requestPoll()
    await immediate()
    await immediate()
    expect(subject.polls).toBe(2)
    expect(subject.timer.armed).toEqual([])
  })

  it('lets an exception out as an uncaughtException, and goes on', async () => {
    subject = new Subject()
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const caught = new Promise<Error>((resolve) => process.once('uncaughtException', resolve))
    try {
      subject.work = () => {
        if (subject.polls === 1) throw new Error('of the application')
        return false
      }
      subject.handle.requestPoll()
      expect((await caught).message).toBe('of the application')
      await immediate()
      expect(subject.polls).toBe(2)
    } finally {
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })

  it('does nothing more when it is detached', async () => {
    subject = new Subject()
    subject.handle.requestPoll()
    subject.handle.detach()
    subject.handle.requestPoll()
    await immediate()
    expect(subject.polls).toBe(0)
    expect(subject.timer.closed).toBe(true)
  })

  it('keeps the process alive while it is ref’d', () => {
    const before = count()
    subject = new Subject()
    expect(count()).toBe(before + 1)
    subject.handle.unref()
    expect(count()).toBe(before)
    subject.handle.ref()
    expect(count()).toBe(before + 1)
    subject.handle.detach()
    expect(count()).toBe(before)
  })
})

const count = () => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length

describe('the timer on setTimeout', () => {
  it('fires once, from the loop, and never keeps the process alive', async () => {
    const before = count()
    const timer = new NodeTimer()
    let fired = 0
    const done = new Promise<void>((resolve) => {
      timer.onExpire = () => {
        fired++
        resolve()
      }
    })
    timer.arm(1e15)
    timer.arm(1)
    expect(count()).toBe(before)
    const keep = setInterval(() => {}, 1000)
    await done
    clearInterval(keep)
    expect(fired).toBe(1)
    timer.arm(1)
    timer.close()
    subject = new Subject()
  })
})

describe('what keeps the process alive', () => {
  function keeper() {
    const calls: string[] = []
    const handle = { requestPoll() {}, detach() {}, ref: () => calls.push('ref'), unref: () => calls.push('unref') }
    return { calls, keeper: new Keeper(handle as unknown as ReactorHandle) }
  }

  it('is the first of many, until the last is gone', () => {
    const { calls, keeper: subject } = keeper()
    const [a, b] = [new Hold(subject), new Hold(subject)]
    a.start()
    b.start()
    b.start()
    a.stop()
    expect(calls).toEqual(['unref', 'ref'])
    b.stop()
    b.stop()
    expect(calls).toEqual(['unref', 'ref', 'unref'])
  })

  it('is not what was unref’d, before or after it was opened', () => {
    const { calls, keeper: subject } = keeper()
    const a = new Hold(subject)
    a.unref()
    a.start()
    expect(subject.open).toBe(false)
    a.ref()
    expect(subject.open).toBe(true)
    a.unref()
    a.stop()
    expect(calls).toEqual(['unref', 'ref', 'unref'])
  })

  it('is also what is still to be sent', () => {
    const { calls, keeper: subject } = keeper()
    subject.linger(true)
    subject.linger(true)
    subject.linger(false)
    expect(calls).toEqual(['unref', 'ref', 'unref'])
  })

  it('stays awake for a while after something came, with busy polling, and no longer', async () => {
    let time = 0
    let polls = 0
    let arrivals = 0
    const reactor = new NodeReactor({ now: () => time }, () => new ManualTimer(), 100)
    const handle = reactor.attach({
      poll: () => {
        polls++
        time += 30
        // Something comes in the second poll, which nobody has asked for.
        if (polls === 2) arrivals++
        return false
      },
      nextDeadline: () => NEVER,
      get arrivals() {
        return arrivals
      },
    })
    arrivals = 1
    handle.requestPoll()
    for (let i = 0; i < 20; i++) await immediate()
    // At 30 something had come, at 60 again; 90, 120, 150 are within 100 of that, 180 is the first that is not.
    expect(polls).toBe(6)
    handle.detach()
  })

  it('does not stay awake when nothing came, or without busy polling', async () => {
    for (const busyPoll of [0, 100]) {
      let polls = 0
      const reactor = new NodeReactor({ now: () => 0 }, () => new ManualTimer(), busyPoll)
      const handle = reactor.attach({
        poll: () => {
          polls++
          return false
        },
        nextDeadline: () => NEVER,
        arrivals: busyPoll === 0 ? 5 : 0,
      })
      handle.requestPoll()
      for (let i = 0; i < 5; i++) await immediate()
      expect(polls).toBe(1)
      handle.detach()
    }
  })

  it('makes an uncaughtException of what a poll throws', async () => {
    subject = new Subject()
    const caught: unknown[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => caught.push(error))
    const error = new Error('thrown by a listener')
    subject.work = () => {
      throw error
    }
    subject.handle.requestPoll()
    await immediate()
    subject.work = () => false
    for (const listener of listeners) process.on('uncaughtException', listener)
    expect(caught).toEqual([error])
  })
})
