// The probes of a window that is shut (RFC 9293 3.8.6.1): when the next one goes, doubling from the retransmission timeout, and
// how many stay without an answer. Owns the count; a connection lives as long as its probes are answered.

import { MAX_RTO } from './round-trip.ts'

export class Persist {
  active = false
  /** Probes since the window shut: the back-off. */
  backoff = 0
  /** Probes since the peer was last heard. */
  unanswered = 0

  begin(): void {
    this.active = true
    this.backoff = 0
    this.unanswered = 0
  }

  end(): void {
    this.active = false
    this.backoff = 0
    this.unanswered = 0
  }

  /** How long to wait for the next probe. */
  interval(rto: number): number {
    return Math.min(rto * 2 ** this.backoff, MAX_RTO)
  }

  /** A probe goes. False when the peer has been silent for too many. */
  onProbe(limit: number): boolean {
    if (this.unanswered >= limit) return false
    this.unanswered++
    if (this.backoff < 16) this.backoff++
    return true
  }

  /** Anything of the peer came. */
  onHeard(): void {
    this.unanswered = 0
  }
}
