// Packets as bytes, built and read by hand: on purpose without the code under test, so that a mistake in a format shows.

import type { IpAddress } from '../../../stack/base/ip-address.ts'
import type { MacAddress } from '../../../stack/base/mac-address.ts'
import type { Frame } from '../../../stack/buffer/frame.ts'

/** RFC 1071 4.1 in its plainest form: the oracle for every checksum. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
  return 0xffff - sum
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const be16 = (value: number) => Uint8Array.of(value >>> 8, value & 255)
export const be32 = (value: number) =>
  Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
export const macBytes = (mac: MacAddress) => concat(be16(mac.high), be32(mac.low))

export function ethernet(
  destination: MacAddress,
  source: MacAddress,
  etherType: number,
  payload: Uint8Array,
): Uint8Array {
  return concat(macBytes(destination), macBytes(source), be16(etherType), payload)
}

export interface ArpFields {
  operation: number
  sender: IpAddress
  senderMac: MacAddress
  target: IpAddress
  targetMac: MacAddress
}

export function arp(fields: ArpFields): Uint8Array {
  const { operation, sender, senderMac, target, targetMac } = fields
  const fixed = concat(be16(1), be16(0x0800), Uint8Array.of(6, 4), be16(operation))
  return concat(fixed, macBytes(senderMac), be32(sender.d), macBytes(targetMac), be32(target.d))
}

export interface Ipv4Fields {
  source: IpAddress
  destination: IpAddress
  protocol: number
  ttl?: number
  trafficClass?: number
  fragment?: number
  options?: Uint8Array
  totalLength?: number
  version?: number
  /** Added to the right checksum. */
  checksumError?: number
}

export function ipv4(fields: Ipv4Fields, payload: Uint8Array): Uint8Array {
  const { options = new Uint8Array(0), version = 4 } = fields
  const length = 20 + options.length
  const header = concat(
    Uint8Array.of((version << 4) | (length >> 2), fields.trafficClass ?? 0),
    be16(fields.totalLength ?? length + payload.length),
    be16(0x1234),
    be16(fields.fragment ?? 0),
    Uint8Array.of(fields.ttl ?? 64, fields.protocol, 0, 0),
    be32(fields.source.d),
    be32(fields.destination.d),
    options,
  )
  header.set(be16((internetChecksum(header) + (fields.checksumError ?? 0)) & 0xffff), 10)
  return concat(header, payload)
}

export function icmp(type: number, code: number, rest: Uint8Array, payload: Uint8Array): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), rest, payload)
  message.set(be16(internetChecksum(message)), 2)
  return message
}

export function echo(type: number, identifier: number, sequence: number, payload: Uint8Array): Uint8Array {
  return icmp(type, 0, concat(be16(identifier), be16(sequence)), payload)
}

export function pseudoHeader(source: IpAddress, destination: IpAddress, protocol: number, length: number): Uint8Array {
  return concat(be32(source.d), be32(destination.d), be16(protocol), be16(length))
}

export interface UdpFields {
  source: IpAddress
  destination: IpAddress
  sourcePort: number
  destinationPort: number
  /** `none`: 0 on the wire; `bad`: wrong by one. */
  checksum?: 'right' | 'none' | 'bad'
  length?: number
}

export function udp(fields: UdpFields, payload: Uint8Array): Uint8Array {
  const { source, destination, checksum = 'right' } = fields
  const length = fields.length ?? 8 + payload.length
  const datagram = concat(be16(fields.sourcePort), be16(fields.destinationPort), be16(length), be16(0), payload)
  if (checksum === 'none') return datagram
  const right = internetChecksum(concat(pseudoHeader(source, destination, 17, length), datagram.subarray(0, length)))
  datagram.set(be16(checksum === 'bad' ? right ^ 1 : right || 0xffff), 6)
  return datagram
}

/** All bytes of a frame in one piece. */
export function bytesOf(frame: Frame): Uint8Array {
  const pieces = [frame.head.bytes.slice(frame.start, frame.end)]
  for (let i = 0; i < frame.refs; i++) {
    pieces.push(frame.pages[i].bytes.slice(frame.offsets[i], frame.offsets[i] + frame.lengths[i]))
  }
  return concat(...pieces)
}

/** What a card does with an unfinished checksum. */
export function finishChecksum(bytes: Uint8Array, frame: Frame): void {
  if (frame.csumStart < 0) return
  const sum = internetChecksum(bytes.subarray(frame.csumStart))
  bytes.set(be16(sum || 0xffff), frame.csumStart + frame.csumOffset)
}

export interface ReadPacket {
  destinationMac: string
  sourceMac: string
  etherType: number
  /** Of IPv4. */
  source: string
  destination: string
  protocol: number
  ttl: number
  trafficClass: number
  identification: number
  dontFragment: boolean
  payload: Uint8Array
}

const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
const dotted = (bytes: Uint8Array) => bytes.join('.')

/** Reads a frame with IPv4 in it; throws if lengths or the header checksum are wrong. */
export function readIpv4(bytes: Uint8Array): ReadPacket {
  const packet = bytes.subarray(14)
  const u16 = (at: number) => (packet[at] << 8) | packet[at + 1]
  if (packet[0] !== 0x45) throw new Error(`not a plain IPv4 header: ${packet[0].toString(16)}`)
  if (internetChecksum(packet.subarray(0, 20)) !== 0) throw new Error('IPv4 header checksum is wrong')
  if (u16(2) !== packet.length) throw new Error(`total length ${u16(2)} of ${packet.length} bytes`)
  return {
    destinationMac: hex(bytes.subarray(0, 6)),
    sourceMac: hex(bytes.subarray(6, 12)),
    etherType: (bytes[12] << 8) | bytes[13],
    source: dotted(packet.subarray(12, 16)),
    destination: dotted(packet.subarray(16, 20)),
    protocol: packet[9],
    ttl: packet[8],
    trafficClass: packet[1],
    identification: u16(4),
    dontFragment: (u16(6) & 0x4000) !== 0,
    payload: packet.subarray(20),
  }
}

export interface ReadArp {
  destinationMac: string
  operation: number
  sender: string
  senderMac: string
  target: string
  targetMac: string
}

/** Reads a frame with ARP in it, null if it is something else. */
export function readArp(bytes: Uint8Array): ReadArp | null {
  if (bytes[12] !== 8 || bytes[13] !== 6) return null
  const packet = bytes.subarray(14)
  return {
    destinationMac: hex(bytes.subarray(0, 6)),
    operation: (packet[6] << 8) | packet[7],
    senderMac: hex(packet.subarray(8, 14)),
    sender: dotted(packet.subarray(14, 18)),
    targetMac: hex(packet.subarray(18, 24)),
    target: dotted(packet.subarray(24, 28)),
  }
}
