import { describe, expect, it } from 'vitest'
import { BLOCK } from '../../../tools/soak/content.ts'
import { connectionsTrouble } from '../../../tools/soak/needs.ts'
import { duration, phaseList, seed } from '../../../tools/soak/options.ts'
import { OPERATIONS, PHASES, Schedule, secondsOf } from '../../../tools/soak/plan.ts'

const operations = (text: string, count: number) => {
  const schedule = new Schedule(text, 1 << 20)
  return Array.from({ length: count }, () => schedule.next())
}

describe('the schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(operations('a', 200)).toEqual(operations('a', 200))
    expect(operations('a', 200)).not.toEqual(operations('b', 200))
  })

  it('has every operation, small and large, within its bounds', () => {
    const all = operations('a', 2000)
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set(OPERATIONS))
    for (const { origin, bytes, until, piece } of all) {
      expect(origin).toBeLessThan(BLOCK)
      expect(bytes).toBeGreaterThanOrEqual(1)
      expect(bytes).toBeLessThanOrEqual(1 << 20)
      expect(until).toBeGreaterThanOrEqual(0)
      expect(until).toBeLessThan(bytes)
      expect(Math.ceil(bytes / piece)).toBeLessThanOrEqual(256)
    }
    expect(all.filter(({ bytes }) => bytes < 100).length).toBeGreaterThan(200)
    expect(all.filter(({ bytes }) => bytes > 100_000).length).toBeGreaterThan(200)
  })
})

describe('the seconds of the phases', () => {
  const total = (phases: Map<string, number>) => [...phases.values()].reduce((sum, each) => sum + each, 0)

  it('are the duration, in the order of the run', () => {
    const plan = secondsOf(PHASES, 180)
    expect([...plan.keys()]).toEqual([...PHASES])
    expect(total(plan)).toBeCloseTo(180)
    expect(plan.get('faults')).toBeGreaterThan(90)
  })

  it('of a run of hours are those of the bad wire', () => {
    const plan = secondsOf(PHASES, 7200)
    expect(total(plan)).toBeCloseTo(7200)
    expect(plan.get('faults')).toBeGreaterThan(6700)
  })

  it('are never none at all, and one phase alone has them all', () => {
    for (const seconds of secondsOf(PHASES, 1).values()) expect(seconds).toBeGreaterThanOrEqual(1)
    expect([...secondsOf(['faults'], 30)]).toEqual([['faults', 30]])
    expect([...secondsOf(['flood'], 30)]).toEqual([['flood', 30]])
    expect([...secondsOf(['vanish'], 30)]).toEqual([['vanish', 1]])
  })
})

describe('the arguments', () => {
  it.each([
    ['90', 90],
    ['90s', 90],
    ['3m', 180],
    ['1.5h', 5400],
    ['2d', 172_800],
  ])('--duration %s', (text, seconds) => expect(duration(text)).toBe(seconds))

  it.each(['', '0', 'x', '3w', '-1', '1e3', '31d', '3 m'])('--duration %j is none', (text) => {
    expect(() => duration(text)).toThrow(/as 90s, 3m or 2h/)
  })

  it('--phases in whatever order and number', () => {
    expect(phaseList('faults, idle,faults')).toEqual(['idle', 'faults'])
    expect(() => phaseList('idle,naps')).toThrow(/no phase 'naps'; there are idle, flood/)
    expect(() => phaseList('')).toThrow(/no phase ''/)
  })

  it('--seed', () => {
    expect(seed('3f2a-x')).toBe('3f2a-x')
    expect(() => seed('a b')).toThrow(/letters and digits/)
  })
})

describe('the limits of the machine', () => {
  const plenty = { perProcess: 20_000, system: 10_000_000, memory: 16e9 }

  it('are enough, or it is said what mends them', () => {
    expect(connectionsTrouble(100_000, plenty)).toBe('')
    expect(connectionsTrouble(100_000, { ...plenty, perProcess: 1024 })).toMatch(
      /1024 are allowed; to mend it: ulimit -n 2563, or .*--connections 1536$/,
    )
    expect(connectionsTrouble(100_000, { ...plenty, system: 65_536 })).toMatch(/sysctl -w fs\.file-max=200000/)
    expect(connectionsTrouble(100_000, { ...plenty, memory: 1e9 })).toMatch(/about 2289 MiB of memory/)
  })
})
