// What a wire must carry, computed in the plainest way: byte-pair checksums, segments built from slices of one flat
// array with each field set anew from first principles. Shares no code and no trick with nic/.

export interface Layout {
  networkOffset: number
  transportOffset: number
  /** Headers up to the payload. */
  headerLength: number
  protocol: 'tcp' | 'udp'
}

/** RFC 1071, byte pair by byte pair; complemented. */
export function naiveChecksum(bytes: Uint8Array): number {
  return ~naiveSum(bytes) & 0xffff
}

/** The same, not complemented. */
export function naiveSum(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum
}

export function concatenate(...pieces: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}

const u16 = (value: number): Uint8Array => new Uint8Array([value >>> 8, value & 0xff])
const u32 = (value: number): Uint8Array => concatenate(u16(value >>> 16), u16(value & 0xffff))

/** The pseudo-header of the packet (RFC 9293 3.1, RFC 8200 8.1), as bytes. */
export function pseudoHeader(packet: Uint8Array, layout: Layout): Uint8Array {
  const { networkOffset: at, transportOffset, protocol } = layout
  const length = packet.length - transportOffset
  const number = protocol === 'tcp' ? 6 : 17
  if (packet[at] >>> 4 === 4) {
    return concatenate(packet.slice(at + 12, at + 20), new Uint8Array([0, number]), u32(length))
  }
  return concatenate(packet.slice(at + 8, at + 40), u32(length), new Uint8Array([0, 0, 0, number]))
}

/** Sets the lengths and checksums of the IP and transport headers to what they must be. Changes `packet`. */
export function finish(packet: Uint8Array, layout: Layout): Uint8Array {
  const { networkOffset: ip, transportOffset: transport, protocol } = layout
  if (packet[ip] >>> 4 === 4) {
    // Longer than the field can say: 0, as Linux writes it.
    packet.set(u16(packet.length - ip > 65535 ? 0 : packet.length - ip), ip + 2)
    packet.set([0, 0], ip + 10)
    packet.set(u16(naiveChecksum(packet.slice(ip, transport))), ip + 10)
  } else {
    packet.set(u16(packet.length - ip - 40), ip + 4)
  }
  if (protocol === 'udp') packet.set(u16(packet.length - transport), transport + 4)
  const field = transport + (protocol === 'tcp' ? 16 : 6)
  packet.set([0, 0], field)
  const checksum = naiveChecksum(concatenate(pseudoHeader(packet, layout), packet.slice(transport)))
  packet.set(u16(protocol === 'udp' && checksum === 0 ? 0xffff : checksum), field)
  return packet
}

/** What a super-frame becomes on the wire. `whole` holds its headers and all of its payload. */
export function segment(whole: Uint8Array, layout: Layout, size: number): Uint8Array[] {
  const { networkOffset: ip, transportOffset: transport, headerLength, protocol } = layout
  const payload = whole.slice(headerLength)
  if (size === 0 || payload.length <= size) return [finish(whole.slice(), layout)]
  const out: Uint8Array[] = []
  for (let from = 0; from < payload.length; from += size) {
    const packet = concatenate(whole.slice(0, headerLength), payload.slice(from, from + size))
    const view = new DataView(packet.buffer)
    if (packet[ip] >>> 4 === 4) view.setUint16(ip + 4, (view.getUint16(ip + 4) + from / size) % 65536)
    if (protocol === 'tcp') {
      view.setUint32(transport + 4, (view.getUint32(transport + 4) + from) % 2 ** 32)
      if (from > 0) packet[transport + 13] &= 0b0111_1111 // CWR
      if (from + size < payload.length) packet[transport + 13] &= 0b1111_0110 // FIN, PSH
    }
    out.push(finish(packet, layout))
  }
  return out
}

/** The inverse: the super-frame whose segments these are, with the checksums of a packet of that length. */
export function merge(segments: Uint8Array[], layout: Layout): Uint8Array {
  const { transportOffset: transport, headerLength } = layout
  const whole = concatenate(segments[0], ...segments.slice(1).map((packet) => packet.slice(headerLength)))
  if (layout.protocol === 'tcp') for (const packet of segments) whole[transport + 13] |= packet[transport + 13]
  return finish(whole, layout)
}
