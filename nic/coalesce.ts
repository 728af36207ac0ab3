// Generic receive offload in software: TCP segments of one flow that come in one burst become one super-frame, under the
// rules of Linux's dev_gro_receive, inet_gro_receive, ipv6_gro_receive and tcp_gro_receive. Owns the frames that it holds
// between two flushes, oldest first; judges no checksum: only frames that somebody vouched for may be given to it. What it
// makes is what segmentation.ts cuts: cutting a merged frame gives the frames it was made of, byte for byte. It is
// stricter than Linux where that takes it: the urgent pointer must be the same too, even without URG. No payload is copied:
// a merged frame has as many segments as a frame has refs. (Gathering them into frames of 64 KiB was tried: the copy into
// pages that stay away for long costs more than the fewer frames save.) Of bare acknowledgments in a row only the last goes
// up, which Linux does not do: it must be able to forward them.
//
//   held      | eth | ip | tcp: seq, flags |  payload  |
//   arrival   | eth | ip | tcp: seq + n    |  payload  |        its headers are let go, its payload becomes a ref

import {
  CHECKSUM_UNNECESSARY,
  type Frame,
  GSO_ECN,
  GSO_FIXED_ID,
  GSO_TCPV4,
  GSO_TCPV6,
  MAX_PACKET,
  MAX_REFS,
} from '../stack/buffer/frame.ts'
import { fold } from './checksum.ts'
import type { NicCounters } from './counters.ts'
import { ETHERNET_HEADER, type EthernetPacket } from './ethernet-packet.ts'

/** Flows at a time, as Linux's MAX_GRO_SKBS for one hash bucket; with one more, the oldest goes up. */
export const FLOWS = 8
const TCP = 6
const IPV4_HEADER = 20
const IPV6_HEADER = 40
const IPV4_LENGTH = 2
const IPV4_ID = 4
const IPV4_FRAGMENT = 6
const IPV4_TTL = 8
const IPV4_CHECKSUM = 10
const IPV4_ADDRESSES = 12
const DONT_FRAGMENT = 0x4000
const IPV6_LENGTH = 4
const IPV6_HOP_LIMIT = 7
const IPV6_ADDRESSES = 8
const SEQUENCE = 4
const ACKNOWLEDGMENT = 8
/** The word with data offset, flags and window. */
const FLAG_WORD = 12
const FLAGS = 13
const TCP_CHECKSUM = 16
const URGENT = 18
const TCP_HEADER = 20
const ACK = 0x10
const FIN_PSH = 0x09
const CWR = 0x80
/** FIN, SYN, RST, PSH, URG: what ends a merge, or keeps it from beginning. */
const ENDING = 0x2f
/** Data offset, reserved bits and flags. */
const FLAG_HALF = 0xffff0000 | 0
/** The word in front of the timestamps as everybody sends them (RFC 7323, appendix A): NOP, NOP, kind 8, length 10. */
const TIMESTAMPS = 0x0101080a
const TIMESTAMPS_LENGTH = 12
/** All of the flag word but FIN, PSH and CWR. */
const SAME_FLAGS = ~0x00890000

/** A frame that waits for its successor. Records are used again and again. */
class Held {
  frame!: Frame
  version = 4
  networkOffset = 0
  transportOffset = 0
  /** Bytes up to the payload. */
  headers = 0
  /** Payload of each segment, and of all so far; 0: a bare acknowledgment. */
  segmentSize = 0
  payload = 0
  /** The sequence number that goes on. */
  next = 0
  /** Stretches of payload: refs and what lies in the header area. */
  pieces = 0
  /** IPv4: each segment has the same identification. */
  fixedId = false
}

export class Coalescer {
  /** Frames that are held. */
  count = 0
  private readonly held: Held[] = []
  private readonly counters: NicCounters
  private readonly up: (frame: Frame) => void
  /** Of the arrival in hand: bytes up to the payload and payload; `headers` 0: it can neither go on nor begin. */
  private headers = 0
  private payload = 0

  /** `up` takes the frames, merged or not, in the order of each flow. */
  constructor(counters: NicCounters, up: (frame: Frame) => void) {
    this.counters = counters
    this.up = up
    for (let i = 0; i < FLOWS; i++) this.held.push(new Held())
  }

