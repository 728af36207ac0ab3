// Headers onto frames: writes the TCP header and its options into a frame's header area with the folded pseudo-header
// sum in the checksum field (never complemented: the card finishes it), and hands the frame to its path. Owns one header and
// one set of options, filled anew for each segment.

import type { Frame } from '../buffer/frame.ts'
import type { Counters } from '../counters.ts'
import { type Network, type Path, PROTOCOL_TCP, type TransmitOptions } from '../network/contract.ts'
import { CHECKSUM, emit, emitOptions, HEADER, optionsLength, RST, TcpOptions, tcpHeader } from '../wire/tcp.ts'

export class SegmentWriter {
  /** What the next segment says; the caller clears and fills them. */
  readonly options = new TcpOptions()
  private readonly header = tcpHeader()
  private readonly network: Network
  private readonly counters: Counters

  constructor(network: Network, counters: Counters) {
    this.network = network
    this.counters = counters
  }

  /** A frame for this path, to which the caller adds the payload's references; null: try again later. */
  open(path: Path): Frame | null {
    return this.network.frame(path)
  }

  /** Bytes that the header with its options will have. */
  get headerLength(): number {
    return HEADER + optionsLength(this.options)
  }

  /** Ports and numbers of the next segment. */
  set(localPort: number, remotePort: number, sequence: number, ack: number, flags: number, window: number): void {
    const header = this.header
    header.sourcePort = localPort
    header.destinationPort = remotePort
    header.sequence = sequence
    header.acknowledgment = ack
    header.flags = flags
    header.window = window
  }

  /**
   * Writes the header in front of the frame's references and hands it to the path. `segments`: how many it is on the
   * wire. 0, or the path's negative errno with the frame released: -EAGAIN means that nothing has happened.
   */
  transmit(frame: Frame, path: Path, segments: number, options: TransmitOptions): number {
    const header = this.header
    const view = frame.head.view
    const at = frame.start
    const length = HEADER + emitOptions(this.options, view, at + HEADER)
    header.dataOffset = length
    header.checksum = path.pseudoHeaderSum(PROTOCOL_TCP, length + frame.refBytes)
    emit(header, view, at)
    frame.end = at + length
    frame.csumStart = 0
    frame.csumOffset = CHECKSUM
    const answer = path.transmit(frame, PROTOCOL_TCP, options)
    if (answer < 0) {
      frame.release()
      return answer
    }
    this.counters.TcpOutSegs += segments
    if (header.flags & RST) this.counters.TcpOutRsts++
    return 0
  }
}
