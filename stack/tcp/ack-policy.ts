// When what was received is acknowledged (RFC 1122 4.2.3.2, RFC 5681 4.2, with Linux's quick and interactive modes).
// Owns the decision and its deadline; counts full segments by the largest one seen. It does not send.

import { NEVER } from '../base/deadlines.ts'

/** How long an acknowledgment may wait for company. */
export const DELAYED_ACK = 40_000
/** So many acknowledgments go out at once at the start and after a gap. */
export const QUICK_ACKS = 16
const FIRST_MSS = 536
const MIN_MSS = 88

export class AckPolicy {
  /** An acknowledgment must leave with the next transmit. */
  now = false
  /** It may stay for one more poll: who is told of a FIN often answers with one in the same turn, and that carries it. */
  private patient = false
  /** When it must leave at the latest; NEVER: nothing is owed. */
  dueAt = NEVER
  private always = false
  /** The largest segment seen: what a full segment of the peer is. */
  rcvMss = FIRST_MSS
  private quick = QUICK_ACKS
  /** The application answers what it gets: an answer soon carries the acknowledgment. */
  private interactive = false
  private lastDataAt = 0
  private heard = false

  /** The peer's segments are at most `mss` long. */
  begin(mss: number): void {
    this.rcvMss = Math.max(Math.min(mss, FIRST_MSS), MIN_MSS)
  }

  /**
   * Data came in order: a frame of `length` bytes in `segments`, after which `unacknowledged` bytes were received since
   * the last acknowledgment. `rto`: a silence of that length is a gap.
   */
  onData(length: number, segments: number, unacknowledged: number, rto: number, now: number): void {
    const size = segments > 1 ? Math.ceil(length / segments) : length
    if (size > this.rcvMss) this.rcvMss = size
    if (this.heard && now - this.lastDataAt > rto) this.beginQuick()
    this.heard = true
    this.lastDataAt = now
    if (unacknowledged > this.rcvMss || this.always || (this.quick > 0 && !this.interactive)) this.now = true
    else if (this.dueAt === NEVER) this.dueAt = now + DELAYED_ACK
  }

  /** A gap, a duplicate, a FIN, a window that opened, a probe: the peer is told at once. */
  atOnce(): void {
    this.now = true
  }

  /** A FIN came in order, and the application is told. */
  onFin(): void {
    this.now = true
    this.patient = true
  }

  /** Whether what is owed waits for the next poll: true once for each FIN. */
  takePatience(): boolean {
    const { patient } = this
    this.patient = false
    return patient
  }

  /** Out-of-order data or a duplicate: and the next ones quickly too, so that the peer's window recovers. */
  onDisorder(): void {
    this.beginQuick()
    this.now = true
  }

  /** TCP_QUICKACK: what is owed already goes too. */
  setAlways(always: boolean): void {
    this.always = always
    if (always && this.dueAt !== NEVER) this.now = true
  }

  /** Our data left: if it answers what came a moment ago, the session is interactive. */
  onDataSent(now: number): void {
    if (this.heard && now - this.lastDataAt < DELAYED_ACK) this.interactive = true
  }

  /** A segment with an acknowledgment left. */
  onAckSent(): void {
    if (this.quick > 0) this.quick--
    this.now = false
    this.patient = false
    this.dueAt = NEVER
  }

  /** The deadline passed with no answer of the application: not interactive after all. True if an ACK is owed now. */
  onDeadline(now: number): boolean {
    if (this.dueAt > now) return false
    this.interactive = false
    this.now = true
    return true
  }

  private beginQuick(): void {
    this.quick = QUICK_ACKS
    this.interactive = false
  }
}
