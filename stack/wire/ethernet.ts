// The Ethernet II header (IEEE 802.3 3.2). Addresses are pairs of numbers as in base/mac-address.ts, so that reading
// one allocates nothing.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |                     destination (48 bits)                     |
//  |                               |                               |
//  |                        source (48 bits)                       |
//  |           ether type          |            payload

import { blob, u16be } from 'buffer-layout'
import { type HeaderLayout, header } from './layout.ts'

export const ETHER_IPV4 = 0x0800
export const ETHER_ARP = 0x0806
export const ETHER_VLAN = 0x8100
export const ETHER_IPV6 = 0x86dd

export const layout: HeaderLayout = header('ethernet', [blob(6, 'destination'), blob(6, 'source'), u16be('etherType')])

export const DESTINATION = layout.offset('destination')
export const SOURCE = layout.offset('source')
export const ETHER_TYPE = layout.offset('etherType')
export const HEADER = layout.span

/** `high`: bytes 0 and 1 of an address, 0 to 0xffff; `low`: bytes 2 to 5 as a signed integer. */
export interface EthernetHeader {
  destinationHigh: number
  destinationLow: number
  sourceHigh: number
  sourceLow: number
  etherType: number
}

export function ethernetHeader(): EthernetHeader {
  return { destinationHigh: 0, destinationLow: 0, sourceHigh: 0, sourceLow: 0, etherType: 0 }
}

/** Reads the header at `at`, of which `available` bytes came. `parse` never throws: false means drop. */
export function parse(view: DataView, at: number, available: number, out: EthernetHeader): boolean {
  if (available < HEADER) return false
  out.destinationHigh = view.getUint16(at + DESTINATION)
  out.destinationLow = view.getInt32(at + DESTINATION + 2)
  out.sourceHigh = view.getUint16(at + SOURCE)
  out.sourceLow = view.getInt32(at + SOURCE + 2)
  out.etherType = view.getUint16(at + ETHER_TYPE)
  return true
}

export function emit(from: EthernetHeader, view: DataView, at: number): void {
  view.setUint16(at + DESTINATION, from.destinationHigh)
  view.setInt32(at + DESTINATION + 2, from.destinationLow)
  view.setUint16(at + SOURCE, from.sourceHigh)
  view.setInt32(at + SOURCE + 2, from.sourceLow)
  view.setUint16(at + ETHER_TYPE, from.etherType)
}
