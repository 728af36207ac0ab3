// The retransmission timeout from round-trip samples (RFC 6298 with Linux's constants: at least 200 ms of variance, 120 s at
// most). Owns SRTT, RTTVAR, the RTO with its back-off, and the one segment that is being timed (Karn's rule: never one
// that was sent twice). All times in integer microseconds.

import { notBefore } from '../base/sequence.ts'

export const INITIAL_RTO = 1_000_000
const FALLBACK_RTO = 3_000_000
export const MIN_RTO = 200_000
export const MAX_RTO = 120_000_000
/** Timeouts of a SYN that come a second apart before they double (Linux's tcp_syn_linear_timeouts). */
export const SYN_LINEAR_TIMEOUTS = 4

export class RoundTrip {
  /** 0 until the first sample. */
  srtt = 0
  rttvar = 0
  /** The smallest sample, 0 until the first. */
  minRtt = 0
  latest = 0
  /** Without back-off. */
  private base = INITIAL_RTO
  backoff = 0
  /** Something was sent again since the last sample: only timestamps can tell the round trip now. */
  isVoid = false
  private voidSince = 0
  private timing = false
  private timedSequence = 0
  private timedAt = 0

  /** The timeout as it stands, backed off. */
  get rto(): number {
    return this.backoff === 0 ? this.base : Math.min(this.base * 2 ** this.backoff, MAX_RTO)
  }

  /** A sample (2.2, 2.3); it ends the back-off. At least a microsecond: a sample of 0 would mean that there was none. */
  sample(rtt: number): void {
    this.backoff = 0
    const r = Math.max(rtt, 1)
    this.latest = r
    if (this.minRtt === 0 || r < this.minRtt) this.minRtt = r
    if (this.srtt === 0) {
      this.srtt = r
      this.rttvar = Math.round(r / 2)
    } else {
      this.rttvar = Math.round((3 * this.rttvar + Math.abs(this.srtt - r)) / 4)
      this.srtt = Math.round((7 * this.srtt + r) / 8)
    }
    this.base = Math.min(this.srtt + Math.max(MIN_RTO, 4 * this.rttvar), MAX_RTO)
  }

  /** 5.5: the timer expired. */
  backOff(): void {
    if (this.rto < MAX_RTO) this.backoff++
  }

  /** The n-th timeout (from 1) of a SYN: the first ones do not back off. */
  backOffSyn(timeouts: number): void {
    if (timeouts > SYN_LINEAR_TIMEOUTS) this.backOff()
  }

  /** 5.7: the SYN had to be sent again and gave no sample, so that the first data waits longer. */
  afterSynRetransmission(): void {
    if (this.srtt === 0) this.base = FALLBACK_RTO
  }

  /** The handshake is done. Otherwise only a sample ends the back-off (Karn). */
  endBackOff(): void {
    this.backoff = 0
  }

  /** Starts timing the segment that ends at `end` unless one is being timed. */
  time(end: number, now: number): void {
    if (this.timing) return
    this.timing = true
    this.isVoid = false
    this.timedSequence = end
    this.timedAt = now
  }

  /** Something is sent again: what is being timed cannot be trusted any more (section 3). */
  stopTiming(now: number): void {
    this.timing = false
    this.isVoid = true
    this.voidSince = now
  }

  /**
   * Whether a round trip told by timestamps, to a tick, is that of the last retransmission. A longer one began with an
   * earlier copy whose acknowledgment may have been lost: then nothing is learned, and the back-off stays (section 3, Karn).
   */
  isUnambiguous(sample: number, tick: number, now: number): boolean {
    return sample <= now - this.voidSince + tick
  }

  /** An ACK of everything before `ack`: takes the sample when the timed segment is covered. True if it did. */
  onAck(ack: number, now: number): boolean {
    if (!this.timing || !notBefore(ack, this.timedSequence)) return false
    this.timing = false
    this.sample(now - this.timedAt)
    return true
  }
}
