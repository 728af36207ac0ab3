// The window that the peer offers (RFC 9293 3.4, 3.8.6): SND.UNA, SND.NXT, SND.WND with the segment it came from, its scale,
// and the largest one seen. Owns no data.

import { after, before, distance, notAfter } from '../base/sequence.ts'

export class SendWindow {
  iss = 0
  sndUna = 0
  sndNxt = 0
  sndWnd = 0
  /** SND.WL1, SND.WL2. */
  private updateSequence = 0
  private updateAck = 0
  /** The field counts in units of 2 ** scale bytes. */
  scale = 0
  /** MAX.SND.WND: what the peer's buffer is thought to be. */
  maxWindow = 0

  begin(iss: number): void {
    this.iss = iss
    this.sndUna = iss
    this.sndNxt = iss
  }

  /** Sequence numbers in flight. */
  get flight(): number {
    return distance(this.sndNxt, this.sndUna)
  }

  /** Bytes that the peer's window still allows beyond SND.NXT; negative when it shrank below what is out. */
  get room(): number {
    return distance((this.sndUna + this.sndWnd) | 0, this.sndNxt)
  }

  /** The window of a SYN or SYN-ACK: never scaled. */
  onSyn(sequence: number, ack: number, field: number): void {
    this.updateSequence = sequence
    this.updateAck = ack
    this.sndWnd = field
    if (field > this.maxWindow) this.maxWindow = field
  }

  /** RFC 5961 5: whether an ACK may be looked at; what is older or not yet sent draws a challenge. */
  isAckAcceptable(ack: number): boolean {
    return notAfter(ack, this.sndNxt) && notAfter((this.sndUna - this.maxWindow) | 0, ack)
  }

  /** Takes in the window of an acceptable segment (3.10.7.4, fifth). True if the window changed. */
  update(sequence: number, ack: number, field: number): boolean {
    const fresher =
      before(this.updateSequence, sequence) ||
      (this.updateSequence === sequence && notAfter(this.updateAck, ack)) ||
      after(ack, this.updateAck)
    if (!fresher) return false
    this.updateSequence = sequence
    this.updateAck = ack
    const window = field << this.scale
    if (window > this.maxWindow) this.maxWindow = window
    if (window === this.sndWnd) return false
    this.sndWnd = window
    return true
  }
}
