// How often a connection answers segments that it does not believe: challenge ACKs (RFC 5961 3 to 5, 7) and ACKs to empty segments
// outside of the window. One allowance per connection, never a shared one, whose level could be observed from outside.

/** One such answer per connection in this time (Linux's tcp_invalid_ratelimit). */
export const CHALLENGE_INTERVAL = 500_000

export class ChallengeLimit {
  private last = -CHALLENGE_INTERVAL

  /** True if an answer may go at `now`; it then counts as sent. */
  allow(now: number): boolean {
    if (now - this.last < CHALLENGE_INTERVAL) return false
    this.last = now
    return true
  }
}
