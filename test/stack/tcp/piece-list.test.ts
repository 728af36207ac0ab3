import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PageFill } from '../../../stack/tcp/page-fill.ts'
import { PieceList } from '../../../stack/tcp/piece-list.ts'
import { pattern } from '../../support/pattern.ts'
import { emptyRef, Pools } from './support/pools.ts'

describe('the list of pieces', () => {
  it('is a queue of bytes', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), n: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ kind: fc.constant('take' as const), n: fc.integer({ min: 1, max: 2000 }) }),
      fc.record({ kind: fc.constant('copy' as const), n: fc.integer({ min: 1, max: 2000 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const pools = new Pools(1000)
        const list = new PieceList()
        const out = emptyRef()
        let written = 0
        let read = 0
        for (const { kind, n } of steps) {
          if (kind === 'append') {
            list.append(pools.page(pattern(written, n), 50), 50, n)
            written += n
          } else if (kind === 'copy') {
            const bytes = new Uint8Array(n)
            const got = list.copyTo(bytes, 0, n)
            expect(got).toBe(Math.min(n, written - read))
            expect(bytes.subarray(0, got)).toEqual(pattern(read, got))
            read += got
          } else {
            const got = list.take(n, out)
            expect(got).toBeLessThanOrEqual(n)
            expect(got > 0).toBe(written > read)
            if (got === 0) continue
            expect(out.page.bytes.subarray(out.offset, out.offset + got)).toEqual(pattern(read, got))
            out.page.release()
            read += got
          }
          expect(list.bytes).toBe(written - read)
        }
        list.clear()
        expect([list.bytes, list.size, pools.outstanding]).toEqual([0, 0, 0])
      }),
      { numRuns: 300 },
    )
  })

  it('joins what lies one behind the other in a page', () => {
    const pools = new Pools()
    const fill = new PageFill(pools.pages, pools.counters, true)
    const list = new PieceList()
    for (let i = 0; i < 10; i++) {
      const n = fill.put(pattern(i * 10, 10), 0, 10)
      if (fill.page) list.append(fill.page.retain(), fill.at, n)
    }
    expect([list.size, list.bytes]).toEqual([1, 100])
    list.clear()
    expect(pools.outstanding).toBe(1)
    fill.releaseUnused()
    expect(pools.outstanding).toBe(0)
  })
})

describe('a page that is being filled', () => {
  it('begins anew when nobody holds a piece of it, and goes on when somebody does', () => {
    const pools = new Pools(100)
    const fill = new PageFill(pools.pages, pools.counters, true)
    fill.put(pattern(0, 60), 0, 60)
    expect(fill.at).toBe(0)
    fill.put(pattern(0, 60), 0, 60)
    expect(fill.at).toBe(0)
    const held = fill.page?.retain()
    expect(fill.put(pattern(0, 60), 0, 60)).toBe(40)
    expect(fill.at).toBe(60)
    fill.releaseUnused()
    expect(fill.page).toBe(held)
    expect(fill.put(pattern(0, 10), 3, 5)).toBe(5)
    expect(fill.page).not.toBe(held)
    held?.release()
    fill.release()
    expect(pools.outstanding).toBe(0)
  })
})
