import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_REFS } from '../../../stack/buffer/frame.ts'
import { PageFill } from '../../../stack/tcp/page-fill.ts'
import { SendQueue } from '../../../stack/tcp/send-queue.ts'
import { pattern } from '../../support/pattern.ts'
import { bytesOfRefs, Pools } from './support/pools.ts'

const START = 0x7fffff00

type Step =
  | { kind: 'copy'; length: number }
  | { kind: 'page'; offset: number; length: number }
  | { kind: 'gather'; from: number; length: number }
  | { kind: 'release'; share: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('copy' as const), length: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({
    kind: fc.constant('page' as const),
    offset: fc.integer({ min: 0, max: 500 }),
    length: fc.integer({ min: 1, max: 500 }),
  }),
  fc.record({
    kind: fc.constant('gather' as const),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.integer({ min: 1, max: 5000 }),
  }),
  fc.record({ kind: fc.constant('release' as const), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
)

describe('the send queue', () => {
  it('is a string of bytes by sequence number, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const pools = new Pools(1000)
        const fill = new PageFill(pools.pages, pools.counters, false)
        const queue = new SendQueue(START)
        let queued = 0
        let released = 0
        for (const action of steps) {
          if (action.kind === 'copy') {
            expect(queue.copy(pattern(queued, action.length), 0, action.length, fill)).toBe(action.length)
            queued += action.length
          } else if (action.kind === 'page') {
            queue.append(pools.page(pattern(queued, action.length), action.offset), action.offset, action.length)
            queued += action.length
          } else if (action.kind === 'release') {
            released += Math.floor((queued - released) * action.share)
            queue.release((START + released) | 0)
          } else {
            const from = released + Math.floor((queued - released) * action.from)
            const frame = pools.frame(new Uint8Array(0))
            const got = queue.gather((START + from) | 0, action.length, frame)
            expect(bytesOfRefs(frame)).toEqual(pattern(from, got))
            expect(frame.refs).toBeLessThanOrEqual(MAX_REFS)
            if (frame.refs < MAX_REFS) expect(got).toBe(Math.min(action.length, queued - from))
            frame.release()
          }
          expect(queue.bytes).toBe(queued - released)
        }
        queue.clear()
        fill.release()
        expect(queue.bytes).toBe(0)
        expect(pools.outstanding).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('joins small writes in one page and takes no more references than it must', () => {
    const pools = new Pools()
    const fill = new PageFill(pools.pages, pools.counters, false)
    const queue = new SendQueue(0)
    for (let i = 0; i < 100; i++) queue.copy(pattern(i * 10, 10), 0, 10, fill)
    expect(queue.size).toBe(1)
    expect(pools.counters.TcpPagewireCopiedOut).toBe(1000)
    const frame = pools.frame(new Uint8Array(0))
    expect(queue.gather(0, 1000, frame)).toBe(1000)
    expect(frame.refs).toBe(1)
    frame.release()
    queue.clear()
    fill.release()
    expect(pools.outstanding).toBe(0)
  })

  it('copies what lies in one page on demand, in its place among the others, and lets that page go', () => {
    const pools = new Pools(1000)
    const fill = new PageFill(pools.pages, pools.counters, false)
    const queue = new SendQueue(START)
    const large = pools.page(pattern(400, 600), 100)
    const other = pools.page(pattern(1000, 50))
    queue.copy(pattern(0, 400), 0, 400, fill)
    queue.append(large.retain(), 100, 300)
    queue.append(large.retain(), 400, 300)
    queue.append(other.retain(), 0, 50)
    queue.release((START + 450) | 0)
    const sent = pools.frame(new Uint8Array(0))
    queue.gather((START + 450) | 0, 100, sent)
    const before = pools.counters.TcpPagewireCopiedOut
    expect(queue.unshare(large, fill)).toBe(true)
    expect(pools.counters.TcpPagewireCopiedOut - before).toBe(550)
    // Ours, and the frame's on its way.
    expect([large.count, other.count, queue.bytes]).toEqual([2, 2, 600])
    expect(bytesOfRefs(sent)).toEqual(pattern(450, 100))
    sent.release()
    large.bytes.fill(0xee)
    const frame = pools.frame(new Uint8Array(0))
    expect(queue.gather((START + 450) | 0, 600, frame)).toBe(600)
    expect(bytesOfRefs(frame)).toEqual(pattern(450, 600))
    frame.release()
    // Nothing of it is there any more.
    expect([queue.unshare(large, fill), pools.counters.TcpPagewireCopiedOut - before]).toEqual([true, 550])
    queue.clear()
    fill.release()
    for (const page of [large, other]) page.release()
    expect(pools.outstanding).toBe(0)
  })

  it('changes nothing when there is no memory for that copy', () => {
    const pools = new Pools(1000, 3)
    const fill = new PageFill(pools.pages, pools.counters, false)
    const queue = new SendQueue(0)
    const large = pools.page(pattern(0, 1000))
    for (let i = 0; i < 3; i++) queue.append(large.retain(), 0, 1000)
    expect(queue.unshare(large, fill)).toBe(false)
    expect([large.count, queue.bytes, queue.size]).toEqual([4, 3000, 3])
    queue.clear()
    large.release()
    fill.release()
    expect(pools.outstanding).toBe(0)
  })

  it('keeps a reference as it is, and lets it go when its bytes are acknowledged and no frame holds them', () => {
    const pools = new Pools()
    const queue = new SendQueue(0)
    const page = pools.page(pattern(0, 2000))
    queue.append(page, 0, 2000)
    const frame = pools.frame(new Uint8Array(0))
    queue.gather(500, 1000, frame)
    expect([frame.pages[0], frame.offsets[0], frame.lengths[0]]).toEqual([page, 500, 1000])
    queue.release(2000)
    expect(page.count).toBe(1)
    frame.release()
    expect(pools.outstanding).toBe(0)
  })

  it('says how much it could copy when the pool is at its limit', () => {
    const pools = new Pools(1000, 2)
    const fill = new PageFill(pools.pages, pools.counters, false)
    const queue = new SendQueue(0)
    expect(queue.copy(pattern(0, 5000), 0, 5000, fill)).toBe(2000)
    expect(queue.copy(pattern(2000, 10), 0, 10, fill)).toBe(0)
    queue.release(1000)
    expect(queue.copy(pattern(2000, 500), 0, 500, fill)).toBe(500)
    queue.clear()
    fill.release()
    expect(pools.outstanding).toBe(0)
  })
})
