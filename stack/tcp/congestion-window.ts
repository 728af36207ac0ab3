// The congestion window of one connection (RFC 5681, RFC 6928, RFC 7661 in Linux's form): slow start, the count of
// acknowledged bytes that became whole segments, validation (no growth that was not used), and the decay after idleness.
// Owns cwnd and ssthresh in segments. How avoidance grows and how far a loss falls is the algorithm's.

import { notBefore } from '../base/sequence.ts'
import { type CongestionControl, createCongestionControl } from './congestion.ts'

export const INITIAL_WINDOW = 10
export const NO_THRESHOLD = 0x7fffffff

export class CongestionWindow {
  cwnd = INITIAL_WINDOW
  ssthresh = NO_THRESHOLD
  /** The algorithm, or its name until it is needed: many a connection never leaves slow start. */
  private control: CongestionControl | CongestionControl['name']
  /** Acknowledged segments towards the next increase in avoidance, and bytes towards the next acknowledged segment. */
  private credit = 0
  private ackedBytes = 0
  /** The most that was out in the present round (until `usageEnd` is acknowledged), and whether the window held it back. */
  private mostOut = 0
  private limited = false
  private usageEnd = 0
  private usedAt = 0
  private used = 0

  constructor(algorithm: CongestionControl | CongestionControl['name']) {
    this.control = algorithm
  }

  get algorithmName(): CongestionControl['name'] {
    return typeof this.control === 'string' ? this.control : this.control.name
  }

  /** Another algorithm from now on, which has learned nothing yet. */
  setAlgorithm(name: CongestionControl['name']): void {
    this.control = name
  }

  private get algorithm(): CongestionControl {
    if (typeof this.control === 'string') this.control = createCongestionControl(this.control)
    return this.control
  }

  begin(sequence: number, now: number): void {
    this.usageEnd = sequence
    this.usedAt = now
  }

  /**
   * After a burst was sent: `out` segments are in flight up to `sndNxt`, and `limited` says that the window, not the
   * application or the receiver, ended the burst. With `decay` a window that was not used for an RTO shrinks to what was.
   */
  onBurst(
    out: number,
    limited: boolean,
    sndUna: number,
    sndNxt: number,
    rto: number,
    decay: boolean,
    now: number,
  ): void {
    if (notBefore(sndUna, this.usageEnd) || limited || (!this.limited && out > this.mostOut)) {
      this.limited = limited
      this.mostOut = out
      this.usageEnd = sndNxt
    }
    if (this.isLimited()) {
      this.used = 0
      this.usedAt = now
      return
    }
    if (out > this.used) this.used = out
    if (decay && now - this.usedAt >= rto) this.shrinkToUse(limited, now)
  }

  /** Whether the window is what holds sending back (Linux's tcp_is_cwnd_limited): no growth otherwise. */
  isLimited(): boolean {
    return this.limited || (this.cwnd < this.ssthresh && this.cwnd < 2 * this.mostOut)
  }

  /** `bytes` were newly acknowledged outside of recovery, in segments of `mss`. */
  onAck(bytes: number, mss: number, srtt: number, now: number): void {
    const total = this.ackedBytes + bytes
    let acked = Math.floor(total / mss)
    this.ackedBytes = total - acked * mss
    if (acked === 0 || !this.isLimited()) return
    if (this.cwnd < this.ssthresh) {
      // RFC 5681 3.1, one per acknowledged segment; never past the threshold.
      const grown = Math.min(this.cwnd + acked, this.ssthresh)
      acked -= grown - this.cwnd
      this.cwnd = grown
      if (acked === 0) return
    }
    this.avoid(acked, srtt, now)
  }

  /** Enters recovery: the threshold falls, and the window to it. */
  onLoss(): void {
    this.ssthresh = this.algorithm.onLoss(this.cwnd)
    this.cwnd = this.ssthresh
    this.credit = 0
    this.ackedBytes = 0
  }

  /** A retransmission timeout (RFC 5681 3.1): one segment. `first`: not yet in loss recovery for these bytes. */
  onTimeout(first: boolean): void {
    if (first) {
      this.ssthresh = this.algorithm.onLoss(this.cwnd)
      this.algorithm.onTimeout()
    }
    this.cwnd = 1
    this.credit = 0
    this.ackedBytes = 0
  }

  /** Nothing was in flight for `idle`: the window halves for each RTO down to the initial one (RFC 5681 4.1, Linux). */
  onIdle(idle: number, rto: number, now: number): void {
    if (typeof this.control !== 'string') this.control.onIdle(idle)
    const restart = Math.min(this.cwnd, INITIAL_WINDOW)
    this.rememberThreshold()
    for (let left = idle; left > rto && this.cwnd > restart; left -= rto) this.cwnd >>= 1
    this.cwnd = Math.max(this.cwnd, restart)
    this.usedAt = now
    this.used = 0
  }

  private avoid(acked: number, srtt: number, now: number): void {
    const cost = this.algorithm.growth(this.cwnd, acked, srtt, now)
    // What was saved up while a segment cost more buys one now, not many.
    if (this.credit >= cost) {
      this.credit = 0
      this.cwnd++
    }
    this.credit += acked
    if (this.credit >= cost) {
      const more = Math.floor(this.credit / cost)
      this.credit -= more * cost
      this.cwnd += more
    }
  }

  /** RFC 2861 as in Linux: half way back to what was used. */
  private shrinkToUse(limited: boolean, now: number): void {
    const used = Math.max(this.used, INITIAL_WINDOW)
    if (!limited && used < this.cwnd) {
      this.rememberThreshold()
      this.cwnd = (this.cwnd + used) >> 1
    }
    this.used = 0
    this.usedAt = now
  }

  /** The window that had been reached is where slow start may go back to: at least three quarters of it. */
  private rememberThreshold(): void {
    this.ssthresh = Math.max(this.ssthresh, (this.cwnd >> 1) + (this.cwnd >> 2))
  }
}
