// The Internet checksum (RFC 1071) over headers and small payloads, and the pseudo-header sums of TCP, UDP and ICMPv6.
// Sums are one's complement sums in network order, not complemented until they are stored. Payload of any size is the
// card's business (nic/checksum-engine.ts), not this file's.

import type { IpAddress } from '../base/ip-address.ts'

/** Folds a sum of 16-bit words below 2^32 to 16 bits: what a packet comes to. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/**
 * The sum of bytes [from, to) as if the first stood at an even offset, unfolded and below 2^31 for up to 64 KiB. An odd
 * last byte counts as the high half of its word. `to` is at most `view.byteLength`.
 */
export function sum(view: DataView, from: number, to: number): number {
  let total = 0
  let at = from
  const words = to - ((to - from) & 3)
  for (; at < words; at += 4) {
    const word = view.getInt32(at)
    total += (word >>> 16) + (word & 0xffff)
  }
  if (to - at >= 2) {
    total += view.getUint16(at)
    at += 2
  }
  return at < to ? total + (view.getUint8(at) << 8) : total
}

/**
 * Puts the sum of a piece that begins at an odd offset in its place: the bytes of its words change sides. Takes and
 * gives a folded sum.
 */
export function swapBytes(folded: number): number {
  return ((folded & 0xff) << 8) | (folded >>> 8)
}

/** The value of a checksum field for a sum: folded and complemented. */
export function complement(total: number): number {
  return ~fold(total) & 0xffff
}

/** The sum of a 32-bit word's halves. */
export function sumWord(word: number): number {
  return (word >>> 16) + (word & 0xffff)
}

/** Pseudo-header of either family (RFC 793 3.1, RFC 8200 8.1): `length` of transport header and payload. Folded. */
export function pseudoHeader(source: IpAddress, destination: IpAddress, protocol: number, length: number): number {
  // The words that IPv4 does not use are zero.
  const from = sumWord(source.a) + sumWord(source.b) + sumWord(source.c) + sumWord(source.d)
  const to = sumWord(destination.a) + sumWord(destination.b) + sumWord(destination.c) + sumWord(destination.d)
  return fold(from + to + protocol + sumWord(length))
}

/** Pseudo-header of IPv4 (RFC 793 3.1): addresses as 32-bit words, `length` of transport header and payload. Folded. */
export function pseudoHeaderV4(source: number, destination: number, protocol: number, length: number): number {
  return fold(sumWord(source) + sumWord(destination) + protocol + length)
}

/**
 * Changes a checksum field in place of summing anew, when a 16-bit word under it changes from `before` to `after`
 * (RFC 1624, equation 3).
 */
export function adjust(checksum: number, before: number, after: number): number {
  return complement((~checksum & 0xffff) + (~before & 0xffff) + after)
}
