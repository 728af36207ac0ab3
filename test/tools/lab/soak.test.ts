// The subtractive measure: what soakers did not get, from readings as they stand in the shared file.
import { closeSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { namelessFile } from '../../../tools/lab/lab-file.ts'
import { Calibration, monotonic, parseCpuList, rates, readSlots, SoakSlot, soaked } from '../../../tools/lab/soak.ts'

describe('slots', () => {
  it('are read as they were written, all at once', () => {
    const fd = namelessFile()
    const before = monotonic()
    new SoakSlot(fd, 1).write(1234)
    new SoakSlot(fd, 0).write(7)
    const [first, second] = readSlots(fd, 2)
    expect(first.count).toBe(7)
    expect(second.count).toBe(1234)
    expect(second.at).toBeGreaterThanOrEqual(before)
    expect(first.at).toBeGreaterThanOrEqual(second.at)
    closeSync(fd)
  })
})

describe('what soakers did not get', () => {
  const at = (...counts: number[]) => counts.map((count) => ({ at: 0, count }))

  it('is nothing when they counted as fast as on the idle machine', () => {
    expect(soaked(at(0, 0), at(2e6, 4e6), [1, 2], 2)).toBe(0)
  })

  it('is all processors when they got nowhere', () => {
    expect(soaked(at(5, 5, 5), at(5, 5, 5), [1, 1, 1], 2)).toBe(6)
  })

  it('is the share of each', () => {
    expect(soaked(at(0, 0), at(1.5e6, 1e6), [1, 1], 2)).toBeCloseTo(1.5)
  })
})

describe('calibration', () => {
  it('takes what the best looks show, for each soaker', () => {
    const calibration = new Calibration()
    calibration.add(Array.from({ length: 20 }, (_, i) => [i < 15 ? 800 : 100, i < 5 ? 700 : 10]))
    expect(calibration.rates).toEqual([800, 700])
  })

  it('tells of rounds in which something else ran', () => {
    const calibration = new Calibration()
    calibration.add(Array.from({ length: 10 }, () => [800, 800]))
    calibration.add(Array.from({ length: 10 }, () => [800, 0]))
    expect(calibration.quiet).toEqual([1, 0.5])
  })

  it('counts a soaker that said nothing as one that got nothing', () => {
    expect(rates([{ at: 10, count: 5 }], [{ at: 10, count: 5 }])).toEqual([0])
    expect(rates([{ at: 10, count: 5 }], [{ at: 20, count: 105 }])).toEqual([10])
  })
})

it('reads lists of processors as the kernel writes them', () => {
  expect(parseCpuList('0-3,8\n')).toEqual([0, 1, 2, 3, 8])
  expect(parseCpuList('5')).toEqual([5])
  expect(parseCpuList('')).toEqual([])
})
