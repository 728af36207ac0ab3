import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_RANGES, Scoreboard } from '../../../stack/tcp/scoreboard.ts'

const BASE = 0x7ffffe00

describe('the scoreboard', () => {
  it('is a set of sequence numbers', () => {
    const step = fc.oneof(
      fc.tuple(fc.constant('add' as const), fc.nat(1000), fc.integer({ min: 1, max: 200 })),
      fc.tuple(fc.constant('ack' as const), fc.nat(1000), fc.constant(0)),
      fc.tuple(fc.constant('ask' as const), fc.nat(1000), fc.integer({ min: 0, max: 300 })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const board = new Scoreboard()
        const held = new Set<number>()
        let una = 0
        for (const [kind, at, length] of steps) {
          if (kind === 'add') {
            const left = Math.max(at, una + 1)
            let news = 0
            for (let i = left; i < left + length; i++) {
              if (!held.has(i)) news++
              held.add(i)
            }
            expect(board.add((BASE + left) | 0, (BASE + left + length) | 0)).toBe(news)
          } else if (kind === 'ack') {
            una = Math.max(una, at)
            for (const i of held) if (i < una) held.delete(i)
            board.onAck((BASE + una) | 0)
          } else {
            compare(board, held, Math.max(at, una), length)
          }
          expect(board.bytes).toBe(held.size)
        }
      }),
      { numRuns: 500 },
    )
  })

  function compare(board: Scoreboard, held: Set<number>, at: number, length: number): void {
    const below = [...held].filter((i) => i < at).length
    expect(board.bytesBefore((BASE + at) | 0)).toBe(below)
    const wanted = Array.from({ length }, (_, i) => at + i)
    if (length > 0)
      expect(board.holds((BASE + at) | 0, (BASE + at + length) | 0)).toBe(wanted.every((i) => held.has(i)))
    const first = wanted.find((i) => !held.has(i))
    expect(board.findHole((BASE + at) | 0, (BASE + at + length) | 0)).toBe(first !== undefined)
    if (first === undefined) return
    let end = first
    while (end < at + length && !held.has(end)) end++
    expect([board.holeStart, board.holeEnd]).toEqual([(BASE + first) | 0, (BASE + end) | 0])
  }

  it('keeps a bounded number of ranges, and joins still', () => {
    const board = new Scoreboard()
    for (let i = 0; i < 2 * MAX_RANGES; i++) board.add(10 * i, 10 * i + 1)
    expect(board.ranges).toBe(MAX_RANGES)
    expect(board.bytes).toBe(MAX_RANGES)
    expect(board.add(0, 10 * MAX_RANGES)).toBe(10 * MAX_RANGES - MAX_RANGES)
    expect(board.ranges).toBe(1)
    board.clear()
    expect([board.ranges, board.bytes]).toEqual([0, 0])
  })
})
