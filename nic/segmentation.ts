// Generic segmentation offload in software: a super-frame becomes the frames that a card with TSO or USO would put on the
// wire. New headers, the same pages: no payload byte is copied or summed here. Owns the position in the one super-frame
// that is being cut, so that cutting can stop when the ring is full and go on later. IPv4 and IPv6; TCP and UDP_L4. The
// transport checksum is left unfinished, with the pseudo-header sum of the segment's own length, for the next rung.
//
//   super-frame   | eth | ip: length, id, check | tcp: seq, flags, check |  payload pieces ...            |
//   segment i     | eth | length_i, id+i, check | seq+i*mss, ..., check  |  refs into the same pages      |

import {
  type Frame,
  type FramePool,
  GSO_ECN,
  GSO_FIXED_ID,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  HEADER_PAGE,
  MAX_REFS,
} from '../stack/buffer/frame.ts'
import type { Page } from '../stack/buffer/page.ts'
import { fold } from './checksum.ts'

const IPV4_LENGTH = 2
const IPV4_ID = 4
const IPV4_CHECKSUM = 10
const IPV6_LENGTH = 4
const IPV6_HEADER = 40
const TCP_SEQUENCE = 4
const TCP_DATA_OFFSET = 12
const TCP_FLAGS = 13
const TCP_CHECKSUM = 16
const UDP_LENGTH = 4
const UDP_CHECKSUM = 6
const UDP_HEADER = 8
const FIN_PSH = 0x09
const CWR = 0x80

/** Bytes of a super-frame's headers up to the payload; -1 when headers and offload request contradict each other. */
export function headerLength(frame: Frame): number {
  const { networkOffset, transportOffset, csumStart, csumOffset, start } = frame
  const type = frame.gsoType & ~(GSO_ECN | GSO_FIXED_ID)
  const available = frame.headLength
  const view = frame.head.view
  const udp = type === GSO_UDP_L4
  if (!udp && type !== GSO_TCPV4 && type !== GSO_TCPV6) return -1
  if (csumStart !== transportOffset || csumOffset !== (udp ? UDP_CHECKSUM : TCP_CHECKSUM)) return -1
  if (networkOffset < 0 || transportOffset - networkOffset < 20 || transportOffset + (udp ? 8 : 20) > available)
    return -1
  const first = view.getUint8(start + networkOffset)
  if (first >>> 4 === 4) {
    if (type === GSO_TCPV6 || (first & 15) * 4 !== transportOffset - networkOffset) return -1
  } else if (first >>> 4 !== 6 || type === GSO_TCPV4 || transportOffset - networkOffset < IPV6_HEADER) {
    return -1
  }
  if (udp) return transportOffset + UDP_HEADER
  const length = (view.getUint8(start + transportOffset + TCP_DATA_OFFSET) >>> 4) * 4
  return length >= 20 && transportOffset + length <= available ? transportOffset + length : -1
}

/** Copies header bytes between pages. Short by nature, so a loop beats making views. */
export function copyHeader(from: DataView, at: number, to: DataView, out: number, length: number): void {
  let i = 0
  for (; i + 4 <= length; i += 4) to.setInt32(out + i, from.getInt32(at + i))
  for (; i < length; i++) to.setUint8(out + i, from.getUint8(at + i))
}

export class Segmenter {
  /** The super-frame that is being cut, null between two. */
  frame: Frame | null = null
  /** Segments cut so far. */
  count = 0

  /** Payload bytes that are cut already, and in all. */
  private done = 0
  private total = 0
  /** Bytes of headers of each segment. */
  private headers = 0
  /** The piece where the next segment begins: -1 is payload in the header area, else the index of a ref; and the offset in it. */
  private piece = 0
  private within = 0
  private udp = false
  private version = 4
  private identification = 0
  /** What the identification grows by: 1, or 0 with GSO_FIXED_ID. */
  private step = 1
  private sequence = 0
  private flags = 0
  /** Sum of the IPv4 header without length, id and checksum. */
  private ipSum = 0
  /** Pseudo-header sum without the length. */
  private pseudoSum = 0

  /** Payload bytes that are not cut yet. */
  get left(): number {
    return this.total - this.done
  }

