// The UDP header (RFC 768).
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |          source port          |       destination port        |
//  |            length             |           checksum            |

import { u16be } from 'buffer-layout'
import { type HeaderLayout, header } from './layout.ts'

export const layout: HeaderLayout = header('udp', [
  u16be('sourcePort'),
  u16be('destinationPort'),
  u16be('length'),
  u16be('checksum'),
])

export const SOURCE_PORT = layout.offset('sourcePort')
export const DESTINATION_PORT = layout.offset('destinationPort')
export const LENGTH = layout.offset('length')
export const CHECKSUM = layout.offset('checksum')
export const HEADER = layout.span

/** Ports in host order; `length` is bytes of header and payload; a checksum of 0 means that there is none. */
export interface UdpHeader {
  sourcePort: number
  destinationPort: number
  length: number
  checksum: number
}

export function udpHeader(): UdpHeader {
  return { sourcePort: 0, destinationPort: 0, length: 0, checksum: 0 }
}

/**
 * Reads the header at `at`, of which `available` bytes came. `parse` never throws: false means drop. True guarantees
 * 8 <= length <= available.
 */
export function parse(view: DataView, at: number, available: number, out: UdpHeader): boolean {
  if (available < HEADER) return false
  const length = view.getUint16(at + LENGTH)
  if (length < HEADER || length > available) return false
  out.sourcePort = view.getUint16(at + SOURCE_PORT)
  out.destinationPort = view.getUint16(at + DESTINATION_PORT)
  out.length = length
  out.checksum = view.getUint16(at + CHECKSUM)
  return true
}

export function emit(from: UdpHeader, view: DataView, at: number): void {
  view.setUint16(at + SOURCE_PORT, from.sourcePort)
  view.setUint16(at + DESTINATION_PORT, from.destinationPort)
  view.setUint16(at + LENGTH, from.length)
  view.setUint16(at + CHECKSUM, from.checksum)
}
