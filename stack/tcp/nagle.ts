// Whether the last, partial segment may go (RFC 1122 4.2.3.4; Nagle, in Minshall's form as in Linux: it waits only while
// another small segment is unacknowledged; TCP_CORK; silly window avoidance of the sender). Owns the end of the last small
// segment and the cork's deadline.

import { NEVER } from '../base/deadlines.ts'
import { after } from '../base/sequence.ts'

/** A cork holds a partial segment no longer. */
export const CORK_TIME = 200_000

export class Nagle {
  noDelay = false
  cork = false
  /** When the cork lets go; NEVER: it holds nothing. */
  corkUntil = NEVER
  private smallEnd = 0
  private hasSmall = false
  private pushed = false

  /** TCP_NODELAY set, the cork drawn or its time over: what waits now goes, once. */
  push(): void {
    this.pushed = true
    this.corkUntil = NEVER
  }

  /** TCP_CORK set: what was pushed before and found nothing to send pushes nothing that comes later. */
  hold(): void {
    this.pushed = false
  }

  /** Whether `length` bytes, less than a segment and the last of the queue, may go now. `una`: SND.UNA. */
  mayTail(una: number, now: number): boolean {
    if (this.pushed) return true
    if (this.cork) {
      if (this.corkUntil === NEVER) this.corkUntil = now + CORK_TIME
      return this.corkUntil <= now
    }
    return this.noDelay || !this.hasSmall || !after(this.smallEnd, una)
  }

  /** The queue went out to its end; `small`: the last segment was partial and ends at `end`. */
  onDrained(end: number, small: boolean): void {
    this.pushed = false
    this.corkUntil = NEVER
    if (small) {
      this.hasSmall = true
      this.smallEnd = end
    }
  }
}

/** RFC 9293 3.8.6.2.1: part of what waits goes when it is a full segment, or half of the largest window the peer ever had. */
export function worthSending(length: number, mss: number, maxWindow: number): boolean {
  return length >= mss || (length > 0 && length * 2 >= maxWindow)
}
