// What a run consists of: its phases with the seconds and counts of each, and by seed the single operations of the mixed
// traffic. Draws from the seed and nothing else, so that a run can be had again.

import { type Random, seededRandom } from '../../drivers/index.ts'
import { BLOCK } from './content.ts'

export const PHASES = ['idle', 'flood', 'slow', 'vanish', 'link', 'ring', 'memory', 'faults'] as const
export type PhaseName = (typeof PHASES)[number]

/** Of the time, for those that can be as long as one likes. What others take comes on top, and `faults` has the rest. */
const SHARES: Record<PhaseName, number> = {
  idle: 0.08,
  flood: 0.08,
  slow: 0.04,
  vanish: 0,
  link: 0.06,
  ring: 0.08,
  memory: 0.06,
  faults: 0.6,
}
/** Only `faults` goes on for hours. */
const MOST = 60
const LEAST = 1

/** Seconds of each phase of a run of `duration` seconds. */
export function secondsOf(phases: readonly PhaseName[], duration: number): Map<PhaseName, number> {
  const total = phases.reduce((sum, name) => sum + SHARES[name], 0) || 1
  const out = new Map<PhaseName, number>()
  let spent = 0
  for (const name of phases) {
    if (name === 'faults') continue
    const seconds = SHARES[name] === 0 ? LEAST : Math.min(MOST, Math.max(LEAST, (duration * SHARES[name]) / total))
    spent += seconds
    out.set(name, seconds)
  }
  if (phases.includes('faults')) out.set('faults', Math.max(2 * LEAST, duration - spent))
  return out
}

export const OPERATIONS = [
  'write',
  'zero-copy',
  'send-file',
  'upload',
  'echo',
  'http',
  'range',
  'reset',
  'cut',
] as const
export type OperationName = (typeof OPERATIONS)[number]

/** One conversation of a client with the stack. */
export interface Operation {
  name: OperationName
  /** Where its stream starts in the block. */
  origin: number
  bytes: number
  /** `reset` and `cut`: after so many bytes one end lets go. */
  until: number
  /** The client's writes, bytes. */
  piece: number
}

const MOST_WRITES = 256

/** Most are small, some are large, as it is in the world. */
function size(random: Random, most: number): number {
  const least = 1
  const span = Math.log(most / least)
  return Math.max(least, Math.floor(Math.exp((random.uint32() / 2 ** 32) * span)))
}

/** Operations without an end, the same for the same seed. */
export class Schedule {
  private readonly random: Random
  private readonly mostBytes: number

  constructor(seed: string, mostBytes: number) {
    this.random = seededRandom(seed)
    this.mostBytes = mostBytes
  }

  next(): Operation {
    const { random } = this
    const bytes = size(random, this.mostBytes)
    return {
      name: OPERATIONS[random.below(OPERATIONS.length)],
      origin: random.below(BLOCK),
      bytes,
      until: random.below(bytes),
      // Small writes make small segments: of a large stream not all too many.
      piece: Math.max(1 + size(random, 65536), Math.ceil(bytes / MOST_WRITES)),
    }
  }
}
