// The ICMP header for IPv4 (RFC 792) with the two meanings of its second word that are used: identifier and sequence of
// an echo, and the next hop's MTU of "fragmentation needed" (RFC 1191 4).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |     type      |     code      |           checksum            |
//  |     identifier, or unused     |   sequence, or next-hop MTU   |

import { u8, u16be } from 'buffer-layout'
import { type HeaderLayout, header } from './layout.ts'

export const ECHO_REPLY = 0
export const DESTINATION_UNREACHABLE = 3
export const SOURCE_QUENCH = 4
export const REDIRECT = 5
export const ECHO_REQUEST = 8
export const TIME_EXCEEDED = 11
export const PARAMETER_PROBLEM = 12
export const TIMESTAMP_REQUEST = 13
export const TIMESTAMP_REPLY = 14

export const PROTOCOL_UNREACHABLE = 2
export const PORT_UNREACHABLE = 3
export const FRAGMENTATION_NEEDED = 4
/** Of a time exceeded: reassembly, not the TTL. */
export const REASSEMBLY_TIME = 1

export const layout: HeaderLayout = header('icmpv4', [
  u8('type'),
  u8('code'),
  u16be('checksum'),
  u16be('identifier'),
  u16be('sequence'),
])

export const TYPE = layout.offset('type')
export const CODE = layout.offset('code')
export const CHECKSUM = layout.offset('checksum')
export const IDENTIFIER = layout.offset('identifier')
export const SEQUENCE = layout.offset('sequence')
/** Where "fragmentation needed" has the next hop's MTU. */
export const NEXT_HOP_MTU = SEQUENCE
export const HEADER = layout.span

export interface Icmpv4Header {
  type: number
  code: number
  checksum: number
  /** Bytes 4 and 5. */
  identifier: number
  /** Bytes 6 and 7. */
  sequence: number
}

export function icmpv4Header(): Icmpv4Header {
  return { type: 0, code: 0, checksum: 0, identifier: 0, sequence: 0 }
}

/**
 * Reads the header at `at`, of which `available` bytes came. `parse` never throws: false means drop. The checksum is
 * the caller's to verify.
 */
export function parse(view: DataView, at: number, available: number, out: Icmpv4Header): boolean {
  if (available < HEADER) return false
  out.type = view.getUint8(at + TYPE)
  out.code = view.getUint8(at + CODE)
  out.checksum = view.getUint16(at + CHECKSUM)
  out.identifier = view.getUint16(at + IDENTIFIER)
  out.sequence = view.getUint16(at + SEQUENCE)
  return true
}

export function emit(from: Icmpv4Header, view: DataView, at: number): void {
  view.setUint8(at + TYPE, from.type)
  view.setUint8(at + CODE, from.code)
  view.setUint16(at + CHECKSUM, from.checksum)
  view.setUint16(at + IDENTIFIER, from.identifier)
  view.setUint16(at + SEQUENCE, from.sequence)
}

/** True for the types that report an error about another packet: no error may be sent about them (RFC 1122 3.2.2). */
export function isError(type: number): boolean {
  return (
    type === DESTINATION_UNREACHABLE ||
    type === SOURCE_QUENCH ||
    type === REDIRECT ||
    type === TIME_EXCEEDED ||
    type === PARAMETER_PROBLEM
  )
}
