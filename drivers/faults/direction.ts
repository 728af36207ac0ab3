// One direction of a fault injector: its rates, its chance, its counts, and the frames that are held back. Decides; does
// nothing to a frame.

import type { Random } from '../../stack/base/environment.ts'
import { HeldFrames } from './held-frames.ts'

/** What happens to frames of one direction. Chances are 0 to 1, times microseconds. */
export interface FaultRates {
  /** The frame vanishes. */
  loss?: number
  /** The frame arrives twice. */
  duplicate?: number
  /** The frame is held back by `reorderDelay`, so that later ones overtake it. */
  reorder?: number
  /** One bit of the IP packet flips. Frames that carry no IP are spared: nothing above Ethernet's FCS protects them. */
  corrupt?: number
  /** Every frame comes this much later. */
  delay?: number
  /** And up to this much more, evenly spread: frames may overtake each other. */
  jitter?: number
  /** Default 1000. */
  reorderDelay?: number
}

const RATES = ['loss', 'duplicate', 'reorder', 'corrupt'] as const
const TIMES = ['delay', 'jitter', 'reorderDelay'] as const
const WORD = 2 ** 32

/** One direction: its rates, its chance, its counts, and the frames that are held back. */
export class Direction {
  readonly loss: number
  readonly duplicate: number
  readonly reorder: number
  readonly corrupt: number
  readonly delay: number
  readonly jitter: number
  readonly reorderDelay: number
  readonly random: Random
  readonly held: HeldFrames
  lost = 0
  duplicated = 0
  reordered = 0
  corrupted = 0
  delayed = 0
  overflowed = 0

  constructor(rates: FaultRates, random: Random, limit: number) {
    for (const name of RATES) {
      const value = rates[name] ?? 0
      if (!(value >= 0 && value <= 1)) throw new RangeError(`${name} must be from 0 to 1: ${value}`)
    }
    for (const name of TIMES) {
      const value = rates[name] ?? 0
      if (!(value >= 0 && value < WORD)) throw new RangeError(`${name} must be 0 or more microseconds: ${value}`)
    }
    this.loss = rates.loss ?? 0
    this.duplicate = rates.duplicate ?? 0
    this.reorder = rates.reorder ?? 0
    this.corrupt = rates.corrupt ?? 0
    this.delay = rates.delay ?? 0
    this.jitter = rates.jitter ?? 0
    this.reorderDelay = rates.reorderDelay ?? 1000
    this.random = random
    this.held = new HeldFrames(limit)
  }

  get holds(): boolean {
    return this.delay > 0 || this.jitter > 0 || this.reorder > 0
  }

  /** Whether something of this chance happens. Draws nothing when it never or always does. */
  happens(chance: number): boolean {
    return chance > 0 && (chance >= 1 || this.random.uint32() < chance * WORD)
  }

  /** How long the next frame is held back. */
  wait(): number {
    let wait = this.delay
    if (this.jitter > 0) wait += this.random.below(Math.floor(this.jitter) + 1)
    if (this.happens(this.reorder)) {
      this.reordered++
      wait += this.reorderDelay
    }
    return wait
  }

  statistics(prefix: string, out: Record<string, number>): void {
    out[`${prefix}_lost`] = this.lost
    out[`${prefix}_duplicated`] = this.duplicated
    out[`${prefix}_reordered`] = this.reordered
    out[`${prefix}_corrupted`] = this.corrupted
    out[`${prefix}_delayed`] = this.delayed
    out[`${prefix}_overflowed`] = this.overflowed
  }
}
