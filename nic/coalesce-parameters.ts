// How many frames go together (`ethtool -c`): those that one poll hands up before the stack answers any of them, and those
// that one doorbell sends. Owns the two numbers and their ranges; the card acts on them. More together costs less per
// frame, fewer together are answered sooner. Merging of segments (GRO) is something else, but goes no further than a poll.

import { EINVAL } from '../stack/base/errno.ts'
import { POLL_BUDGET } from '../stack/device.ts'

/** By the names of `ethtool -C`, in camel case. */
export interface CoalesceParameters {
  /** Frames that one poll hands up at most; 0, like 1: each alone. */
  rxFrames: number
  /** A doorbell as soon as so many frames are on the ring; 0: one for all that a burst has. The segments of one super-frame stay together. */
  txFrames: number
}

/** What Linux's TAP driver makes of larger numbers of rx-frames (NAPI_POLL_WEIGHT). */
const MOST_RX_FRAMES = Math.max(64, POLL_BUDGET)
/** Not reached by any ring. */
const NO_LIMIT = 0x3fff_ffff

export class Coalescing {
  private rxFrames = POLL_BUDGET
  private txFrames = 0
  /** Frames of one poll, 1 or more. */
  pollBudget = POLL_BUDGET
  /** Frames of one doorbell, 1 or more. */
  doorbellLimit = NO_LIMIT

  get parameters(): CoalesceParameters {
    return { rxFrames: this.rxFrames, txFrames: this.txFrames }
  }

  /** Takes what is given; rx-frames beyond the most become the most. 0, or EINVAL for what is not of 32 bits; nothing changes then. */
  set({ rxFrames = this.rxFrames, txFrames = this.txFrames }: Partial<CoalesceParameters>): number {
    if (!isUnsigned32(rxFrames) || !isUnsigned32(txFrames)) return EINVAL
    this.rxFrames = Math.min(rxFrames, MOST_RX_FRAMES)
    this.txFrames = txFrames
    this.pollBudget = Math.max(this.rxFrames, 1)
    this.doorbellLimit = txFrames === 0 ? NO_LIMIT : Math.min(txFrames, NO_LIMIT)
    return 0
  }
}

function isUnsigned32(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32
}
