import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chooseRanges, MAX_PIECES } from '../../../tools/serve/byte-ranges.ts'

describe('chooseRanges', () => {
  it.each([
    ['bytes=0-9', 100, [{ start: 0, end: 9 }]],
    ['bytes=90-', 100, [{ start: 90, end: 99 }]],
    ['bytes=-10', 100, [{ start: 90, end: 99 }]],
    ['bytes=-1000', 100, [{ start: 0, end: 99 }]],
    ['bytes=0-1000', 100, [{ start: 0, end: 99 }]],
    ['BYTES=0-0', 100, [{ start: 0, end: 0 }]],
    [
      'bytes= 0-1 , 4-5',
      100,
      [
        { start: 0, end: 1 },
        { start: 4, end: 5 },
      ],
    ],
    [
      'bytes=4-5,0-1',
      100,
      [
        { start: 4, end: 5 },
        { start: 0, end: 1 },
      ],
    ],
    ['bytes=0-5,3-9', 100, [{ start: 0, end: 9 }]],
    [
      'bytes=0-1,,4-5,',
      100,
      [
        { start: 0, end: 1 },
        { start: 4, end: 5 },
      ],
    ],
    ['bytes=0-9,200-', 100, [{ start: 0, end: 9 }]],
    ['bytes=0-99999999999999999999', 100, [{ start: 0, end: 99 }]],
  ])('%s of %i bytes', (header, size, ranges) => {
    expect(chooseRanges(header, size)).toEqual(ranges)
  })

  it.each([
    ['bytes=100-', 100],
    ['bytes=100-200', 100],
    ['bytes=-0', 100],
    ['bytes=0-', 0],
    ['bytes=-5', 0],
  ])('%s of %i bytes cannot be', (header, size) => {
    expect(chooseRanges(header, size)).toBe('unsatisfiable')
  })

  // RFC 9110 14.1.1 and 14.2: an invalid specifier and an unknown unit are ignored.
  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=5-2',
    'bytes=a-b',
    'bytes=1-2,x',
    'lines=0-9',
    '0-9',
    'bytes=1--2',
  ])('%s is ignored', (header) => {
    expect(chooseRanges(header, 100)).toBe('whole')
  })

  it('gives the whole file for very many pieces', () => {
    const pieces = (n: number) => `bytes=${Array.from({ length: n }, (_, i) => `${i * 2}-${i * 2}`).join(',')}`
    expect(chooseRanges(pieces(MAX_PIECES), 1000)).toHaveLength(MAX_PIECES)
    expect(chooseRanges(pieces(MAX_PIECES + 1), 1000)).toBe('whole')
  })

  it('never leaves the file and never overlaps', () => {
    const header = fc.oneof(
      fc.string().map((text) => `bytes=${text}`),
      fc
        .array(fc.tuple(fc.nat(300), fc.nat(300)), { maxLength: 20 })
        .map((list) => `bytes=${list.map(([a, b]) => `${a}-${b}`).join(',')}`),
    )
    fc.assert(
      fc.property(header, fc.nat(200), (header, size) => {
        const ranges = chooseRanges(header, size)
        if (typeof ranges === 'string') return
        const sorted = [...ranges].sort((a, b) => a.start - b.start)
        for (const [i, { start, end }] of sorted.entries()) {
          expect(start >= 0 && start <= end && end < size).toBe(true)
          if (i > 0) expect(start).toBeGreaterThan(sorted[i - 1].end)
        }
      }),
    )
  })
})
