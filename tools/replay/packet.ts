// A recorded or sent Ethernet frame, read for a replay: who speaks to whom, and what a comparison needs of TCP, UDP, ICMP
// and ARP over IPv4. A frame may have been cut to the snap length: its lengths are those of the whole one, and the bytes
// that are missing count as zeros. Never throws; what it cannot read is null.

import { GSO_MAX_SIZE, MAX_PACKET } from '../../stack/buffer/frame.ts'
import { arpPacket, parse as parseArp, REQUEST } from '../../stack/wire/arp.ts'
import { complement, fold, pseudoHeaderV4, sum } from '../../stack/wire/checksum.ts'
import { ETHER_ARP, ETHER_IPV4, ETHER_TYPE, HEADER as ETHERNET } from '../../stack/wire/ethernet.ts'
import { HEADER as ICMP_HEADER, icmpv4Header, parse as parseIcmp } from '../../stack/wire/icmpv4.ts'
import {
  FRAGMENT_OFFSET_MASK,
  CHECKSUM as IP_CHECKSUM,
  ipv4Header,
  MORE_FRAGMENTS,
  parse as parseIp,
  TOTAL_LENGTH,
} from '../../stack/wire/ipv4.ts'
import {
  ACKNOWLEDGMENT,
  FLAGS,
  parseOptions,
  parse as parseTcp,
  HEADER as TCP_HEADER,
  TcpOptions,
  tcpHeader,
} from '../../stack/wire/tcp.ts'
import { HEADER as UDP_HEADER, LENGTH as UDP_LENGTH } from '../../stack/wire/udp.ts'

export type PacketKind = 'tcp' | 'udp' | 'icmp' | 'arp'

export interface Packet {
  kind: PacketKind
  /** What there is of the frame, from the Ethernet header on. */
  bytes: Uint8Array
  view: DataView
  /** Bytes of the whole frame, without padding. At least `bytes.length` minus that. */
  length: number
  /** IPv4 addresses as signed 32-bit integers; of ARP the sender's and the target's. */
  source: number
  destination: number
  /** Ports; 0 for those who have none. */
  sourcePort: number
  destinationPort: number
  /** Where the transport header and the payload begin in the frame, and how long the payload is. */
  transport: number
  payload: number
  payloadLength: number
  /** Of TCP. */
  sequence: number
  acknowledgment: number
  flags: number
  window: number
  options: TcpOptions | null
  /** Type and code of ICMP, operation of ARP. */
  type: number
  code: number
  identifier: number
  number: number
}

const TCP = 6
const UDP = 17
const ICMP = 1
/** A super-frame above 64 KiB has a length of 0 in its header, as any whose length was not known yet. */
const LONGEST = GSO_MAX_SIZE + ETHERNET

const ip = ipv4Header()
const tcp = tcpHeader()
const icmp = icmpv4Header()
const arp = arpPacket()

/** `original`: bytes of the frame before it was cut. Null: not of a kind that is replayed, a fragment, or unreadable. */
export function dissect(bytes: Uint8Array, original = bytes.length): Packet | null {
  if (bytes.length < ETHERNET || original < bytes.length || original > LONGEST + 8) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const type = view.getUint16(ETHER_TYPE)
  if (type === ETHER_ARP) return dissectArp(bytes, view)
  return type === ETHER_IPV4 ? dissectIp(bytes, view, original) : null
}

/** The two bits of a fragment, or of the first of several. */
export function isFragment(bytes: Uint8Array): boolean {
  if (bytes.length < ETHERNET + 20 || ((bytes[12] << 8) | bytes[13]) !== ETHER_IPV4) return false
  return (((bytes[20] << 8) | bytes[21]) & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) !== 0
}

function blank(kind: PacketKind, bytes: Uint8Array, view: DataView): Packet {
  return {
    kind,
    bytes,
    view,
    length: bytes.length,
    source: 0,
    destination: 0,
    sourcePort: 0,
    destinationPort: 0,
    transport: ETHERNET,
    payload: bytes.length,
    payloadLength: 0,
    sequence: 0,
    acknowledgment: 0,
    flags: 0,
    window: 0,
    options: null,
    type: 0,
    code: 0,
    identifier: 0,
    number: 0,
  }
}

function dissectArp(bytes: Uint8Array, view: DataView): Packet | null {
  if (!parseArp(view, ETHERNET, bytes.length - ETHERNET, arp)) return null
  const packet = blank('arp', bytes, view)
  packet.source = arp.senderAddress
  packet.destination = arp.targetAddress
  packet.type = arp.operation
  return packet
}

export const isArpRequest = (packet: Packet): boolean => packet.kind === 'arp' && packet.type === REQUEST

function dissectIp(bytes: Uint8Array, view: DataView, original: number): Packet | null {
  if (!parseIp(view, ETHERNET, bytes.length - ETHERNET, ip)) return null
  if (ip.fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) return null
  // A super-frame may have been recorded before its length was known.
  const total = ip.totalLength === 0 ? original - ETHERNET : ip.totalLength
  const transport = ETHERNET + ip.headerLength
  if (total < ip.headerLength || ETHERNET + total > original || ETHERNET + total > LONGEST) return null
  const kind = ip.protocol === TCP ? 'tcp' : ip.protocol === UDP ? 'udp' : ip.protocol === ICMP ? 'icmp' : null
  if (!kind) return null
  const packet = blank(kind, bytes, view)
  packet.length = ETHERNET + total
  packet.source = ip.source
  packet.destination = ip.destination
  packet.transport = transport
  const there = Math.min(bytes.length, packet.length) - transport
  const known =
    kind === 'tcp' ? readTcp(packet, there) : kind === 'udp' ? readUdp(packet, there) : readIcmp(packet, there)
  if (!known || packet.payload > packet.length) return null
  if (kind !== 'udp') packet.payloadLength = packet.length - packet.payload
  return packet
}

