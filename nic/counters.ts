// What the card counts, under the names that drivers give to `ethtool -S`. Plain numbers that the code which does the
// work adds to, at the very place where it does it; nothing is derived from anything else. Frames are what passes
// between stack, card and port (a super-frame is one); segments are what is on the wire.

import { errnoName } from '../stack/base/errno.ts'
import { clearWide, WIDE } from '../stack/base/wide.ts'

export class NicCounters {
  // received
  rx_packets = 0
  rx_bytes = WIDE
  /** Packets on the wire that the frames stood for. */
  rx_segments = 0
  /** Frames that nobody was there to take. */
  rx_dropped = 0
  /** Frames too short to have an Ethernet header; dropped. */
  rx_length_errors = 0
  /** Super-frames that the port handed up (rx-gro-hw). */
  rx_gro_hw_frames = 0
  rx_gro_hw_bytes = WIDE
  /** Super-frames that were made here (generic-receive-offload), and the segments that are in them. */
  rx_gro_sw_frames = 0
  rx_gro_sw_bytes = WIDE
  rx_gro_sw_segments = 0
  /** Bare acknowledgments that a later one of the same burst made needless (generic-receive-offload). */
  rx_gro_sw_acks = 0
  /** Checksum unfinished by design (NEEDS_CSUM): nothing to verify. */
  rx_csum_partial_frames = 0
  rx_csum_partial_bytes = WIDE
  /** Vouched for by the port. */
  rx_csum_hw_frames = 0
  rx_csum_hw_bytes = WIDE
  /** Verified here, right or wrong. */
  rx_csum_sw_frames = 0
  rx_csum_sw_bytes = WIDE
  /** Verified here and wrong: marked, not dropped. */
  rx_csum_errors = 0
  /** No TCP or UDP checksum that could be verified: ARP, ICMP, fragments, broken headers. */
  rx_csum_none = 0
  /** Bytes that the processor summed to verify. */
  rx_summed_bytes = WIDE

  // sent
  tx_packets = 0
  tx_bytes = WIDE
  /** Packets on the wire that the sent frames made. */
  tx_segments = 0
  /** Frames that the hardware answered with an error; by errno in `statistics()`. */
  tx_errors = 0
  /** Frames that the card itself could not send: oversize, malformed, no carrier. The owner is told of each. */
  tx_dropped = 0
  /** Packets larger than the MTU that did not ask for segmentation. */
  tx_oversize = 0
  /** Offload requests that contradict the frame. */
  tx_malformed = 0
  tx_carrier_errors = 0
  /** Times the stack was told to wait for room, and told that there is room again. */
  tx_stop = 0
  tx_wake = 0
  /** Segmented by the port. */
  tx_gso_hw_frames = 0
  tx_gso_hw_bytes = WIDE
  /** Segmented here (generic-segmentation-offload on): super-frames and the segments they became. */
  tx_gso_sw_frames = 0
  tx_gso_sw_bytes = WIDE
  tx_gso_sw_segments = 0
  /** Segmented here with generic-segmentation-offload off: the same work under another name. */
  tx_nogso_frames = 0
  tx_nogso_bytes = WIDE
  tx_nogso_segments = 0
  /** Super-frames that the port refused with EINVAL and that were segmented here then. */
  tx_gso_fallback = 0
  /** Super-frames above 64 KiB that the port refused and that were segmented here then. */
  tx_gso_too_large = 0
  /** Gathered by the port from more than one piece. */
  tx_sg_hw_frames = 0
  tx_sg_hw_bytes = WIDE
  /** Copied into one piece here. */
  tx_linearized_frames = 0
  tx_linearized_bytes = WIDE
  /** Checksum finished by the port. */
  tx_csum_hw_frames = 0
  tx_csum_hw_bytes = WIDE
  /** Checksum finished here. */
  tx_csum_sw_frames = 0
  tx_csum_sw_bytes = WIDE
  /** Frames with only a checksum request that the port refused with EINVAL; the owner was told. */
  tx_csum_rejected = 0
  /** Payload bytes that the processor copied. */
  tx_copied_bytes = WIDE
  /** Header bytes that the processor copied: for the segments of a super-frame, and when linearizing. */
  tx_copied_header_bytes = WIDE
  /** Bytes that the processor summed: payload and transport header. */
  tx_summed_bytes = WIDE

  readonly #errors = new Map<number, number>()
  readonly #hardware: { readonly statistics: Readonly<Record<string, number>> }

  constructor(hardware: { readonly statistics: Readonly<Record<string, number>> }) {
    this.#hardware = hardware
    clearWide(this)
  }

  /** The hardware answered a frame with `errno` (positive). */
  countError(errno: number): void {
    this.tx_errors++
    this.#errors.set(errno, (this.#errors.get(errno) ?? 0) + 1)
  }

  /**
   * A copy of everything, with the errors by name (`tx_error_EIO`) and the port's own statistics, `port_` before names
   * that are the card's too: `ethtool -S`.
   */
  statistics(): Record<string, number> {
    const out: Record<string, number> = {}
    for (const [name, value] of Object.entries(this) as [string, number][]) out[name] = value
    for (const [errno, count] of this.#errors) out[`tx_error_${errnoName(errno)}`] = count
    for (const [name, value] of Object.entries(this.#hardware.statistics))
      out[name in out ? `port_${name}` : name] = value
    return out
  }
}
