// What the tests of the TAP share: a sink that remembers, pools of native memory, and UDP frames made by hand.

import { type NativeMemory, nativeMemory } from '../../../drivers/tap/index.ts'
import type { PortSink } from '../../../nic/port.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'

export const STACK_IP = 0xc0000202 | 0
export const KERNEL_IP = 0xc0000201 | 0
export const ETHERNET = 14
export const IPV4 = 20
export const UDP = 8

/** Remembers what the port says; frames are kept until `release`. */
export class Sink implements PortSink {
  readonly frames: Frame[] = []
  readonly completions: number[] = []
  readonly completed: Frame[] = []
  readonly links: [boolean, boolean][] = []
  readables = 0
  writables = 0
  private waiting: { until: () => boolean; done: () => void }[] = []

  onFrame(frame: Frame): void {
    this.frames.push(frame)
    this.check()
  }

  onComplete(frame: Frame, errno: number): void {
    this.completions.push(errno)
    this.completed.push(frame)
    frame.release()
    this.check()
  }

  onReadable(): void {
    this.readables++
    this.check()
  }

  onWritable(): void {
    this.writables++
    this.check()
  }

  onLink(up: boolean, gone: boolean): void {
    this.links.push([up, gone])
    this.check()
  }

  /** Resolves when `until` is true after an event of the port. */
  wait(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve()
    return new Promise((done) => this.waiting.push({ until, done }))
  }

  release(): void {
    for (const frame of this.frames.splice(0)) frame.release()
  }

  private check(): void {
    const { waiting } = this
    this.waiting = waiting.filter(({ until, done }) => {
      if (!until()) return true
      done()
      return false
    })
  }
}

/** Pools over native memory, and the count of what is out. */
export class Pools {
  readonly memory: NativeMemory = nativeMemory()
  readonly headers = new PagePool(this.memory, { pageSize: HEADER_PAGE, slab: 64, limit: 4096 })
  readonly pages = new PagePool(this.memory, { pageSize: 65536, slab: 4, limit: 256 })
  readonly frames = new FramePool(this.headers)

  get outstanding(): number {
    return this.headers.outstanding + this.pages.outstanding + this.frames.outstanding
  }

  close(): void {
    this.headers.close()
    this.pages.close()
  }
}

export interface UdpOptions {
  destinationMac: Uint8Array
  port: number
  /** Payload, spread over refs of these lengths (the rest goes in the last). */
  payload: Uint8Array
  pieces?: number[]
  /** Leave the checksum to the card. */
  partial?: boolean
  gsoSize?: number
  headroom?: number
}

const MAC = Uint8Array.of(2, 0, 0x5e, 0x10, 0, 1)

/** A UDP frame from 192.0.2.2:7777 to 192.0.2.1. */
export function udpFrame(pools: Pools, options: UdpOptions): Frame {
  const { payload, pieces = [], partial = false, gsoSize = 0, headroom = 64 } = options
  const frame = pools.frames.allocate(headroom) as Frame
  const { bytes, view } = frame.head
  const ethernet = frame.start
  const ip = ethernet + ETHERNET
  const udp = ip + IPV4
  bytes.set(options.destinationMac, ethernet)
  bytes.set(MAC, ethernet + 6)
  view.setUint16(ethernet + 12, 0x0800)
  const length = UDP + payload.length
  bytes.fill(0, ip, udp + UDP)
  view.setUint16(ip, 0x4500)
  view.setUint16(ip + 2, IPV4 + length)
  view.setUint16(ip + 8, (64 << 8) | 17)
  view.setInt32(ip + 12, STACK_IP)
  view.setInt32(ip + 16, KERNEL_IP)
  view.setUint16(ip + 10, ~fold(sumOf(bytes.subarray(ip, udp))) & 0xffff)
  view.setUint16(udp, 7777)
  view.setUint16(udp + 2, options.port)
  view.setUint16(udp + 4, length)
  const pseudo = sumOf(bytes.subarray(ip + 12, udp)) + 17 + length
  if (partial) {
    view.setUint16(udp + 6, fold(pseudo))
    frame.csumStart = ETHERNET + IPV4
    frame.csumOffset = 6
  } else {
    view.setUint16(udp + 6, ~fold(pseudo + sumOf(bytes.subarray(udp, udp + UDP)) + sumOf(payload)) & 0xffff || 0xffff)
  }
  frame.gsoSize = gsoSize
  frame.gsoType = gsoSize > 0 ? 5 : 0
  frame.end = udp + UDP
  spread(pools, frame, payload, pieces)
  return frame
}

/** Appends the payload as refs of the lengths given and one of what is left. Each lies at an odd place in its page. */
export function spread(pools: Pools, frame: Frame, payload: Uint8Array, pieces: number[]): void {
  let at = 0
  for (const length of [...pieces, payload.length]) {
    const part = payload.subarray(at, at + length)
    if (part.length === 0) continue
    const page = pools.pages.allocate()
    if (!page) throw new Error('out of pages')
    page.bytes.set(part, 3)
    if (!frame.addRef(page, 3, part.length)) throw new Error('too many pieces')
    at += part.length
  }
}

/** The naive sum of RFC 1071, byte pair by byte pair. The oracle. */
export function sumOf(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i] * 256 : bytes[i]
  return sum
}

export function fold(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000)
  return folded
}

/** The bytes of a frame in one piece. */
export function frameBytes(frame: Frame): Uint8Array {
  const out = new Uint8Array(frame.length)
  out.set(frame.head.bytes.subarray(frame.start, frame.end))
  let at = frame.headLength
  for (let i = 0; i < frame.refs; i++) {
    out.set(frame.pages[i].bytes.subarray(frame.offsets[i], frame.offsets[i] + frame.lengths[i]), at)
    at += frame.lengths[i]
  }
  return out
}

export function macBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':').map((part) => Number.parseInt(part, 16)))
}