function readTcp(packet: Packet, there: number): boolean {
  const { view, transport } = packet
  if (there < TCP_HEADER || !parseTcp(view, transport, there, tcp)) return false
  packet.sourcePort = tcp.sourcePort
  packet.destinationPort = tcp.destinationPort
  packet.sequence = tcp.sequence
  packet.acknowledgment = tcp.acknowledgment
  packet.flags = tcp.flags
  packet.window = tcp.window
  packet.payload = transport + tcp.dataOffset
  packet.options = new TcpOptions()
  parseOptions(view, transport + TCP_HEADER, packet.payload, packet.options)
  return true
}

function readUdp(packet: Packet, there: number): boolean {
  if (there < UDP_HEADER) return false
  const { view, transport } = packet
  const length = view.getUint16(transport + UDP_LENGTH)
  if (length < UDP_HEADER || transport + length > packet.length) return false
  packet.sourcePort = view.getUint16(transport)
  packet.destinationPort = view.getUint16(transport + 2)
  packet.payload = transport + UDP_HEADER
  packet.payloadLength = length - UDP_HEADER
  return true
}

function readIcmp(packet: Packet, there: number): boolean {
  if (!parseIcmp(packet.view, packet.transport, there, icmp)) return false
  packet.type = icmp.type
  packet.code = icmp.code
  packet.identifier = icmp.identifier
  packet.number = icmp.sequence
  packet.payload = packet.transport + ICMP_HEADER
  return true
}

/** The payload, or bytes [from, to) of it; what was cut off is zeros. */
export function payloadOf(packet: Packet, from = 0, to = packet.payloadLength): Uint8Array {
  const start = packet.payload + from
  const there = packet.bytes.subarray(
    Math.min(start, packet.bytes.length),
    Math.min(packet.payload + to, packet.bytes.length),
  )
  if (there.length === to - from) return there
  const whole = new Uint8Array(to - from)
  whole.set(there)
  return whole
}

/** Whether bytes of the payload were not recorded. */
export const isCut = (packet: Packet): boolean => packet.bytes.length < packet.payload + packet.payloadLength

/** Longer than its IP header can say. */
export const isSuperFrame = (packet: Packet): boolean => packet.length - ETHERNET > MAX_PACKET

/**
 * The frame as a card hands it up: whole, with the checksum that recording has left undone. A checksum that was wrong on
 * the wire stays so. `mac`: where it goes to, 6 bytes; a recording of a loopback device has none.
 */
export function finished(packet: Packet, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.length)
  bytes.set(packet.bytes.subarray(0, packet.length))
  if ((bytes[0] & 1) === 0) bytes.set(mac)
  if (packet.kind === 'arp') return bytes
  const view = new DataView(bytes.buffer)
  if (view.getUint16(ETHERNET + TOTAL_LENGTH) === 0) setTotalLength(view, packet.length - ETHERNET)
  if (packet.kind === 'icmp') {
    if (isCut(packet)) writeChecksum(view, packet.transport, packet.transport + 2, packet.length, 0)
    return bytes
  }
  const isTcp = packet.kind === 'tcp'
  const field = packet.transport + (isTcp ? 16 : 6)
  const end = isTcp ? packet.length : packet.payload + packet.payloadLength
  const pseudo = pseudoHeaderV4(packet.source, packet.destination, isTcp ? TCP : UDP, end - packet.transport)
  const absent = !isTcp && view.getUint16(field) === 0
  if (!absent && (isCut(packet) || view.getUint16(field) === pseudo)) {
    writeChecksum(view, packet.transport, field, end, pseudo)
  }
  return bytes
}

/** A segment of TCP that says nothing but its acknowledgment, and of that only `acknowledgment`. */
export function acknowledgmentOnly(packet: Packet, acknowledgment: number, mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(packet.bytes.subarray(0, packet.payload))
  const view = new DataView(bytes.buffer)
  bytes.set(mac)
  bytes[packet.transport + FLAGS] = 0x10
  view.setInt32(packet.transport + ACKNOWLEDGMENT, acknowledgment)
  setTotalLength(view, bytes.length - ETHERNET)
  const pseudo = pseudoHeaderV4(packet.source, packet.destination, TCP, bytes.length - packet.transport)
  writeChecksum(view, packet.transport, packet.transport + 16, bytes.length, pseudo)
  return bytes
}

function setTotalLength(view: DataView, length: number): void {
  view.setUint16(ETHERNET + TOTAL_LENGTH, length > MAX_PACKET ? 0 : length)
  const end = ETHERNET + (view.getUint8(ETHERNET) & 15) * 4
  view.setUint16(ETHERNET + IP_CHECKSUM, 0)
  view.setUint16(ETHERNET + IP_CHECKSUM, complement(sum(view, ETHERNET, end)))
}

function writeChecksum(view: DataView, from: number, field: number, end: number, pseudo: number): void {
  view.setUint16(field, 0)
  view.setUint16(field, complement(fold(sum(view, from, end)) + pseudo) || 0xffff)
}
