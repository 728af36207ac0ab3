// What `pagewire bench soak` is given, and the checks that need no machine.

import { randomBytes } from 'node:crypto'
import { InvalidArgumentError } from 'commander'
import { PHASES, type PhaseName } from './plan.ts'

export interface SoakOptions {
  phases: PhaseName[]
  /** Idle connections. */
  connections: number
  /** Seconds. */
  duration: number
  seed: string
  /** SYNs per second of the flood; 0: as fast as they go. Default: that, where the stack has SYN cookies. */
  floodRate?: number
  json: boolean | string | undefined
}

export const DEFAULT_CONNECTIONS = 100_000
export const DEFAULT_DURATION = 180
const LONGEST = 30 * 86_400

const UNITS: Record<string, number> = { '': 1, s: 1, m: 60, min: 60, h: 3600, d: 86_400 }

/** Seconds of `90`, `90s`, `3m`, `2h`, `1d`. */
export function duration(text: string): number {
  const [, digits, unit] = /^(\d{1,7}(?:\.\d{1,3})?)(s|m|min|h|d)?$/.exec(text) ?? []
  const value = Number(digits) * UNITS[unit ?? '']
  if (!(value >= 1 && value <= LONGEST)) throw new InvalidArgumentError('Give 1 second to 30 days, as 90s, 3m or 2h.')
  return value
}

/** `idle,faults`, in the order of the run. */
export function phaseList(text: string): PhaseName[] {
  const words = text.split(',').map((word) => word.trim())
  for (const word of words) {
    if (!PHASES.includes(word as PhaseName)) {
      throw new InvalidArgumentError(`There is no phase '${word}'; there are ${PHASES.join(', ')}.`)
    }
  }
  return PHASES.filter((name) => words.includes(name))
}

export function seed(text: string): string {
  if (!/^[\w.-]{1,64}$/.test(text)) throw new InvalidArgumentError('Give up to 64 letters and digits.')
  return text
}

export function freshSeed(): string {
  return randomBytes(4).toString('hex')
}
