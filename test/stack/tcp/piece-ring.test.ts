import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PieceList } from '../../../stack/tcp/piece-list.ts'
import { MOST_KEPT } from '../../../stack/tcp/piece-ring.ts'
import { SendQueue } from '../../../stack/tcp/send-queue.ts'
import { pattern } from '../../support/pattern.ts'
import { emptyRef, Pools } from './support/pools.ts'

/** Slots that a list has. */
function slots(list: object): number {
  return (list as { ring: { pages: unknown[] } }).ring.pages.length
}

function use(list: PieceList, pools: Pools): void {
  list.append(pools.page(pattern(0, 10)), 0, 10)
  list.copyTo(new Uint8Array(10), 0, 10)
}

describe('the slots of lists of pieces', () => {
  it('are nobody’s before the first piece, and come back when many others were used since', () => {
    const pools = new Pools(100)
    const lists = Array.from({ length: 2 * MOST_KEPT }, () => new PieceList())
    for (const list of lists) expect(slots(list)).toBe(0)
    for (const list of lists) use(list, pools)
    expect(lists.slice(0, MOST_KEPT).map(slots)).toEqual(new Array(MOST_KEPT).fill(0))
    expect(lists.slice(MOST_KEPT).every((list) => slots(list) > 0)).toBe(true)
    expect(pools.outstanding).toBe(0)
  })

  it('stay with who is used again and again', () => {
    const pools = new Pools(100)
    const list = new PieceList()
    use(list, pools)
    const { ring } = list as unknown as { ring: object }
    for (let i = 0; i < 10; i++) use(list, pools)
    expect((list as unknown as { ring: object }).ring).toBe(ring)
  })

  it('stay with who has pieces, and go when the last one does', () => {
    const pools = new Pools(100)
    const queue = new SendQueue()
    queue.append(pools.page(pattern(0, 10)), 0, 10)
    queue.release(10)
    queue.append(pools.page(pattern(10, 10)), 0, 10)
    for (let i = 0; i < MOST_KEPT; i++) use(new PieceList(), pools)
    expect([queue.size, queue.bytes, slots(queue)]).toEqual([1, 10, 2])
    queue.release(20)
    for (let i = 0; i < MOST_KEPT; i++) use(new PieceList(), pools)
    expect([queue.size, slots(queue), pools.outstanding]).toEqual([0, 0, 0])
  })

  it('are never those of two lists at a time', () => {
    const step = fc.record({ list: fc.nat(599), append: fc.boolean(), count: fc.integer({ min: 1, max: 9 }) })
    fc.assert(
      fc.property(fc.array(step, { minLength: 200, maxLength: 1500 }), (steps) => {
        const pools = new Pools(100_000)
        const lists = Array.from({ length: 600 }, () => new PieceList())
        const written = lists.map(() => 0)
        const read = lists.map(() => 0)
        const out = emptyRef()
        for (const { list: at, append, count } of steps) {
          for (let i = 0; i < count; i++) {
            if (append) lists[at].append(pools.page(pattern(at * 1000 + written[at]++, 1)), 0, 1)
            else if (lists[at].take(1, out) > 0) {
              expect(out.page.bytes[out.offset]).toBe(pattern(at * 1000 + read[at]++, 1)[0])
              out.page.release()
            }
          }
        }
        for (const list of lists) list.clear()
        expect(lists.map((_, at) => written[at] - read[at] >= 0)).not.toContain(false)
        expect(pools.outstanding).toBe(0)
      }),
      { numRuns: 30 },
    )
  })
})
