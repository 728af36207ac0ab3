// One phase from the start of its stack to the verdict: what the phase found, what was left behind, and how the stack was in
// every second of it.

import { messageOf } from '../cli/errors.ts'
import { Ground } from './ground.ts'
import type { Sample } from './messages.ts'
import type { SoakOptions } from './options.ts'
import type { Findings, Phase } from './phases/phase.ts'
import type { PhaseName } from './plan.ts'
import { leftBehind, outstanding } from './verdict.ts'

export interface PhaseReport extends Findings {
  phase: PhaseName
  about: string
  seed: string
  /** Of the clock. */
  seconds: number
  before: Sample | null
  after: Sample | null
  /** One each second, without counters: at, rss, heap, external, endpoints, pages. */
  samples: BriefSample[]
}

export type BriefSample = Omit<Sample, 'counters' | 'card' | 'errors' | 'wrong'>

/** Seconds in which everything must have come back. */
const PATIENCE = 20
/** More samples than this are thinned, so that a run of hours has a report that can be read. */
const MOST_SAMPLES = 2000

/** Throws only the signal's reason. */
export async function runPhase(
  name: PhaseName,
  phase: Phase,
  options: SoakOptions,
  seconds: number,
  signal: AbortSignal,
  onSample: (sample: Sample) => void,
): Promise<PhaseReport> {
  const seed = `${options.seed}-${name}`
  const ground = new Ground(options, seed, seconds, signal)
  const samples: BriefSample[] = []
  const begun = performance.now()
  const report: PhaseReport = {
    phase: name,
    about: phase.about,
    seed,
    seconds: 0,
    figures: {},
    troubles: [],
    before: null,
    after: null,
    samples,
  }
  ground.onSample = (sample) => {
    samples.push(brief(sample))
    if (samples.length > MOST_SAMPLES) samples.splice(0, samples.length, ...samples.filter((_, i) => i % 2 === 0))
    onSample(sample)
  }
  try {
    report.before = await ground.open(phase.setup(ground))
    const timer = setInterval(() => {
      if (!ground.undisturbed) ground.sample().catch(() => {})
    }, 1000)
    try {
      const { figures, troubles } = await phase.run(ground, report.before)
      report.figures = figures
      report.troubles.push(...troubles)
      await ground.endClients()
      report.after = await settled(ground, phase.patience ?? PATIENCE)
      report.troubles.push(...leftBehind(report.before, report.after))
    } finally {
      clearInterval(timer)
    }
  } catch (error) {
    if (signal.aborted) throw error
    report.troubles.push(messageOf(error))
  } finally {
    await ground.end()
  }
  report.seconds = (performance.now() - begun) / 1000
  return report
}

/** How it is when nothing is out any more, or when patience is over. */
async function settled(ground: Ground, patience: number): Promise<Sample> {
  const until = performance.now() + patience * 1000
  while (performance.now() < until && outstanding(await ground.sample()) !== '') await ground.wait(200)
  return await ground.settle()
}

function brief({ counters: _c, card: _k, errors: _e, wrong: _w, ...rest }: Sample): BriefSample {
  return rest
}
