import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK, Checker, Content, patternBlock } from '../../../tools/soak/content.ts'

const content = new Content(patternBlock('a seed'))

/** The naive version: byte by byte. */
function bytesAt(origin: number, offset: number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => content.block[(origin + offset + i) % BLOCK]))
}

describe('the content of the soak', () => {
  it('follows from the seed, and from nothing else', () => {
    expect(patternBlock('a seed').equals(content.block)).toBe(true)
    expect(patternBlock('another').equals(content.block)).toBe(false)
    expect(content.block).toHaveLength(BLOCK)
  })

  it('is taken in whatever pieces it comes, across the end of the block too', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: BLOCK - 1 }),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 8 }),
        (origin, pieces) => {
          const total = pieces.reduce((sum, piece) => sum + piece, 0)
          const checker = new Checker(content, origin, total)
          for (const piece of pieces) expect(checker.take(bytesAt(origin, checker.received, piece))).toBe(true)
          expect(checker.complete).toBe(true)
        },
      ),
      { numRuns: 50, examples: [[BLOCK - 5, [3, 4, 5]]] },
    )
  })

  it.each([0, 1, 999, 1000, 1999])('notices one wrong bit in byte %d', (at) => {
    const bytes = bytesAt(BLOCK - 700, 0, 2000)
    bytes[at] ^= 4
    const checker = new Checker(content, BLOCK - 700, 2000)
    const well = checker.take(bytes.subarray(0, 1000)) && checker.take(bytes.subarray(1000))
    expect(well).toBe(false)
    expect(checker.complete).toBe(false)
    expect(checker.trouble).toMatch(/^a wrong byte at or behind offset \d+ of 2000$/)
  })

  it('notices bytes that are left out, doubled, too many or too few', () => {
    const left = new Checker(content, 0, 3000)
    left.take(bytesAt(0, 0, 1448))
    expect(left.take(bytesAt(0, 1449, 1000))).toBe(false)
    const doubled = new Checker(content, 0, 3000)
    doubled.take(bytesAt(0, 0, 1448))
    expect(doubled.take(bytesAt(0, 0, 1448))).toBe(false)
    const many = new Checker(content, 7, 100)
    expect(many.take(bytesAt(7, 0, 101))).toBe(false)
    expect(many.trouble).toMatch(/offset 100 of 100/)
    const few = new Checker(content, 7, 100)
    expect(few.take(bytesAt(7, 0, 99))).toBe(true)
    expect([few.complete, few.trouble]).toEqual([false, ''])
  })
})
