import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PageFill } from '../../../stack/tcp/page-fill.ts'
import { takePayload } from '../../../stack/tcp/payload.ts'
import { PieceList } from '../../../stack/tcp/piece-list.ts'
import { MAX_PIECES, Reassembly } from '../../../stack/tcp/reassembly.ts'
import { pattern } from '../../support/pattern.ts'
import { Pools } from './support/pools.ts'

const BASE = 0x7ffff000
const HEADER = 20

/** Takes bytes [from, to) of the pattern in; the header in front is noise. */
function insert(pools: Pools, reassembly: Reassembly, from: number, to: number, head?: number): number {
  const bytes = new Uint8Array(HEADER + to - from)
  bytes.set(pattern(from, to - from), HEADER)
  const frame = pools.frame(bytes, head === undefined ? undefined : Math.min(HEADER + head, bytes.length))
  const taken = reassembly.insert(frame, HEADER, (BASE + from) | 0, (BASE + to) | 0)
  frame.release()
  return taken
}

function contents(list: PieceList): Uint8Array {
  const out = new Uint8Array(list.bytes)
  list.copyTo(out, 0, out.length)
  return out
}

describe('reassembly', () => {
  it('gives the right bytes for any segments in any order', () => {
    const range = fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 900 }), fc.option(fc.nat(900)))
    fc.assert(
      fc.property(fc.array(range, { maxLength: 40 }), fc.integer({ min: 1000, max: 8000 }), (ranges, pageSize) => {
        const pools = new Pools(pageSize)
        const reassembly = new Reassembly(pools.pages, pools.counters)
        const held = new Set<number>()
        for (const [from, length, head] of ranges) {
          let news = 0
          for (let at = from; at < from + length; at++) {
            if (held.has(at)) continue
            held.add(at)
            news++
          }
          expect(insert(pools, reassembly, from, from + length, head ?? undefined)).toBe(news)
          expect(reassembly.bytes).toBe(held.size)
          expect(reassembly.holds((BASE + from) | 0, (BASE + from + length) | 0)).toBe(true)
        }
        const list = new PieceList()
        // Everything in order from each hole's end: what is drained is what the model holds.
        for (let at = 0; held.size > 0; at++) {
          if (!held.has(at)) continue
          let end = at
          while (held.delete(end)) end++
          expect(reassembly.drain((BASE + at) | 0, list)).toBe((BASE + end) | 0)
          expect(contents(list)).toEqual(pattern(at, end - at))
          at = end
        }
        expect(reassembly.bytes).toBe(0)
        expect(pools.outstanding).toBe(0)
      }),
      { numRuns: 100 },
    )
  })

  it('copies segments of a burst into one piece', () => {
    const pools = new Pools()
    const reassembly = new Reassembly(pools.pages, pools.counters)
    for (let i = 0; i < 40; i++) insert(pools, reassembly, 1000 + i * 1448, 1000 + (i + 1) * 1448)
    expect(reassembly.pieces).toBe(1)
    expect(pools.pages.outstanding).toBe(1)
    reassembly.clear()
    expect(pools.outstanding).toBe(0)
  })

  it('takes no more pieces than its limit, and lets what goes on still in', () => {
    const pools = new Pools()
    const reassembly = new Reassembly(pools.pages, pools.counters)
    for (let i = 0; i < 2 * MAX_PIECES; i++) insert(pools, reassembly, 10 + i * 2, 11 + i * 2)
    expect(reassembly.pieces).toBe(MAX_PIECES)
    expect(reassembly.bytes).toBe(MAX_PIECES)
    const last = 10 + (MAX_PIECES - 1) * 2 + 1
    expect(insert(pools, reassembly, last, last + 100)).toBe(100)
    expect(insert(pools, reassembly, 5_000, 5_100)).toBe(0)
    reassembly.clear()
    expect(pools.outstanding).toBe(0)
  })

  it('drops what was held and turned out old', () => {
    const pools = new Pools()
    const reassembly = new Reassembly(pools.pages, pools.counters)
    insert(pools, reassembly, 100, 200)
    insert(pools, reassembly, 300, 400)
    const list = new PieceList()
    expect(reassembly.drain((BASE + 250) | 0, list)).toBe((BASE + 250) | 0)
    expect([list.bytes, reassembly.bytes]).toEqual([0, 100])
    reassembly.clear()
    expect(pools.outstanding).toBe(0)
  })
})

describe('payload', () => {
  it('keeps large stretches by reference and copies small ones together', () => {
    const pools = new Pools()
    const fill = new PageFill(pools.pages, pools.counters, true)
    const list = new PieceList()
    const small = pools.frame(pattern(0, 1000))
    const large = pools.frame(pattern(1000, 40_000))
    expect(takePayload(small, 0, 1000, list, fill)).toBe(1000)
    expect(takePayload(large, 0, 40_000, list, fill)).toBe(40_000)
    expect(large.head.count).toBe(2)
    expect(small.head.count).toBe(1)
    expect(pools.counters.TcpPagewireCopiedIn).toBe(1000)
    small.release()
    large.release()
    expect(contents(list)).toEqual(pattern(0, 41_000))
    fill.release()
    expect(pools.outstanding).toBe(0)
  })

  it('takes any part of a frame with references', () => {
    const pools = new Pools(8192)
    const fill = new PageFill(pools.pages, pools.counters, true)
    fc.assert(
      fc.property(
        fc.nat(9_000),
        fc.nat(9_000),
        fc.nat(3000),
        fc.integer({ min: 1500, max: 8000 }),
        (a, b, head, piece) => {
          const [from, to] = a < b ? [a, b] : [b, a]
          const frame = pools.frame(pattern(0, 9_000), head, piece)
          const list = new PieceList()
          expect(takePayload(frame, from, to - from, list, fill)).toBe(to - from)
          frame.release()
          expect(contents(list)).toEqual(pattern(from, to - from))
        },
      ),
      { numRuns: 100 },
    )
    fill.release()
    expect(pools.outstanding).toBe(0)
  })

  it('says how much it took when no page is left', () => {
    const pools = new Pools(4096, 3)
    const fill = new PageFill(pools.pages, pools.counters, true)
    const list = new PieceList()
    const frame = pools.frame(pattern(0, 900), 100, 400)
    // The frame holds all three pages of the pool.
    expect(takePayload(frame, 0, 900, list, fill)).toBe(0)
    frame.release()
    expect(pools.outstanding).toBe(0)
  })
})
