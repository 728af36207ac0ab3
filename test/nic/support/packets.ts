// Frames as the stack hands them down, of any shape: family, protocol, options, tag, payload in pieces of any size, part of
// it in the header area. Owns the pools they come from, and says at the end whether anything leaked.

import { type Frame, FramePool, GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import { concatenate, finish, type Layout, naiveSum, pseudoHeader } from './oracle.ts'
import { TestMemory } from './plain-memory.ts'

export interface PacketShape {
  version?: 4 | 6
  protocol?: 'tcp' | 'udp'
  /** An 802.1Q tag in the Ethernet header. */
  tag?: boolean
  /** Bytes of IPv4 or TCP options, multiples of 4. */
  ipOptions?: number
  tcpOptions?: number
  /** Bytes of each ref. */
  pieces?: number[]
  /** Payload bytes in the header area. */
  inHead?: number
  gsoSize?: number
  ecn?: boolean
  flags?: number
  sequence?: number
  identification?: number
  /** False: no checksum is asked for, the field is right already. */
  partial?: boolean
  seed?: number
}

export interface Packet {
  frame: Frame
  /** All bytes of the frame as one, fields as they should be on a wire that took it whole. */
  whole: Uint8Array
  layout: Layout
}

const HEADROOM = 32

export class PacketLab {
  readonly memory = new TestMemory()
  readonly headers = new PagePool(this.memory, { pageSize: 256, slab: 16, limit: 4096 })
  readonly payloads = new PagePool(this.memory, { pageSize: 65536, slab: 1, limit: 64 })
  readonly receivePages = new PagePool(this.memory, { pageSize: 66048, slab: 1, limit: 512, detachable: true })
  readonly frames = new FramePool(this.headers)

  /** Everything that is out: zero at the end of a test. */
  get outstanding(): number {
    const { headers, payloads, receivePages, frames } = this
    return headers.outstanding + payloads.outstanding + receivePages.outstanding + frames.outstanding
  }

  packet(shape: PacketShape): Packet {
    const { pieces = [], inHead = 0, gsoSize = 0, partial = true, seed = 1 } = shape
    const layout = layoutOf(shape)
    const payload = noise(inHead + pieces.reduce((sum, length) => sum + length, 0), seed)
    const whole = finish(concatenate(headersOf(shape, layout), payload), layout)
    const frame = this.frames.allocate(HEADROOM) as Frame
    frame.end = frame.start + layout.headerLength + inHead
    frame.head.bytes.set(whole.slice(0, layout.headerLength + inHead), frame.start)
    frame.networkOffset = layout.networkOffset
    frame.transportOffset = layout.transportOffset
    if (partial) {
      frame.csumStart = layout.transportOffset
      frame.csumOffset = layout.protocol === 'tcp' ? 16 : 6
      const field = frame.start + frame.csumStart + frame.csumOffset
      frame.head.view.setUint16(field, naiveSum(pseudoHeader(whole, layout)))
    }
    if (gsoSize > 0) {
      const tcp = shape.version === 6 ? GSO_TCPV6 : GSO_TCPV4
      frame.gsoSize = gsoSize
      frame.gsoType = (layout.protocol === 'tcp' ? tcp : GSO_UDP_L4) | (shape.ecn ? GSO_ECN : 0)
    }
    this.attach(frame, whole, pieces, layout.headerLength + inHead)
    return { frame, whole, layout }
  }

  /** A frame as a port hands it up: in one piece, or its tail in a ref. */
  received(bytes: Uint8Array, split = bytes.length): Frame {
    const page = this.receivePages.allocate()!
    page.bytes.set(bytes.slice(0, split), 64)
    const frame = this.frames.wrap(page, 64, 64 + split)
    if (split < bytes.length) {
      const rest = this.payloads.allocate()!
      rest.bytes.set(bytes.slice(split), 7)
      frame.addRef(rest, 7, bytes.length - split)
    }
    return frame
  }

  /** Refs into one page, at odd places, each with a reference of its own. */
  private attach(frame: Frame, whole: Uint8Array, pieces: number[], from: number): void {
    if (pieces.length === 0) return
    let page = this.payloads.allocate()!
    let at = from
    let place = 1
    for (const length of pieces) {
      if (place + length > page.length) {
        page.release()
        page = this.payloads.allocate()!
        place = 3
      }
      page.bytes.set(whole.slice(at, at + length), place)
      frame.addRef(page.retain(), place, length)
      place += length + 1
      at += length
    }
    page.release()
  }
}

/** All bytes of a frame. */
export function bytesOf(frame: Frame): Uint8Array {
  const pieces = [frame.head.bytes.slice(frame.start, frame.end)]
  for (let i = 0; i < frame.refs; i++) {
    pieces.push(frame.pages[i].bytes.slice(frame.offsets[i], frame.offsets[i] + frame.lengths[i]))
  }
  return concatenate(...pieces)
}

/** Bytes that look like nothing and are always the same. */
export function noise(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length)
  let state = (seed * 2654435761) >>> 0
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[i] = state >>> 24
  }
  return out
}

function layoutOf(shape: PacketShape): Layout {
  const { version = 4, protocol = 'tcp', tag = false, ipOptions = 0, tcpOptions = 0 } = shape
  const networkOffset = tag ? 18 : 14
  const transportOffset = networkOffset + (version === 4 ? 20 + ipOptions : 40)
  const headerLength = transportOffset + (protocol === 'tcp' ? 20 + tcpOptions : 8)
  return { networkOffset, transportOffset, headerLength, protocol }
}

function headersOf(shape: PacketShape, layout: Layout): Uint8Array {
  const { version = 4, tag = false, flags = 0x10, sequence = 1_000_000, identification = 77 } = shape
  const out = noise(layout.headerLength, 99)
  const view = new DataView(out.buffer)
  const type = version === 4 ? 0x0800 : 0x86dd
  if (tag) view.setUint16(12, 0x8100)
  view.setUint16(layout.networkOffset - 2, type)
  const ip = layout.networkOffset
  const number = layout.protocol === 'tcp' ? 6 : 17
  if (version === 4) {
    out[ip] = 0x40 | ((layout.transportOffset - ip) / 4)
    out[ip + 1] = 0
    view.setUint16(ip + 4, identification)
    view.setUint16(ip + 6, 0x4000)
    out[ip + 8] = 64
    out[ip + 9] = number
    // Options: no-operation.
    out.fill(1, ip + 20, layout.transportOffset)
  } else {
    out[ip] = 0x60
    out[ip + 1] = 0
    out[ip + 6] = number
  }
  const transport = layout.transportOffset
  if (layout.protocol === 'tcp') {
    view.setUint32(transport + 4, sequence)
    out[transport + 12] = ((layout.headerLength - transport) / 4) << 4
    out[transport + 13] = flags
    view.setUint16(transport + 18, 0)
    out.fill(1, transport + 20, layout.headerLength)
  }
  return out
}
