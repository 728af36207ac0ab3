// The receive side's one job: a verdict on each frame's transport checksum. Trusts what is unfinished by design (NEEDS_CSUM)
// always, and what the port vouches for while rx-checksumming is on; all else is summed here. A wrong checksum is marked
// and counted, not dropped: the transport drops it and counts it as its own. Merging is coalesce.ts's.

import { CHECKSUM_BAD, CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Frame } from '../stack/buffer/frame.ts'
import { fold } from './checksum.ts'
import type { ChecksumEngine } from './checksum-engine.ts'
import type { NicCounters } from './counters.ts'
import { ETHERNET_HEADER, EthernetPacket } from './ethernet-packet.ts'
import type { FeatureSet } from './features.ts'
import { HiddenTail } from './hidden-tail.ts'

const UDP = 17

export class ReceiveSide {
  private readonly features: FeatureSet
  private readonly counters: NicCounters
  private readonly engine: ChecksumEngine
  /** Where things are in the frame, after `isMergeable` answered true. */
  readonly packet = new EthernetPacket()
  private readonly tail = new HiddenTail()
  /** `packet` describes the frame that was judged last. */
  private known = false

  constructor(features: FeatureSet, counters: NicCounters, engine: ChecksumEngine) {
    this.features = features
    this.counters = counters
    this.engine = engine
  }

  /** Counts the frame and sets its `checksum`. Never throws. */
  judge(frame: Frame): void {
    const counters = this.counters
    const bytes = frame.length
    this.known = false
    counters.rx_packets++
    counters.rx_bytes += bytes
    counters.rx_segments += frame.segments
    if (frame.gsoSize > 0) {
      counters.rx_gro_hw_frames++
      counters.rx_gro_hw_bytes += bytes
    }
    if (frame.csumStart >= 0) {
      counters.rx_csum_partial_frames++
      counters.rx_csum_partial_bytes += bytes
      frame.checksum = CHECKSUM_UNNECESSARY
      return
    }
    // The checksum of a merged frame cannot be verified any more: the port's word is all there is.
    if (frame.checksum === CHECKSUM_UNNECESSARY && (this.features.rxChecksum || frame.gsoSize > 0)) {
      counters.rx_csum_hw_frames++
      counters.rx_csum_hw_bytes += bytes
      return
    }
    frame.checksum = this.verify(frame, bytes)
  }

  /** Whether the frame that was just judged is a sound TCP or UDP packet: then `packet` describes it. */
  isMergeable(frame: Frame): boolean {
    return frame.checksum === CHECKSUM_UNNECESSARY && (this.known || this.packet.parse(frame))
  }

  private verify(frame: Frame, bytes: number): number {
    const { packet, counters } = this
    this.known = packet.parse(frame)
    if (frame.sum >= 0) counters.rx_summed_bytes += bytes - ETHERNET_HEADER
    if (!this.known) {
      counters.rx_csum_none++
      return CHECKSUM_NONE
    }
    const field = frame.start + packet.transportOffset + packet.checksumOffset
    if (packet.protocol === UDP && frame.head.view.getUint16(field) === 0) {
      counters.rx_csum_none++
      // The sender made none (RFC 768), which IPv6 does not allow (RFC 8200 8.1).
      return packet.version === 4 ? CHECKSUM_UNNECESSARY : CHECKSUM_BAD
    }
    const sum = this.sumTransport(frame, bytes)
    if (sum < 0) {
      counters.rx_csum_none++
      return CHECKSUM_NONE
    }
    counters.rx_csum_sw_frames++
    counters.rx_csum_sw_bytes += bytes
    if (fold(sum + packet.pseudoHeaderSum(frame)) === 0xffff) return CHECKSUM_UNNECESSARY
    counters.rx_csum_errors++
    return CHECKSUM_BAD
  }

  /** The sum of the transport header and payload alone: link padding is hidden from the engine while it sums. */
  private sumTransport(frame: Frame, bytes: number): number {
    const { packet, engine } = this
    const padding = bytes - packet.transportOffset - packet.transportLength
    if (padding === 0 && frame.sum >= 0) return takeOut(frame, packet)
    if (padding > 0) this.tail.hide(frame, padding)
    const sum = engine.sumFrame(frame, packet.transportOffset)
    if (padding > 0) this.tail.restore(frame)
    if (sum >= 0) this.counters.rx_summed_bytes += packet.transportLength
    return sum
  }
}

/** What is left of the frame's `sum` without the headers before the transport's, all of which are of even length. */
function takeOut(frame: Frame, packet: EthernetPacket): number {
  const { view } = frame.head
  const end = frame.start + packet.transportOffset
  let headers = 0
  let at = frame.start + ETHERNET_HEADER
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at)
    headers += (word >>> 16) + (word & 0xffff)
  }
  if (at < end) headers += view.getUint16(at)
  packet.networkSum = fold(headers)
  return fold(frame.sum + (~packet.networkSum & 0xffff))
}
