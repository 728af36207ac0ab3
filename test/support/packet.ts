// Packets by hand: Ethernet, ARP, IPv4, ICMP, UDP and TCP built and taken apart with plain byte arithmetic. Shares no code
// with stack/wire and is its oracle: slow, obvious, and strict about every checksum it reads. RFC 826, 791, 792, 768, 9293.

import { checksum, concat, ipBytes, ipText, macBytes, read16, read32, u16, u32 } from './bytes.ts'
import { buildOptions, dissectOptions, type TcpOptionRecord } from './tcp-options.ts'

export interface TcpFields {
  sourcePort: number
  destinationPort: number
  /** Absolute, unsigned. */
  seq: number
  ack: number
  /** As tcpdump prints them: any of `SFRP.UEW`, where `.` is ACK. */
  flags: string
  /** As in the header: unscaled. */
  window: number
  urgent: number
  options: TcpOptionRecord
  /** The names of the options in their order, with the padding: `mss,sackOK,TS,nop,wscale`. */
  optionOrder: string
  payload: Uint8Array
}

export interface Ipv4Fields {
  source: string
  destination: string
  protocol: number
  ttl: number
  tos: number
  id: number
  /** The three flag bits and the fragment offset. */
  fragment: number
  payload: Uint8Array
}

const FLAG_BITS: Record<string, number> = { F: 1, S: 2, R: 4, P: 8, '.': 16, U: 32, E: 64, W: 128 }
const FLAG_ORDER = 'SFRPUEW.'

export function flagBits(flags: string): number {
  let bits = 0
  for (const letter of flags) {
    if (!(letter in FLAG_BITS)) throw new TypeError(`no TCP flag: ${letter}`)
    bits |= FLAG_BITS[letter]
  }
  return bits
}

export function flagText(bits: number): string {
  return [...FLAG_ORDER].filter((letter) => bits & FLAG_BITS[letter]).join('')
}

export function buildEthernet(destination: string, source: string, type: number, payload: Uint8Array): Uint8Array {
  return concat(macBytes(destination), macBytes(source), u16(type), payload)
}

export function buildArp(
  operation: number,
  senderMac: string,
  sender: string,
  targetMac: string,
  target: string,
): Uint8Array {
  const fixed = Uint8Array.of(0, 1, 8, 0, 6, 4)
  return concat(fixed, u16(operation), macBytes(senderMac), ipBytes(sender), macBytes(targetMac), ipBytes(target))
}

export function buildIpv4(fields: Partial<Ipv4Fields> & { source: string; destination: string }): Uint8Array {
  const { protocol = 6, ttl = 64, tos = 0, id = 0, fragment = 0x4000, payload = new Uint8Array(0) } = fields
  const header = concat(
    Uint8Array.of(0x45, tos),
    u16(20 + payload.length),
    u16(id),
    u16(fragment),
    Uint8Array.of(ttl, protocol, 0, 0),
    ipBytes(fields.source),
    ipBytes(fields.destination),
  )
  header.set(u16(checksum(header)), 10)
  return concat(header, payload)
}

/** The pseudo-header of TCP and UDP over IPv4. */
export function pseudoHeader(source: string, destination: string, protocol: number, length: number): Uint8Array {
  return concat(ipBytes(source), ipBytes(destination), Uint8Array.of(0, protocol), u16(length))
}

export interface TcpBuild extends Partial<Omit<TcpFields, 'optionOrder'>> {
  /** The option bytes as they are, whole words or not; goes before `options`. */
  rawOptions?: Uint8Array
  /** The header length in words, when it shall lie. */
  dataOffset?: number
}

export function buildTcp(source: string, destination: string, fields: TcpBuild): Uint8Array {
  const payload = fields.payload ?? new Uint8Array(0)
  let options = fields.rawOptions ?? buildOptions(fields.options ?? {})
  if (options.length % 4 !== 0) options = concat(options, new Uint8Array(4 - (options.length % 4)))
  const words = fields.dataOffset ?? 5 + options.length / 4
  const segment = concat(
    u16(fields.sourcePort ?? 0),
    u16(fields.destinationPort ?? 0),
    u32(fields.seq ?? 0),
    u32(fields.ack ?? 0),
    Uint8Array.of(words << 4, flagBits(fields.flags ?? '')),
    u16(fields.window ?? 0),
    u16(0),
    u16(fields.urgent ?? 0),
    options,
    payload,
  )
  segment.set(u16(checksum(pseudoHeader(source, destination, 6, segment.length), segment)), 16)
  return segment
}

export function buildUdp(source: string, destination: string, ports: [number, number], payload: Uint8Array) {
  const length = 8 + payload.length
  const datagram = concat(u16(ports[0]), u16(ports[1]), u16(length), u16(0), payload)
  const sum = checksum(pseudoHeader(source, destination, 17, length), datagram)
  datagram.set(u16(sum === 0 ? 0xffff : sum), 6)
  return datagram
}

export function buildIcmp(type: number, code: number, rest: number, payload: Uint8Array): Uint8Array {
  const message = concat(Uint8Array.of(type, code, 0, 0), u32(rest), payload)
  message.set(u16(checksum(message)), 2)
  return message
}

/** Takes an IPv4 packet apart. Throws with a reason for everything that a strict receiver would not like. */
export function dissectIpv4(bytes: Uint8Array): Ipv4Fields {
  if (bytes.length < 20) throw new Error(`IPv4: ${bytes.length} bytes`)
  if (bytes[0] !== 0x45) throw new Error(`IPv4: version and header length 0x${bytes[0].toString(16)}`)
  const total = read16(bytes, 2)
  if (total < 20 || total > bytes.length) throw new Error(`IPv4: total length ${total} of ${bytes.length} bytes`)
  if (checksum(bytes.subarray(0, 20)) !== 0) throw new Error('IPv4: header checksum is wrong')
  return {
    source: ipText(bytes, 12),
    destination: ipText(bytes, 16),
    protocol: bytes[9],
    ttl: bytes[8],
    tos: bytes[1],
    id: read16(bytes, 4),
    fragment: read16(bytes, 6),
    payload: bytes.subarray(20, total),
  }
}

/** Takes a TCP segment apart; strict as above. */
export function dissectTcp(ip: Ipv4Fields): TcpFields {
  const bytes = ip.payload
  if (bytes.length < 20) throw new Error(`TCP: ${bytes.length} bytes`)
  if (checksum(pseudoHeader(ip.source, ip.destination, 6, bytes.length), bytes) !== 0) {
    throw new Error('TCP: checksum is wrong')
  }
  const headerLength = (bytes[12] >>> 4) * 4
  if (headerLength < 20 || headerLength > bytes.length) throw new Error(`TCP: header length ${headerLength}`)
  if ((bytes[12] & 0x0f) !== 0) throw new Error('TCP: reserved bits are set')
  const { options, order } = dissectOptions(bytes.subarray(20, headerLength))
  return {
    sourcePort: read16(bytes, 0),
    destinationPort: read16(bytes, 2),
    seq: read32(bytes, 4),
    ack: read32(bytes, 8),
    flags: flagText(bytes[13]),
    window: read16(bytes, 14),
    urgent: read16(bytes, 18),
    options,
    optionOrder: order,
    payload: bytes.slice(headerLength),
  }
}