  /** Takes a frame; `packet` has just read it. It goes up now or with a later arrival, at the latest with `flush`. */
  take(frame: Frame, packet: EthernetPacket): void {
    if (packet.protocol !== TCP) {
      this.up(frame)
      return
    }
    this.measure(frame, packet)
    const at = this.find(frame, packet)
    if (at >= 0) {
      if (this.headers > 0 && this.absorb(at, frame)) return
      this.release(at)
    }
    if (this.headers > 0 && this.mayBegin(frame, packet)) this.hold(frame, packet)
    else this.up(frame)
  }

  /** Whether the arrival became one with the frame that is held at `at`, which may have gone up with that. */
  private absorb(at: number, frame: Frame): boolean {
    const held = this.held[at]
    if (held.payload === 0) {
      if (!this.overtakes(held, frame)) return false
      this.replace(held, frame)
      return true
    }
    if (!this.follows(held, frame) || !this.hasRoom(held, frame)) return false
    if (this.join(held, frame)) this.release(at)
    return true
  }

  /** Whether the arrival may wait for a successor. */
  private mayBegin(frame: Frame, packet: EthernetPacket): boolean {
    const { view } = frame.head
    const at = frame.start + packet.transportOffset
    const flags = view.getUint8(at + FLAGS)
    if (this.payload > 0) return (flags & ENDING) === 0
    if (flags !== ACK) return false
    const options = this.headers - packet.transportOffset - TCP_HEADER
    return options === 0 || (options === TIMESTAMPS_LENGTH && view.getInt32(at + TCP_HEADER) === TIMESTAMPS)
  }

  /**
   * Whether the arrival, a bare acknowledgment behind a bare acknowledgment, says all that the held one said, and more: then
   * the stack need not see both. One that acknowledges nothing more is a duplicate or a window update, and counts.
   */
  private overtakes(held: Held, frame: Frame): boolean {
    if (this.payload !== 0 || this.headers !== held.headers) return false
    const a = held.frame.head.view
    const b = frame.head.view
    const mine = held.frame.start + held.transportOffset
    const its = frame.start + held.transportOffset
    if (((b.getInt32(its + ACKNOWLEDGMENT) - a.getInt32(mine + ACKNOWLEDGMENT)) | 0) <= 0) return false
    if (b.getInt32(its + SEQUENCE) !== a.getInt32(mine + SEQUENCE)) return false
    if (((a.getInt32(mine + FLAG_WORD) ^ b.getInt32(its + FLAG_WORD)) & FLAG_HALF) !== 0) return false
    // The traffic class, with its congestion marks.
    const ip = held.networkOffset
    if (a.getUint16(held.frame.start + ip) !== b.getUint16(frame.start + ip)) return false
    if (held.headers === held.transportOffset + TCP_HEADER) return true
    if (b.getInt32(its + TCP_HEADER) !== TIMESTAMPS) return false
    return ((b.getInt32(its + TCP_HEADER + 4) - a.getInt32(mine + TCP_HEADER + 4)) | 0) >= 0
  }

  private replace(held: Held, frame: Frame): void {
    frame.segments += held.frame.segments
    held.frame.release()
    held.frame = frame
    this.counters.rx_gro_sw_acks++
  }

  /** Sends everything up, oldest first. */
  flush(): void {
    while (this.count > 0) this.release(0)
  }

  /** Sets `headers` and `payload`: what inet_gro_receive, ipv6_gro_receive and tcp_gro_receive ask of any frame. */
  private measure(frame: Frame, packet: EthernetPacket): void {
    const { networkOffset, transportOffset, transportLength } = packet
    const { view } = frame.head
    const ip = frame.start + networkOffset
    const length = (view.getUint8(frame.start + transportOffset + 12) >>> 4) * 4
    const headers = transportOffset + length
    this.headers = 0
    if (frame.gsoSize > 0 || length < TCP_HEADER || length > transportLength || headers > frame.headLength) return
    // Link padding, or another length than IP tells.
    if (transportOffset + transportLength !== frame.length) return
    if (frame.csumStart >= 0 && (frame.csumStart !== transportOffset || frame.csumOffset !== TCP_CHECKSUM)) return
    if (packet.version === 4) {
      if (transportOffset - networkOffset !== IPV4_HEADER) return
      const known = networkOffset === ETHERNET_HEADER && packet.networkSum >= 0
      const sum = known ? packet.networkSum : sumIpv4(view, ip)
      if ((view.getUint16(ip + IPV4_FRAGMENT) & ~DONT_FRAGMENT) !== 0 || sum !== 0xffff) return
    } else if (transportOffset - networkOffset !== IPV6_HEADER) {
      return
    }
    this.headers = headers
    this.payload = transportLength - length
  }

