// The IPv4 header (RFC 791 3.1) and a walk over its options. Owns the format; which packet is welcome is decided in
// network/ipv4-ingress.ts.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |version|  ihl  | traffic class |         total length          |
//  |        identification         |0 D M|     fragment offset     |
//  |      ttl      |   protocol    |        header checksum        |
//  |                         source address                        |
//  |                       destination address                     |
//  |                 options, to a multiple of four                |

import { u8, u16be, u32be } from 'buffer-layout'
import { complement, fold, sum, sumWord } from './checksum.ts'
import { type HeaderLayout, header } from './layout.ts'

export const DONT_FRAGMENT = 0x4000
export const MORE_FRAGMENTS = 0x2000
export const FRAGMENT_OFFSET_MASK = 0x1fff

export const layout: HeaderLayout = header('ipv4', [
  u8('version'),
  u8('trafficClass'),
  u16be('totalLength'),
  u16be('identification'),
  u16be('fragment'),
  u8('ttl'),
  u8('protocol'),
  u16be('checksum'),
  u32be('source'),
  u32be('destination'),
])

export const VERSION = layout.offset('version')
export const TRAFFIC_CLASS = layout.offset('trafficClass')
export const TOTAL_LENGTH = layout.offset('totalLength')
export const IDENTIFICATION = layout.offset('identification')
export const FRAGMENT = layout.offset('fragment')
export const TTL = layout.offset('ttl')
export const PROTOCOL = layout.offset('protocol')
export const CHECKSUM = layout.offset('checksum')
export const SOURCE = layout.offset('source')
export const DESTINATION = layout.offset('destination')
/** Bytes without options and with the most of them. */
export const HEADER = layout.span
export const HEADER_MAX = 60

/** Addresses as signed 32-bit integers; lengths in bytes. */
export interface Ipv4Header {
  /** 20 to 60, a multiple of 4. */
  headerLength: number
  /** DSCP and ECN. */
  trafficClass: number
  totalLength: number
  identification: number
  /** DONT_FRAGMENT, MORE_FRAGMENTS, and the offset in units of 8 bytes. */
  fragment: number
  ttl: number
  protocol: number
  checksum: number
  source: number
  destination: number
}

export function ipv4Header(): Ipv4Header {
  return {
    headerLength: HEADER,
    trafficClass: 0,
    totalLength: 0,
    identification: 0,
    fragment: 0,
    ttl: 0,
    protocol: 0,
    checksum: 0,
    source: 0,
    destination: 0,
  }
}

/**
 * Reads the header at `at`, of which `available` bytes came. Never throws: false means drop. True guarantees version 4
 * and 20 <= headerLength <= available; total length and checksum are the caller's to judge, since each is counted
 * apart.
 */
export function parse(view: DataView, at: number, available: number, out: Ipv4Header): boolean {
  if (available < HEADER) return false
  const first = view.getUint8(at + VERSION)
  const headerLength = (first & 15) << 2
  if (first >>> 4 !== 4 || headerLength < HEADER || headerLength > available) return false
  out.headerLength = headerLength
  out.trafficClass = view.getUint8(at + TRAFFIC_CLASS)
  out.totalLength = view.getUint16(at + TOTAL_LENGTH)
  out.identification = view.getUint16(at + IDENTIFICATION)
  out.fragment = view.getUint16(at + FRAGMENT)
  out.ttl = view.getUint8(at + TTL)
  out.protocol = view.getUint8(at + PROTOCOL)
  out.checksum = view.getUint16(at + CHECKSUM)
  out.source = view.getInt32(at + SOURCE)
  out.destination = view.getInt32(at + DESTINATION)
  return true
}

/** True if the sum over the header, its checksum field included, is as it must be. */
export function checksumValid(view: DataView, at: number, headerLength: number): boolean {
  return fold(sum(view, at, at + headerLength)) === 0xffff
}

/**
 * Writes a header without options and its checksum, which is worked out from the fields: `from.checksum` and
 * `from.headerLength` are not looked at.
 */
export function emit(from: Ipv4Header, view: DataView, at: number): void {
  const first = 0x4500 | from.trafficClass
  const ttlProtocol = (from.ttl << 8) | from.protocol
  const total = first + from.totalLength + from.identification + from.fragment + ttlProtocol
  view.setUint16(at + VERSION, first)
  view.setUint16(at + TOTAL_LENGTH, from.totalLength)
  view.setUint16(at + IDENTIFICATION, from.identification)
  view.setUint16(at + FRAGMENT, from.fragment)
  view.setUint16(at + TTL, ttlProtocol)
  view.setUint16(at + CHECKSUM, complement(total + sumWord(from.source) + sumWord(from.destination)))
  view.setInt32(at + SOURCE, from.source)
  view.setInt32(at + DESTINATION, from.destination)
}

export const OPTIONS_FINE = 0
export const OPTIONS_MALFORMED = 1
/** Loose or strict source route: refused here as by Linux's default (RFC 7126 4.3). */
export const OPTIONS_SOURCE_ROUTE = 2

const OPTION_END = 0
const OPTION_NOP = 1
const OPTION_LSRR = 131
const OPTION_SSRR = 137

/** Walks over the options in bytes [at, end), which are otherwise skipped. Never reads past `end`. */
export function checkOptions(view: DataView, at: number, end: number): number {
  let i = at
  while (i < end) {
    const kind = view.getUint8(i)
    if (kind === OPTION_END) return OPTIONS_FINE
    if (kind === OPTION_NOP) {
      i++
      continue
    }
    if (i + 1 >= end) return OPTIONS_MALFORMED
    const length = view.getUint8(i + 1)
    if (length < 2 || i + length > end) return OPTIONS_MALFORMED
    if (kind === OPTION_LSRR || kind === OPTION_SSRR) return OPTIONS_SOURCE_ROUTE
    i += length
  }
  return OPTIONS_FINE
}
