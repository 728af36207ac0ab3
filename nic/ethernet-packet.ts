// What the card reads of a received frame's headers to find the transport checksum: Ethernet with tags (IEEE 802.1Q), IPv4
// (RFC 791), IPv6 with extension headers (RFC 8200). Owns one record that is filled anew for each frame; judges nothing
// but whether there is a TCP or UDP checksum that can be verified. Never throws, whatever the bytes.

import { type Frame, GSO_ECN, GSO_TCPV4 } from '../stack/buffer/frame.ts'

export const ETHERNET_HEADER = 14
const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
const ETHERTYPE_VLAN = 0x8100
const ETHERTYPE_QINQ = 0x88a8
const TCP = 6
const UDP = 17
const HOP_BY_HOP = 0
const ROUTING = 43
const FRAGMENT = 44
const DESTINATION_OPTIONS = 60
/** More extension headers than this are nobody's honest packet. */
const MAX_EXTENSIONS = 8

export class EthernetPacket {
  /** 4 or 6. */
  version = 0
  /** Protocol of the transport header: 6 or 17. */
  protocol = 0
  /** Offsets from the frame's first byte. */
  networkOffset = 0
  transportOffset = 0
  /** Bytes that the transport checksum covers, from `transportOffset` on; padding and what follows are not among them. */
  transportLength = 0
  /** Offset of the checksum field from the transport header. */
  checksumOffset = 0
  /** The folded sum of the bytes between Ethernet header and transport header, once somebody has made it; -1: not yet. */
  networkSum = -1

  /**
   * True for a whole TCP or UDP packet whose headers lie in the header area: then all fields are set. False for anything
   * else: other protocols, fragments, broken or truncated headers.
   */
  parse(frame: Frame): boolean {
    const view = frame.head.view
    const start = frame.start
    const inHead = frame.end - start
    let at = ETHERNET_HEADER
    this.networkSum = -1
    if (inHead < at || !frame.head.touchable) return false
    let type = view.getUint16(start + 12)
    for (let tags = 0; tags < 2 && (type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ); tags++) {
      if (inHead < at + 4) return false
      type = view.getUint16(start + at + 2)
      at += 4
    }
    this.networkOffset = at
    if (type === ETHERTYPE_IPV4) return this.parseIpv4(view, frame, inHead)
    if (type === ETHERTYPE_IPV6) return this.parseIpv6(view, start, inHead, frame.length)
    return false
  }

  private parseIpv4(view: DataView, frame: Frame, inHead: number): boolean {
    const { start, length: whole } = frame
    const at = this.networkOffset
    if (inHead < at + 20) return false
    const first = view.getUint8(start + at)
    const header = (first & 15) * 4
    // A super-frame may be longer than the header can say (BIG TCP).
    const total = view.getUint16(start + at + 2) || (isTcpSuperFrame(frame) ? whole - at : 0)
    if (first >>> 4 !== 4 || header < 20 || total < header || whole < at + total) return false
    if (view.getUint16(start + at + 6) & 0x3fff) return false // a fragment
    this.version = 4
    return this.setTransport(view, start, inHead, at + header, total - header, view.getUint8(start + at + 9))
  }

  private parseIpv6(view: DataView, start: number, inHead: number, whole: number): boolean {
    let at = this.networkOffset
    if (inHead < at + 40 || view.getUint8(start + at) >>> 4 !== 6) return false
    const end = at + 40 + view.getUint16(start + at + 4)
    if (whole < end) return false
    this.version = 6
    let next = view.getUint8(start + at + 6)
    at += 40
    for (let i = 0; next !== TCP && next !== UDP; i++) {
      if (i === MAX_EXTENSIONS || inHead < at + 8 || at + 8 > end) return false
      // Segments left: the pseudo-header is that of another destination. A fragment: not the whole packet.
      if (next === ROUTING && view.getUint8(start + at + 3) !== 0) return false
      if (next === FRAGMENT && (view.getUint16(start + at + 2) & 0xfff9) !== 0) return false
      if (next !== HOP_BY_HOP && next !== ROUTING && next !== DESTINATION_OPTIONS && next !== FRAGMENT) return false
      const length = next === FRAGMENT ? 8 : (view.getUint8(start + at + 1) + 1) * 8
      next = view.getUint8(start + at)
      at += length
    }
    return this.setTransport(view, start, inHead, at, end - at, next)
  }

  private setTransport(
    view: DataView,
    start: number,
    inHead: number,
    at: number,
    length: number,
    protocol: number,
  ): boolean {
    this.protocol = protocol
    this.transportOffset = at
    this.transportLength = length
    if (protocol === TCP) {
      this.checksumOffset = 16
      return length >= 20 && inHead >= at + 20
    }
    if (protocol !== UDP || length < 8 || inHead < at + 8) return false
    this.checksumOffset = 6
    this.transportLength = view.getUint16(start + at + 4)
    return this.transportLength >= 8 && this.transportLength <= length
  }

  /** The sum of the pseudo-header (RFC 9293 3.1, RFC 768, RFC 8200 8.1), not folded. Valid after `parse` answered true. */
  pseudoHeaderSum(frame: Frame): number {
    const view = frame.head.view
    const at = frame.start + this.networkOffset
    let sum = this.protocol + this.transportLength
    const from = at + (this.version === 4 ? 12 : 8)
    const end = from + (this.version === 4 ? 8 : 32)
    for (let i = from; i < end; i += 2) sum += view.getUint16(i)
    return sum
  }
}

function isTcpSuperFrame(frame: Frame): boolean {
  return frame.gsoSize > 0 && (frame.gsoType & ~GSO_ECN) === GSO_TCPV4
}