  /** The held frame of the same flow, -1: none. */
  private find(frame: Frame, packet: EthernetPacket): number {
    const { view } = frame.head
    const { start } = frame
    const ports = view.getInt32(start + packet.transportOffset)
    for (let i = 0; i < this.count; i++) {
      const held = this.held[i]
      const other = held.frame.head.view
      const from = held.frame.start
      if (other.getInt32(from + held.transportOffset) !== ports) continue
      if (held.version !== packet.version || held.networkOffset !== packet.networkOffset) continue
      const ip = packet.networkOffset + (packet.version === 4 ? IPV4_ADDRESSES : IPV6_ADDRESSES)
      const addresses = packet.version === 4 ? 8 : 32
      if (!isSame(other, from + ip, view, start + ip, addresses)) continue
      // Link addresses and tags.
      if (isSame(other, from, view, start, packet.networkOffset)) return i
    }
    return -1
  }

  /** Whether the arrival is what comes next of a held frame of its flow. May settle how the identification goes on. */
  private follows(held: Held, frame: Frame): boolean {
    const { headers, payload } = this
    if (headers !== held.headers || payload === 0 || payload > held.segmentSize) return false
    if (headers - held.networkOffset + held.payload + payload > MAX_PACKET) return false
    const a = held.frame.head.view
    const b = frame.head.view
    const mine = held.frame.start + held.transportOffset
    const its = frame.start + held.transportOffset
    if (b.getInt32(its + SEQUENCE) !== held.next) return false
    if (a.getInt32(mine + ACKNOWLEDGMENT) !== b.getInt32(its + ACKNOWLEDGMENT)) return false
    if (((a.getInt32(mine + FLAG_WORD) ^ b.getInt32(its + FLAG_WORD)) & SAME_FLAGS) !== 0) return false
    if ((b.getUint8(its + FLAGS) & CWR) !== 0 || a.getUint16(mine + URGENT) !== b.getUint16(its + URGENT)) return false
    const options = headers - held.transportOffset - TCP_HEADER
    if (!isSame(a, mine + TCP_HEADER, b, its + TCP_HEADER, options)) return false
    const ip = held.networkOffset
    if (held.version === 4) return followsIpv4(held, a, held.frame.start + ip, b, frame.start + ip)
    return followsIpv6(a, held.frame.start + ip, b, frame.start + ip)
  }

  /** Whether there are refs for the arrival's payload. What lies in the header area counts: cutting takes a ref for it. */
  private hasRoom(held: Held, frame: Frame): boolean {
    return held.pieces + frame.refs + (frame.headLength > this.headers ? 1 : 0) <= MAX_REFS
  }

  /** The arrival becomes part of a held frame. True when it was the last part. */
  private join(held: Held, frame: Frame): boolean {
    const { headers, payload } = this
    const whole = held.frame
    const inHead = frame.headLength - headers
    if (inHead > 0) whole.addRef(frame.head.retain(), frame.start + headers, inHead)
    for (let i = 0; i < frame.refs; i++) whole.addRef(frame.pages[i].retain(), frame.offsets[i], frame.lengths[i])
    held.pieces += frame.refs + (inHead > 0 ? 1 : 0)
    held.payload += payload
    held.next = (held.next + payload) | 0
    whole.segments++
    const flags = frame.head.view.getUint8(frame.start + held.transportOffset + FLAGS)
    if ((flags & FIN_PSH) !== 0) {
      const at = whole.start + held.transportOffset + FLAGS
      whole.head.view.setUint8(at, whole.head.view.getUint8(at) | (flags & FIN_PSH))
    }
    frame.release()
    return payload < held.segmentSize || (flags & ENDING) !== 0
  }