  /** Takes a super-frame (its owner stays the caller, who keeps it until `left` is 0). False: headers and request contradict. */
  begin(frame: Frame): boolean {
    const headers = headerLength(frame)
    const inHead = frame.headLength - headers
    if (headers < 0 || frame.start + headers > HEADER_PAGE || (inHead > 0 && frame.refs === MAX_REFS)) return false
    this.frame = frame
    this.headers = headers
    this.count = 0
    this.done = 0
    this.total = frame.length - headers
    this.piece = inHead > 0 ? -1 : 0
    this.within = 0
    this.udp = (frame.gsoType & ~GSO_ECN) === GSO_UDP_L4
    this.step = (frame.gsoType & GSO_FIXED_ID) !== 0 ? 0 : 1
    this.readHeaders(frame)
    return true
  }

  /**
   * The next segment, with one reference to each page it points at; the caller owns it. Null: no header page at the moment,
   * or nothing left.
   */
  next(pool: FramePool): Frame | null {
    const source = this.frame
    if (!source || this.left === 0) return null
    const segment = pool.allocate(source.start)
    if (!segment) return null
    const payload = Math.min(source.gsoSize, this.left)
    copyHeader(source.head.view, source.start, segment.head.view, segment.start, this.headers)
    segment.end = segment.start + this.headers
    segment.networkOffset = source.networkOffset
    segment.transportOffset = source.transportOffset
    segment.csumStart = source.csumStart
    segment.csumOffset = source.csumOffset
    segment.owner = source.owner
    this.attach(source, segment, payload)
    this.writeNetwork(segment, payload)
    this.writeTransport(segment, payload)
    this.count++
    this.done += payload
    return segment
  }

  /** Lets go of the super-frame without touching it. */
  end(): void {
    this.frame = null
    this.total = 0
    this.done = 0
  }

  /** What of the headers is the base of every segment's. */
  private readHeaders(frame: Frame): void {
    const view = frame.head.view
    const ip = frame.start + frame.networkOffset
    const transport = frame.start + frame.transportOffset
    this.version = view.getUint8(ip) >>> 4
    if (this.version === 4) {
      this.identification = view.getUint16(ip + IPV4_ID)
      let sum = 0
      for (let at = ip; at < transport; at += 2) sum += view.getUint16(at)
      sum -= view.getUint16(ip + IPV4_LENGTH) + this.identification + view.getUint16(ip + IPV4_CHECKSUM)
      this.ipSum = sum
    }
    if (!this.udp) {
      this.sequence = view.getInt32(transport + TCP_SEQUENCE)
      this.flags = view.getUint8(transport + TCP_FLAGS)
    }
    // The field holds the folded pseudo-header sum with the super-frame's length: take that length out.
    const length = frame.length - frame.transportOffset
    this.pseudoSum = fold(view.getUint16(transport + frame.csumOffset) + (~fold(length) & 0xffff))
  }

  /** Refs to the next `payload` bytes, and the position moved behind them. */
  private attach(source: Frame, segment: Frame, payload: number): void {
    let left = payload
    while (left > 0) {
      const head = this.piece < 0
      const page: Page = head ? source.head : source.pages[this.piece]
      const base = head ? source.start + this.headers : source.offsets[this.piece]
      const available = (head ? source.end - base : source.lengths[this.piece]) - this.within
      const length = Math.min(left, available)
      if (length > 0) segment.addRef(page.retain(), base + this.within, length)
      left -= length
      this.within += length
      if (length === available) {
        this.piece++
        this.within = 0
      }
    }
  }

  private writeNetwork(segment: Frame, payload: number): void {
    const view = segment.head.view
    const ip = segment.start + segment.networkOffset
    const length = this.headers - segment.networkOffset + payload
    if (this.version === 6) {
      view.setUint16(ip + IPV6_LENGTH, length - IPV6_HEADER)
      return
    }
    const identification = (this.identification + this.count * this.step) & 0xffff
    view.setUint16(ip + IPV4_LENGTH, length)
    view.setUint16(ip + IPV4_ID, identification)
    view.setUint16(ip + IPV4_CHECKSUM, ~fold(this.ipSum + length + identification) & 0xffff)
  }

  private writeTransport(segment: Frame, payload: number): void {
    const view = segment.head.view
    const at = segment.start + segment.transportOffset
    const length = this.headers - segment.transportOffset + payload
    view.setUint16(at + segment.csumOffset, fold(this.pseudoSum + length))
    if (this.udp) {
      view.setUint16(at + UDP_LENGTH, length)
      return
    }
    let flags = this.flags
    if (this.count > 0) flags &= ~CWR
    if (payload < this.left) flags &= ~FIN_PSH
    view.setInt32(at + TCP_SEQUENCE, (this.sequence + this.done) | 0)
    view.setUint8(at + TCP_FLAGS, flags)
  }
}
