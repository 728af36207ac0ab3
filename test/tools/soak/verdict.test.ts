import { describe, expect, it } from 'vitest'
import type { Sample } from '../../../tools/soak/messages.ts'
import { phaseText, type SoakReport, verdictText } from '../../../tools/soak/report.ts'
import type { PhaseReport } from '../../../tools/soak/run-phase.ts'
import { growth, leftBehind, outstanding } from '../../../tools/soak/verdict.ts'

const MIB = 2 ** 20

const quiet: Sample = {
  at: 1,
  rss: 80 * MIB,
  heap: 10 * MIB,
  external: 4 * MIB,
  cpu: 0.2,
  frames: 0,
  transmitPages: 0,
  receivePages: 0,
  endpoints: 0,
  timeWaits: 3,
  sockets: 0,
  counters: {},
  card: {},
  errors: {},
  wrong: [],
}

describe('what is left behind', () => {
  it('is nothing when all came back; TIME-WAIT takes its time', () => {
    expect(outstanding(quiet)).toBe('')
    expect(leftBehind(quiet, { ...quiet, heap: 14 * MIB, timeWaits: 900 })).toEqual([])
  })

  it.each([
    [{ transmitPages: 1 }, 'did not come back: 1 transmitPages'],
    [{ receivePages: 2, endpoints: 1 }, 'did not come back: 2 receivePages, 1 endpoints'],
    [{ frames: 5 }, 'did not come back: 5 frames'],
    [{ sockets: 1 }, 'did not come back: 1 sockets'],
    [{ heap: 40 * MIB }, 'the heap is 30.0 MiB larger than before'],
    [{ wrong: ['upload: a wrong byte'] }, 'upload: a wrong byte'],
  ])('%j', (change, trouble) => {
    expect(leftBehind(quiet, { ...quiet, ...change })).toEqual([trouble])
  })
})

describe('growth', () => {
  const run = (heaps: number[]) => growth(heaps.map((heap) => ({ ...quiet, heap: heap * MIB })))

  it('is none when memory goes up and down, or rises once', () => {
    expect(run([10, 40, 12, 60, 11, 50, 10, 55, 12])).toBe('')
    expect(run([10, 50, 50, 50, 51, 50, 50, 52, 51])).toBe('')
  })

  it('is seen when the least of the end is above the most of the start', () => {
    expect(run([10, 20, 30, 40, 50, 60, 70, 80, 90])).toBe('heap grew by 40.0 MiB')
    expect(growth([1, 2, 3, 4, 5, 6].map((i) => ({ ...quiet, external: i * 20 * MIB, rss: i * 30 * MIB })))).toBe(
      'external grew by 60.0 MiB, rss grew by 90.0 MiB',
    )
  })

  it('cannot be told from a few looks', () => expect(run([1, 50, 100])).toBe(''))
})

describe('the report', () => {
  const phase = (troubles: string[]): PhaseReport => ({
    phase: 'ring',
    about: 'a full ring',
    seed: 'x-ring',
    seconds: 2,
    figures: { EAGAIN: 3 },
    troubles,
    before: quiet,
    after: { ...quiet, heap: 11 * MIB },
    samples: [],
  })
  const report = (phases: PhaseReport[]): SoakReport => ({
    seed: 'x',
    seconds: 2,
    processors: 2,
    passed: phases.every(({ troubles }) => troubles.length === 0),
    phases,
  })

  it('says what a phase found', () => {
    expect(phaseText(phase([]))).toBe(
      'ok     ring    a full ring, 2.0 s\n         EAGAIN 3\n         back to 0 endpoints, 0 pages, heap +1.0 MiB',
    )
    expect(verdictText(report([phase([])]))).toBe('all 1 phases passed in 2 s; seed x')
  })

  it('names phase, seed and what was wrong, and how to see it again', () => {
    expect(phaseText(phase(['a page is out']))).toMatch(/^FAILED ring .*\n.*\n.*\n {9}seed x-ring: a page is out$/)
    expect(verdictText(report([phase(['a page is out'])]))).toBe(
      'failed: ring; to run it again: pagewire bench soak --seed x --phases ring',
    )
  })
})