  private hold(frame: Frame, packet: EthernetPacket): void {
    if (this.count === FLOWS) this.release(0)
    const held = this.held[this.count++]
    held.frame = frame
    held.version = packet.version
    held.networkOffset = packet.networkOffset
    held.transportOffset = packet.transportOffset
    held.headers = this.headers
    held.segmentSize = this.payload
    held.payload = this.payload
    held.next = (frame.head.view.getInt32(frame.start + packet.transportOffset + SEQUENCE) + this.payload) | 0
    held.pieces = frame.refs + (frame.headLength > this.headers ? 1 : 0)
    held.fixedId = false
  }

  /** Sends a held frame up. */
  private release(at: number): void {
    const { held } = this
    const done = held[at]
    this.count--
    for (let i = at; i < this.count; i++) held[i] = held[i + 1]
    held[this.count] = done
    if (done.payload > 0 && done.frame.segments > 1) this.complete(done)
    this.up(done.frame)
  }

  /** Writes the headers of a super-frame and what it asks of whoever cuts it. */
  private complete(held: Held): void {
    const { frame, networkOffset, transportOffset } = held
    const { view } = frame.head
    const ip = frame.start + networkOffset
    const transport = frame.start + transportOffset
    const length = frame.length - transportOffset
    let sum = TCP + length
    if (held.version === 4) {
      view.setUint16(ip + IPV4_LENGTH, IPV4_HEADER + length)
      view.setUint16(ip + IPV4_CHECKSUM, 0)
      view.setUint16(ip + IPV4_CHECKSUM, ~sumIpv4(view, ip) & 0xffff)
      for (let at = ip + IPV4_ADDRESSES; at < ip + IPV4_HEADER; at += 2) sum += view.getUint16(at)
    } else {
      view.setUint16(ip + IPV6_LENGTH, length)
      for (let at = ip + IPV6_ADDRESSES; at < ip + IPV6_HEADER; at += 2) sum += view.getUint16(at)
    }
    view.setUint16(transport + TCP_CHECKSUM, fold(sum))
    frame.networkOffset = networkOffset
    frame.transportOffset = transportOffset
    frame.csumStart = transportOffset
    frame.csumOffset = TCP_CHECKSUM
    frame.gsoSize = held.segmentSize
    frame.gsoType = (held.version === 4 ? GSO_TCPV4 : GSO_TCPV6) | (held.fixedId ? GSO_FIXED_ID : 0)
    if ((view.getUint8(transport + FLAGS) & CWR) !== 0) frame.gsoType |= GSO_ECN
    frame.checksum = CHECKSUM_UNNECESSARY
    const { counters } = this
    counters.rx_gro_sw_frames++
    counters.rx_gro_sw_bytes += frame.length
    counters.rx_gro_sw_segments += frame.segments
  }
}

/** inet_gro_flush: what must not differ, and identifications that all count on or (with DF) are all the same. */
function followsIpv4(held: Held, a: DataView, mine: number, b: DataView, its: number): boolean {
  if (a.getUint16(mine) !== b.getUint16(its) || a.getUint8(mine + IPV4_TTL) !== b.getUint8(its + IPV4_TTL)) return false
  const fragment = a.getUint16(mine + IPV4_FRAGMENT)
  if (fragment !== b.getUint16(its + IPV4_FRAGMENT)) return false
  const offset = (b.getUint16(its + IPV4_ID) - a.getUint16(mine + IPV4_ID)) & 0xffff
  const count = held.frame.segments
  if (count === 1 && (fragment & DONT_FRAGMENT) !== 0 && offset === 0) {
    held.fixedId = true
    return true
  }
  return offset === (held.fixedId ? 0 : count)
}

/** Version, traffic class, flow label and hop limit. */
function followsIpv6(a: DataView, mine: number, b: DataView, its: number): boolean {
  return a.getInt32(mine) === b.getInt32(its) && a.getUint8(mine + IPV6_HOP_LIMIT) === b.getUint8(its + IPV6_HOP_LIMIT)
}

/** The sum of an IPv4 header without options, checksum included. */
function sumIpv4(view: DataView, at: number): number {
  let sum = 0
  for (let i = 0; i < IPV4_HEADER; i += 2) sum += view.getUint16(at + i)
  return fold(sum)
}

/** Whether `length` bytes, an even number, are the same. */
function isSame(a: DataView, from: number, b: DataView, at: number, length: number): boolean {
  let i = 0
  for (; i + 4 <= length; i += 4) if (a.getInt32(from + i) !== b.getInt32(at + i)) return false
  return i === length || a.getUint16(from + i) === b.getUint16(at + i)
}
