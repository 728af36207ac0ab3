// The TCP header (RFC 9293 3.1) and its options (RFC 9293 3.2, RFC 7323, RFC 2018). Owns the format, and no meaning of
// it: what to do with a wild value is the connection's business.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |          source port          |       destination port        |
//  |                        sequence number                        |
//  |                     acknowledgment number                     |
//  | offset|  res  |C E U A P R S F|            window             |
//  |           checksum            |        urgent pointer         |
//  |                 options, to a multiple of four                |

import { u8, u16be, u32be } from 'buffer-layout'
import { type HeaderLayout, header } from './layout.ts'

export * from './tcp-options.ts'

export const FIN = 0x01
export const SYN = 0x02
export const RST = 0x04
export const PSH = 0x08
export const ACK = 0x10
export const URG = 0x20
export const ECE = 0x40
export const CWR = 0x80

export const layout: HeaderLayout = header('tcp', [
  u16be('sourcePort'),
  u16be('destinationPort'),
  u32be('sequence'),
  u32be('acknowledgment'),
  u8('dataOffset'),
  u8('flags'),
  u16be('window'),
  u16be('checksum'),
  u16be('urgent'),
])

export const SOURCE_PORT = layout.offset('sourcePort')
export const DESTINATION_PORT = layout.offset('destinationPort')
export const SEQUENCE = layout.offset('sequence')
export const ACKNOWLEDGMENT = layout.offset('acknowledgment')
export const DATA_OFFSET = layout.offset('dataOffset')
export const FLAGS = layout.offset('flags')
export const WINDOW = layout.offset('window')
export const CHECKSUM = layout.offset('checksum')
export const URGENT = layout.offset('urgent')
/** Bytes without and with the most options. */
export const HEADER = layout.span
export const HEADER_MAX = 60

/**
 * Ports, window, checksum and urgent pointer in host order; sequence numbers as signed 32-bit integers; `dataOffset` in
 * bytes.
 */
export interface TcpHeader {
  sourcePort: number
  destinationPort: number
  sequence: number
  acknowledgment: number
  /** 20 to 60, a multiple of 4. */
  dataOffset: number
  /** FIN to CWR. The four reserved bits are ignored and sent as zero. */
  flags: number
  window: number
  checksum: number
  urgent: number
}

export function tcpHeader(): TcpHeader {
  return {
    sourcePort: 0,
    destinationPort: 0,
    sequence: 0,
    acknowledgment: 0,
    dataOffset: HEADER,
    flags: 0,
    window: 0,
    checksum: 0,
    urgent: 0,
  }
}

/**
 * Reads the header at `at`, of which `available` bytes came (header and payload). Never throws: false means drop, and
 * `out` is then undefined. True guarantees 20 <= dataOffset <= available.
 */
export function parse(view: DataView, at: number, available: number, out: TcpHeader): boolean {
  if (available < HEADER) return false
  const dataOffset = (view.getUint8(at + DATA_OFFSET) >>> 4) << 2
  if (dataOffset < HEADER || dataOffset > available) return false
  out.sourcePort = view.getUint16(at + SOURCE_PORT)
  out.destinationPort = view.getUint16(at + DESTINATION_PORT)
  out.sequence = view.getInt32(at + SEQUENCE)
  out.acknowledgment = view.getInt32(at + ACKNOWLEDGMENT)
  out.dataOffset = dataOffset
  out.flags = view.getUint8(at + FLAGS)
  out.window = view.getUint16(at + WINDOW)
  out.checksum = view.getUint16(at + CHECKSUM)
  out.urgent = view.getUint16(at + URGENT)
  return true
}

/** Writes the header without its options: `parse` gives back what was written. */
export function emit(from: TcpHeader, view: DataView, at: number): void {
  view.setUint16(at + SOURCE_PORT, from.sourcePort)
  view.setUint16(at + DESTINATION_PORT, from.destinationPort)
  view.setInt32(at + SEQUENCE, from.sequence)
  view.setInt32(at + ACKNOWLEDGMENT, from.acknowledgment)
  view.setUint8(at + DATA_OFFSET, (from.dataOffset >>> 2) << 4)
  view.setUint8(at + FLAGS, from.flags)
  view.setUint16(at + WINDOW, from.window)
  view.setUint16(at + CHECKSUM, from.checksum)
  view.setUint16(at + URGENT, from.urgent)
}
