// A port in memory: what a card does to real hardware is seen here. Does in "hardware" what its capabilities say, by the
// oracle's plain arithmetic, and refuses what they do not. Completions, errors and room are the test's to script.

import type { Port, PortCapabilities, PortReceiveOptions, PortSink } from '../../../nic/port.ts'
import { EINVAL, ENODEV } from '../../../stack/base/errno.ts'
import { type Frame, type FramePool, GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4 } from '../../../stack/buffer/frame.ts'
import type { Memory } from '../../../stack/buffer/page.ts'
import { type Layout, naiveChecksum, segment } from './oracle.ts'
import { bytesOf } from './packets.ts'

export const NOTHING: PortCapabilities = {
  txChecksum: false,
  scatterGather: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  rxChecksum: false,
  rxGroHw: false,
}
export const EVERYTHING: PortCapabilities = {
  txChecksum: true,
  scatterGather: true,
  tso4: true,
  tso6: true,
  tsoEcn: true,
  uso: true,
  rxChecksum: true,
  rxGroHw: true,
}

export interface MemoryPortOptions {
  capabilities?: Partial<PortCapabilities>
  mtu?: number
  ringSize?: number
}

export class MemoryPort implements Port {
  readonly name = 'mem0'
  readonly capabilities: PortCapabilities
  readonly memory: Memory
  mtu: number
  up = true
  readonly txRingSize: number
  txRingFree: number
  readonly statistics: Record<string, number> = { rx_no_buffer: 0 }
  /** What went over the wire, packet by packet. */
  readonly wire: Uint8Array[] = []
  /** What was posted: as the card asked. */
  readonly posted: { csumStart: number; gsoSize: number; refs: number; length: number; pages: unknown[] }[] = []
  /** What `setReceiveOptions` was told, and whether it takes it. */
  readonly told: PortReceiveOptions[] = []
  takesReceiveOptions = true
  /** Answers for the next frames, first to last; then 0. A function is asked for each frame. */
  errnos: number[] = []
  answer: (frame: Frame) => number = () => 0
  /** At most this many frames leave per doorbell. */
  perDoorbell = Number.POSITIVE_INFINITY
  doorbells = 0
  closed = false
  private readonly ring: Frame[] = []
  /** What it was asked to sum: where each begins. */
  private readonly sums = new Map<Frame, number>()
  private readonly arriving: Frame[] = []
  private sink: PortSink | null = null

  constructor(memory: Memory, options: MemoryPortOptions = {}) {
    this.memory = memory
    this.capabilities = { ...NOTHING, ...options.capabilities }
    this.mtu = options.mtu ?? 1500
    this.txRingSize = options.ringSize ?? 256
    this.txRingFree = this.txRingSize
  }

  get waiting(): number {
    return this.ring.length
  }

  setReceiveOptions(options: PortReceiveOptions): boolean {
    if (!this.takesReceiveOptions) return false
    this.told.push({ ...options })
    return true
  }

  post(frame: Frame, sum = false): boolean {
    if (this.closed || this.txRingFree < 1 + frame.refs) return false
    if (sum) {
      if (!this.capabilities.sumsOnPost || frame.csumStart < 0) throw new Error('asked to sum what it does not')
      this.sums.set(frame, frame.csumStart)
      frame.csumStart = -1
    }
    this.txRingFree -= 1 + frame.refs
    this.ring.push(frame)
    const { csumStart, gsoSize, refs, length } = frame
    this.posted.push({ csumStart, gsoSize, refs, length, pages: frame.pages.slice(0, refs) })
    return true
  }

  doorbell(): void {
    this.doorbells++
    this.drain(this.perDoorbell)
  }

  /** Sends and completes at most `count` frames. */
  drain(count: number): void {
    for (let i = 0; i < count && this.ring.length > 0; i++) {
      const frame = this.ring.shift() as Frame
      this.txRingFree += 1 + frame.refs
      this.finish(frame)
      const errno = this.errnos.shift() ?? this.answer(frame)
      this.sink?.onComplete(frame, errno === 0 ? this.send(frame) : errno)
    }
  }

  receive(budget: number): number {
    let count = 0
    for (; count < budget && this.arriving.length > 0; count++) this.sink?.onFrame(this.arriving.shift() as Frame)
    return count
  }

  /** Frames from the wire. */
  arrive(...frames: Frame[]): void {
    this.arriving.push(...frames)
    this.sink?.onReadable()
  }

  attach(sink: PortSink, _frames: FramePool): void {
    this.sink = sink
  }

  link(up: boolean, gone = false): void {
    this.up = up
    this.sink?.onLink(up, gone)
  }

  writable(): void {
    this.sink?.onWritable()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    for (const frame of this.ring.splice(0)) this.sink?.onComplete(frame, ENODEV)
    for (const frame of this.arriving.splice(0)) frame.release()
  }

  /** The driver at work: the checksum is in the header before anybody sees the frame again. */
  private finish(frame: Frame): void {
    const start = this.sums.get(frame)
    if (start === undefined) return
    this.sums.delete(frame)
    writeChecksum(frame.head.bytes.subarray(frame.start), start, frame.csumOffset, bytesOf(frame).slice(start))
  }

  /** The hardware at work, by the oracle; EINVAL for what it cannot do. */
  private send(frame: Frame): number {
    const { capabilities } = this
    const bytes = bytesOf(frame)
    if (frame.refs > 0 && !capabilities.scatterGather) return EINVAL
    if (frame.csumStart >= 0 && !capabilities.txChecksum) return EINVAL
    if (frame.gsoSize > 0) {
      if (frame.csumStart < 0 || !this.segments(frame)) return EINVAL
      this.wire.push(...segment(bytes, layoutOf(frame), frame.gsoSize))
      return 0
    }
    if (bytes.length > this.mtu + 18) return EINVAL
    if (frame.csumStart >= 0) {
      writeChecksum(bytes, frame.csumStart, frame.csumOffset, bytes.slice(frame.csumStart))
    }
    this.wire.push(bytes)
    return 0
  }

  private segments(frame: Frame): boolean {
    const { tso4, tso6, tsoEcn, uso } = this.capabilities
    const type = frame.gsoType & ~GSO_ECN
    if (frame.gsoType & GSO_ECN && !tsoEcn) return false
    return (type === GSO_TCPV4 && tso4) || (type === GSO_TCPV6 && tso6) || (type === GSO_UDP_L4 && uso)
  }
}

/** The checksum of `summed`, which begins at `start`, goes to `start` + `field`. */
function writeChecksum(bytes: Uint8Array, start: number, field: number, summed: Uint8Array): void {
  const sum = naiveChecksum(summed)
  const written = sum === 0 && field === 6 ? 0xffff : sum
  bytes[start + field] = written >>> 8
  bytes[start + field + 1] = written & 0xff
}

function layoutOf(frame: Frame): Layout {
  const tcp = frame.csumOffset === 16
  const words = frame.head.bytes[frame.start + frame.transportOffset + 12] >>> 4
  return {
    networkOffset: frame.networkOffset,
    transportOffset: frame.transportOffset,
    headerLength: frame.transportOffset + (tcp ? words * 4 : 8),
    protocol: tcp ? 'tcp' : 'udp',
  }
}
