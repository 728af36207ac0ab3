// Medians, ratios round by round, rows per GiB and per byte.
import { describe, expect, it } from 'vitest'
import { rowsOf, sampleOf } from '../../../tools/lab/rows.ts'
import { median, pairedRatio, quantile, rounded, spread } from '../../../tools/lab/statistics.ts'
import { CELLS, measured, sample } from './figures.ts'

describe('statistics', () => {
  it('takes the middle', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 2, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
    expect(spread([2, 9, 4])).toEqual({ median: 4, min: 2, max: 9, low: 2, high: 9 })
    expect(spread([2, 90, 4, 3, 5])).toEqual({ median: 4, min: 2, max: 90, low: 3, high: 5 })
    expect(quantile([5, 1, 2, 3, 4], 0.5)).toBe(3)
    expect(quantile([5, 1], 1)).toBe(5)
  })

  it('compares round by round, so that a slow round cancels', () => {
    expect(pairedRatio([1, 10, 1], [2, 20, 2])).toMatchObject({ median: 0.5, min: 0.5, max: 0.5 })
    expect(pairedRatio([1, 1], [2, 0])).toMatchObject({ median: 0.5, min: 0.5, max: 0.5 })
    expect(pairedRatio([1], [])).toBeNull()
  })

  it('rounds to digits that mean something', () => {
    expect(rounded(0.123456)).toBe(0.1235)
    expect(rounded(0)).toBe(0)
    expect(rounded(1234567)).toBe(1235000)
  })
})

describe('a sample', () => {
  it('is per GiB and per byte', () => {
    const bytes = 2 ** 28
    const soak = { before: [{ at: 0, count: 0 }], after: [{ at: 0, count: 0.25e6 }] }
    const counts = { frames: 100, segments: 200, systemCalls: { write: 100, read: 20, file: 3 }, retransmitted: 1 }
    const copied = { read: bytes, mapping: 0, queue: bytes, card: 0 }
    const sent = {
      seconds: 0.5,
      user: 0.1,
      system: 0.2,
      soak,
      copied,
      summed: bytes / 2,
      ...counts,
      congestion: 'cubic',
    }
    const received = { bytes, digest: null, user: 0.05, system: 0.05 }
    const got = sampleOf(sent, received, [1])
    expect(got.gbps).toBeCloseTo(4.295, 3)
    expect(got).toMatchObject({ read: 1, queue: 1, card: 0, summed: 0.5, frames: 400, systemCalls: 492, writes: 400 })
    expect(got.user).toBeCloseTo(0.4)
    expect(got.soaked).toBeCloseTo(1)
    expect(got.receiver).toBeCloseTo(0.4)
    expect(sampleOf({ ...sent, soak: null }, received, null).soaked).toBeNull()
  })
})

describe('rows', () => {
  it('stand for every cell, with a reason where there is nothing', () => {
    const rows = rowsOf(measured(() => 2))
    expect(rows).toHaveLength(24)
    const never = rows.filter(({ reason }) => reason !== null)
    expect(never).toHaveLength(9)
    expect(
      never.every(
        ({ gbps, cpu, copied, summed, rounds }) => !gbps && !cpu && copied === null && summed === null && rounds === 0,
      ),
    ).toBe(true)
    expect(rows.filter(({ gbps }) => gbps === 10)).toHaveLength(15)
  })

  it('are ratios to read+write with everything off', () => {
    const rows = rowsOf(measured((cell, round) => (cell.method === 'sendfile' ? 1 : 2) * (round + 1)))
    const base = rows.find((row) => row.method === 'read+write' && !row.sg && !row.tx && !row.tso)
    const sendfile = rows.find((row) => row.method === 'sendfile' && row.sg && row.tx && row.tso)
    expect(base?.ratio).toBe(1)
    expect(sendfile?.ratio).toBe(0.5)
    expect(sendfile?.ratioRange).toEqual([0.5, 0.5])
  })

  it('add up what was copied, and keep where', () => {
    const cell = CELLS[0]
    const [row] = rowsOf([{ cell, samples: [sample({ read: 1, queue: 1, card: 1, user: 1, system: 2 })] }])
    expect(row).toMatchObject({ copied: 3, cpu: 3, copies: { read: 1, mapping: 0, queue: 1, card: 1 }, ratio: null })
  })

  it('do without soakers', () => {
    const [row] = rowsOf([{ cell: CELLS[0], samples: [sample({ soaked: null })] }])
    expect(row.soaked).toBeNull()
    expect(row.cpu).toBe(1.5)
  })
})
