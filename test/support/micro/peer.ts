// The other end of a connection, for micro-benchmarks: one TCP flow as Linux would speak it (timestamps, SACK, window scaling),
// made of a template and a few numbers. Takes frames as the stack made them, super-frames whole, and makes frames as a card hands
// them up. Allocates nothing once its pools are warm, so that what is measured is the stack's. Knows no loss.

import type { Frame } from '../../../stack/buffer/frame.ts'
import { CHECKSUM_UNNECESSARY, FramePool, GSO_TCPV4, HEADER_PAGE } from '../../../stack/buffer/frame.ts'
import type { Memory } from '../../../stack/buffer/page.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import { buildEthernet, buildIpv4, buildTcp, type TcpBuild } from '../packet.ts'

export const STACK_ADDRESS = '192.0.2.2'
export const STACK_MAC = '02:00:00:00:00:02'
export const PEER_ADDRESS = '192.0.2.1'
export const PEER_MAC = '02:00:00:00:00:01'
export const PORT = 7
/** What a segment carries beside the options that every segment has. */
export const MSS = 1448

const PEER_PORT = 40_000
const HEADROOM = 64
const TRANSPORT = 34
const HEADERS = 66
const SYN = 2

export class Peer {
  readonly frames: FramePool
  readonly headers: PagePool
  readonly pages: PagePool
  connected = false
  /** Bytes of payload that came in order. */
  received = 0
  /** SND.NXT and RCV.NXT. */
  sequence = 1000
  expected = 0
  /** TSval: whoever moves time on moves it. */
  time = 1
  private readonly template: DataView
  /** The sum of the template's IP header with a length of 0. */
  private readonly headerSum: number
  /** The last TSval of theirs, what they have acknowledged, and the window they offer. */
  private recent = 0
  private acknowledged = 0
  private window = 0
  private scale = 0

  constructor(memory: Memory) {
    this.headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 64, limit: 4096 })
    this.frames = new FramePool(this.headers)
    this.pages = new PagePool(memory, { pageSize: 66_048, slab: 1, limit: 1024, detachable: true })
    this.template = new DataView(packet({ flags: '.', window: 65535, options: { ts: { val: 0, ecr: 0 } } }).buffer)
    let sum = 0
    for (let at = 14; at < TRANSPORT; at += 2) if (at !== 16 && at !== 24) sum += this.template.getUint16(at)
    this.headerSum = sum
  }

  /** What is out: 0 at the end. */
  get outstanding(): number {
    return this.frames.outstanding + this.headers.outstanding + this.pages.outstanding
  }

  /** Bytes that may be sent now. */
  get room(): number {
    return this.window - ((this.sequence - this.acknowledged) | 0)
  }

  /** The SYN. */
  open(): Frame {
    const options = { mss: 1460, sackOK: true, ts: { val: this.time, ecr: 0 }, wscale: 10 }
    const bytes = packet({ flags: 'S', seq: this.sequence, window: 65535, options })
    this.sequence++
    const frame = this.frame(bytes.length)
    frame.head.bytes.set(bytes, frame.start)
    return frame
  }

  /** The next bytes of the stream, whatever they are; above one segment a super-frame. Acknowledges what came. */
  data(length: number): Frame {
    const frame = this.segment(length)
    this.sequence = (this.sequence + length) | 0
    if (length > MSS) {
      frame.gsoSize = MSS
      frame.gsoType = GSO_TCPV4
      frame.segments = Math.ceil(length / MSS)
    }
    return frame
  }

  acknowledge(): Frame {
    return this.segment(0)
  }

  /** Takes a frame of the stack in; it stays its owner's. */
  take(frame: Frame): void {
    const { view } = frame.head
    const at = frame.start + TRANSPORT
    if (frame.end - frame.start < TRANSPORT + 20 || view.getUint8(frame.start + 23) !== 6) return
    const sequence = view.getInt32(at + 4)
    const headers = (view.getUint8(at + 12) >>> 4) * 4
    const opens = (view.getUint8(at + 13) & SYN) !== 0
    if (opens) {
      this.connected = true
      this.expected = (sequence + 1) | 0
      // Behind MSS, SACK permitted and timestamps.
      this.scale = view.getUint8(at + 39)
    }
    this.acknowledged = view.getInt32(at + 8)
    this.window = view.getUint16(at + 14) << (opens ? 0 : this.scale)
    this.recent = view.getInt32(at + (opens ? 28 : 24))
    const length = frame.length - TRANSPORT - headers
    if (length === 0 || sequence !== this.expected) return
    this.expected = (sequence + length) | 0
    this.received += length
  }

  private segment(length: number): Frame {
    const frame = this.frame(HEADERS + length)
    const { view } = frame.head
    const { template } = this
    const at = frame.start
    for (let i = 0; i < 64; i += 4) view.setInt32(at + i, template.getInt32(i))
    view.setUint16(at + 64, 0)
    const total = HEADERS - 14 + length
    view.setUint16(at + 16, total)
    let sum = this.headerSum + total
    sum = (sum & 0xffff) + (sum >>> 16)
    sum = (sum & 0xffff) + (sum >>> 16)
    view.setUint16(at + 24, ~sum & 0xffff)
    view.setInt32(at + TRANSPORT + 4, this.sequence)
    view.setInt32(at + TRANSPORT + 8, this.expected)
    view.setInt32(at + TRANSPORT + 24, this.time)
    view.setInt32(at + TRANSPORT + 28, this.recent)
    return frame
  }

  private frame(length: number): Frame {
    const page = this.pages.allocate()
    if (!page) throw new Error('the stack keeps the pages it was handed')
    const frame = this.frames.wrap(page, HEADROOM, HEADROOM + length)
    frame.checksum = CHECKSUM_UNNECESSARY
    return frame
  }
}

function packet(fields: TcpBuild): Uint8Array {
  const payload = buildTcp(PEER_ADDRESS, STACK_ADDRESS, { sourcePort: PEER_PORT, destinationPort: PORT, ...fields })
  const ip = buildIpv4({ source: PEER_ADDRESS, destination: STACK_ADDRESS, payload })
  return buildEthernet(STACK_MAC, PEER_MAC, 0x0800, ip)
}
