// One received segment: its header, its options and where its payload lies. One object per stack is filled anew for
// each frame; nothing keeps it.

import type { Frame } from '../buffer/frame.ts'
import { FIN, HEADER, parse, parseOptions, SYN, type TcpHeader, TcpOptions } from '../wire/tcp.ts'

export class Segment implements TcpHeader {
  sourcePort = 0
  destinationPort = 0
  sequence = 0
  acknowledgment = 0
  dataOffset = HEADER
  flags = 0
  window = 0
  checksum = 0
  urgent = 0
  readonly options = new TcpOptions()
  /** The frame stays its owner's. */
  frame!: Frame
  /** Offset of the payload from the frame's first byte, and its length. */
  payloadAt = 0
  payloadLength = 0
  /** Segments on the wire that it stands for. */
  segments = 1

  /** Sequence numbers that the segment takes (SEG.LEN). */
  get length(): number {
    return this.payloadLength + (this.flags & SYN ? 1 : 0) + (this.flags & FIN ? 1 : 0)
  }

  /** Behind its last sequence number. */
  get end(): number {
    return (this.sequence + this.length) | 0
  }

  /** Reads the header of a frame whose transport header stands at `transportOffset`. False: malformed, drop. */
  read(frame: Frame, transportLength: number): boolean {
    const view = frame.head.view
    const at = frame.start + frame.transportOffset
    if (!parse(view, at, Math.min(transportLength, frame.end - at), this)) return false
    this.frame = frame
    this.segments = frame.segments
    this.payloadAt = frame.transportOffset + this.dataOffset
    this.payloadLength = transportLength - this.dataOffset
    if (this.dataOffset > HEADER) parseOptions(view, at + HEADER, at + this.dataOffset, this.options)
    else this.options.clear()
    return true
  }
}
