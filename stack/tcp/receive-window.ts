// What the peer may send us (RFC 9293 3.4, 3.8.6; RFC 7323 2): RCV.NXT, the right edge that was advertised, the scale,
// and silly window avoidance on the receiver's side. Owns no data; how much waits in the queue is told.

import { after, before, distance } from '../base/sequence.ts'

/** The largest window that the field can say without a scale. */
export const MAX_UNSCALED = 65535
export const MAX_SCALE = 14

/** The smallest scale with which the field can say `buffer` bytes (RFC 7323 2.3). */
export function scaleFor(buffer: number): number {
  let scale = 0
  while (scale < MAX_SCALE && MAX_UNSCALED << scale < buffer) scale++
  return scale
}

export class ReceiveWindow {
  rcvNxt = 0
  /** RCV.NXT as the last segment we sent told it (Last.ACK.sent). */
  lastAckSent = 0
  /** The furthest right edge that was advertised; data before it is taken. */
  edge = 0
  /** What the field said last: a window that the peer has filled was not for that advertised as shut. */
  field = 0
  buffer: number
  /** The field counts in units of 2 ** scale bytes. */
  scale = 0

  constructor(buffer: number) {
    this.buffer = buffer
  }

  private get unit(): number {
    return 1 << this.scale
  }

  /** The peer's SYN came: `irs` is its sequence number. */
  begin(irs: number): void {
    this.rcvNxt = (irs + 1) | 0
    this.lastAckSent = this.rcvNxt
    this.edge = this.rcvNxt
    // Our SYN or SYN-ACK.
    this.field = this.unscaled
  }

  /** Bytes that the peer may still send. */
  get window(): number {
    const left = distance(this.edge, this.rcvNxt)
    return Math.max(left, 0)
  }

  /** The field of a segment that leaves now with `queued` bytes waiting for the application; moves the edge. */
  advertise(queued: number, mss: number): number {
    const { window: current, unit } = this
    const free = Math.min(Math.max(this.buffer - queued, 0), MAX_UNSCALED * unit)
    let window = current
    // 3.8.6.2.2: the edge moves only when it is worth a segment.
    if (free - current >= Math.min(mss, this.buffer >> 1)) window = free
    // The edge never moves left; rounding up may move it right while there is room (RFC 7323 2.4).
    const up = Math.ceil(window / unit)
    const field = Math.min(
      window === current && up * unit <= Math.max(free, unit) ? up : Math.floor(window / unit),
      65535,
    )
    const edge = (this.rcvNxt + field * unit) | 0
    if (after(edge, this.edge)) this.edge = edge
    this.field = field
    return field
  }

  /** The field of a SYN or SYN-ACK, never scaled (RFC 7323 2.2). */
  get unscaled(): number {
    return Math.min(this.buffer, MAX_UNSCALED)
  }

  /** As said in a SYN-ACK; moves the edge. */
  advertiseUnscaled(): number {
    const field = this.unscaled
    const edge = (this.rcvNxt + field) | 0
    if (after(edge, this.edge)) this.edge = edge
    return field
  }

  /** A segment with an acknowledgment has left. */
  onAckSent(): void {
    this.lastAckSent = this.rcvNxt
  }

  /** Bytes received since the last acknowledgment. */
  get unacknowledged(): number {
    return distance(this.rcvNxt, this.lastAckSent)
  }

  /** The application has read: whether the peer should hear of the room now. */
  worthTelling(queued: number, mss: number): boolean {
    const current = this.window
    const free = Math.min(Math.max(this.buffer - queued, 0), MAX_UNSCALED * this.unit)
    return free >= 2 * current && free - current >= Math.min(mss, this.buffer >> 1)
  }

  /**
   * Whether a segment of sequence space [sequence, end) may be looked at (RFC 9293 3.10.7.4, first): something of it is
   * new or at RCV.NXT, and it begins not after the edge. An empty one exactly at the edge is a peer that has filled it.
   */
  accepts(sequence: number, end: number): boolean {
    return !before(end, this.rcvNxt) && !after(sequence, this.edge)
  }
}
