// Which bytes are lost: the question that recovery asks after each ACK, as an interface, and its answer by duplicate
// acknowledgments and SACK (RFC 5681 3.2, RFC 6675 4, RFC 6582). RACK-TLP (RFC 8985) will answer the same calls from the
// times of transmission; that is what `onTransmit` and the deadline are for.

import { after, before, distance } from '../base/sequence.ts'
import type { Scoreboard } from './scoreboard.ts'

export interface LossDetection {
  /** Bytes [sequence, end) left at `now`; `again`: not for the first time. */
  onTransmit(sequence: number, end: number, again: boolean, now: number): void
  /**
   * After an ACK: the sequence number before which everything is lost that the peer did not report, or `una` when nothing
   * is. `duplicates`: duplicate acknowledgments since SND.UNA moved. `recovering`: in recovery already, so that the first byte
   * that a partial acknowledgment leaves is lost. Without SACK the scoreboard is null.
   */
  lostBefore(
    una: number,
    nxt: number,
    mss: number,
    duplicates: number,
    recovering: boolean,
    scoreboard: Scoreboard | null,
    now: number,
  ): number
  /** When to ask again although no ACK came; NEVER: not at all. */
  readonly deadline: number
}

/** RFC 5681 3.2: the third duplicate acknowledgment. */
export const DUPLICATE_THRESHOLD = 3

export class DuplicateAcks implements LossDetection {
  readonly deadline = Number.POSITIVE_INFINITY

  onTransmit(): void {}

  lostBefore(
    una: number,
    nxt: number,
    mss: number,
    duplicates: number,
    recovering: boolean,
    scoreboard: Scoreboard | null,
  ): number {
    if (!scoreboard || scoreboard.ranges === 0) {
      // RFC 6582 3.2: one segment at a time, the first.
      if (!recovering && duplicates < DUPLICATE_THRESHOLD) return una
      return firstSegment(una, nxt, mss)
    }
    const edge = lostBySack(una, mss, scoreboard)
    if (edge !== una || duplicates < DUPLICATE_THRESHOLD) return edge
    // RFC 6675 5 (4.3): the third duplicate condemns the first segment, whatever the scoreboard says.
    const first = firstSegment(una, nxt, mss)
    return after(first, scoreboard.left(0)) ? scoreboard.left(0) : first
  }
}

/** IsLost (RFC 6675 4): three ranges above it, or more than two segments' bytes. Walks from the top until one holds. */
function lostBySack(una: number, mss: number, scoreboard: Scoreboard): number {
  let bytes = 0
  let ranges = 0
  for (let i = scoreboard.ranges - 1; i >= 0; i--) {
    bytes += distance(scoreboard.right(i), scoreboard.left(i))
    ranges++
    if (ranges >= DUPLICATE_THRESHOLD || bytes > (DUPLICATE_THRESHOLD - 1) * mss) return scoreboard.left(i)
  }
  return una
}

function firstSegment(una: number, nxt: number, mss: number): number {
  const end = (una + mss) | 0
  return before(end, nxt) ? end : nxt
}
