// An ARP packet for IPv4 over Ethernet (RFC 826), the only kind there is here: others do not parse.
//
//   0                   1                   2                   3
//   0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//  |        hardware type 1        |     protocol type 0x0800      |
//  | hw length 6   | proto length 4|           operation           |
//  |                 sender hardware address (48)                  |
//  |                               |    sender protocol address    |
//  |                               |  target hardware address (48) |
//  |                                                               |
//  |                    target protocol address                    |

import { blob, u8, u16be, u32be } from 'buffer-layout'
import { ETHER_IPV4 } from './ethernet.ts'
import { type HeaderLayout, header } from './layout.ts'

export const REQUEST = 1
export const REPLY = 2

export const layout: HeaderLayout = header('arp', [
  u16be('hardwareType'),
  u16be('protocolType'),
  u8('hardwareLength'),
  u8('protocolLength'),
  u16be('operation'),
  blob(6, 'senderHardware'),
  u32be('senderProtocol'),
  blob(6, 'targetHardware'),
  u32be('targetProtocol'),
])

const HARDWARE_TYPE = layout.offset('hardwareType')
const PROTOCOL_TYPE = layout.offset('protocolType')
const HARDWARE_LENGTH = layout.offset('hardwareLength')
const PROTOCOL_LENGTH = layout.offset('protocolLength')
const OPERATION = layout.offset('operation')
const SENDER_HARDWARE = layout.offset('senderHardware')
const SENDER_PROTOCOL = layout.offset('senderProtocol')
const TARGET_HARDWARE = layout.offset('targetHardware')
const TARGET_PROTOCOL = layout.offset('targetProtocol')
export const LENGTH = layout.span

const ETHERNET = 1

/** Hardware addresses as in wire/ethernet.ts; protocol addresses as signed 32-bit integers. */
export interface ArpPacket {
  operation: number
  senderHigh: number
  senderLow: number
  senderAddress: number
  targetHigh: number
  targetLow: number
  targetAddress: number
}

export function arpPacket(): ArpPacket {
  return {
    operation: 0,
    senderHigh: 0,
    senderLow: 0,
    senderAddress: 0,
    targetHigh: 0,
    targetLow: 0,
    targetAddress: 0,
  }
}

/**
 * Reads the packet at `at`. `parse` never throws: false means drop (too short, or not IPv4 over Ethernet). Any
 * operation is let through.
 */
export function parse(view: DataView, at: number, available: number, out: ArpPacket): boolean {
  if (available < LENGTH) return false
  if (view.getUint16(at + HARDWARE_TYPE) !== ETHERNET || view.getUint16(at + PROTOCOL_TYPE) !== ETHER_IPV4) return false
  if (view.getUint8(at + HARDWARE_LENGTH) !== 6 || view.getUint8(at + PROTOCOL_LENGTH) !== 4) return false
  out.operation = view.getUint16(at + OPERATION)
  out.senderHigh = view.getUint16(at + SENDER_HARDWARE)
  out.senderLow = view.getInt32(at + SENDER_HARDWARE + 2)
  out.senderAddress = view.getInt32(at + SENDER_PROTOCOL)
  out.targetHigh = view.getUint16(at + TARGET_HARDWARE)
  out.targetLow = view.getInt32(at + TARGET_HARDWARE + 2)
  out.targetAddress = view.getInt32(at + TARGET_PROTOCOL)
  return true
}

export function emit(from: ArpPacket, view: DataView, at: number): void {
  view.setUint16(at + HARDWARE_TYPE, ETHERNET)
  view.setUint16(at + PROTOCOL_TYPE, ETHER_IPV4)
  view.setUint8(at + HARDWARE_LENGTH, 6)
  view.setUint8(at + PROTOCOL_LENGTH, 4)
  view.setUint16(at + OPERATION, from.operation)
  view.setUint16(at + SENDER_HARDWARE, from.senderHigh)
  view.setInt32(at + SENDER_HARDWARE + 2, from.senderLow)
  view.setInt32(at + SENDER_PROTOCOL, from.senderAddress)
  view.setUint16(at + TARGET_HARDWARE, from.targetHigh)
  view.setInt32(at + TARGET_HARDWARE + 2, from.targetLow)
  view.setInt32(at + TARGET_PROTOCOL, from.targetAddress)
}
