// A port around a port that loses, duplicates, reorders, corrupts and delays frames, by seeded chance, in either direction.
// Works on finished frames: it offers no offload unless told to, so that what it harms is one frame of the MTU, as on a real
// wire. Harm is done to copies of its own; the pages of the sender are never written. Everything is counted.

import { TypeScriptChecksum } from '../nic/checksum.ts'
import type { ChecksumEngine } from '../nic/checksum-engine.ts'
import type { Port, PortCapabilities, PortReceiveOptions } from '../nic/port.ts'
import { NEVER } from '../stack/base/deadlines.ts'
import type { Random } from '../stack/base/environment.ts'
import { ENODEV } from '../stack/base/errno.ts'
import { CHECKSUM_NONE, type Frame, FramePool, HEADER_PAGE, MAX_PACKET } from '../stack/buffer/frame.ts'
import { PagePool } from '../stack/buffer/page-pool.ts'
import { Direction, type FaultRates } from './faults/direction.ts'
import type { Pollable, Reactor, ReactorHandle } from './reactor.ts'
import { WrappedPort } from './wrapped-port.ts'

export interface FaultOptions extends FaultRates {
  random: Random
  /** Needed for delay, jitter and reorder. */
  reactor?: Reactor
  /** Rates for one direction, over those for both. */
  transmit?: FaultRates
  receive?: FaultRates
  /** The most frames held back in each direction; beyond it frames are lost and counted. Default 1000. */
  limit?: number
  /** Passes on what the port below offers, super-frames up to 64 KiB. A super-frame that would be corrupted is lost then, as its segment would be. */
  offload?: boolean
  /** Reads pages that only native code may touch. Default: the TypeScript engine. */
  engine?: ChecksumEngine
}

const ETHERNET = 14
const NO_OFFLOAD: Readonly<PortCapabilities> = Object.freeze({
  txChecksum: false,
  scatterGather: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  rxChecksum: false,
  rxGroHw: false,
})

export class FaultInjector extends WrappedPort implements Pollable {
  private readonly offload: boolean
  private readonly offered: Readonly<PortCapabilities>
  private readonly engine: ChecksumEngine
  private readonly reactor: Reactor | null
  private readonly handle: ReactorHandle | null
  private readonly outbound: Direction
  private readonly inbound: Direction
  private readonly pages: PagePool
  private readonly copies: FramePool
  /** Frames of the sink that went no further, to be completed at the doorbell. */
  private ended: Frame[] = []
  /** The ring below was full when something held back was due. */
  private blocked = false
  /** The sink was told that something held back is due. */
  private told = false
  private closed = false
  /** Bytes that were copied here, headers too, and bytes that were summed. */
  private copied = 0
  private summed = 0

  /** RangeError for a chance or time that is none, TypeError for delay or reordering without a reactor. */
  constructor(inner: Port, options: FaultOptions) {
    super(inner)
    const limit = options.limit ?? 1000
    this.outbound = new Direction({ ...options, ...options.transmit }, options.random.fork('transmit'), limit)
    this.inbound = new Direction({ ...options, ...options.receive }, options.random.fork('receive'), limit)
    if ((this.outbound.holds || this.inbound.holds) && !options.reactor) {
      throw new TypeError('delay, jitter and reorder need a reactor, whose clock they follow')
    }
    this.offload = options.offload ?? false
    this.engine = options.engine ?? new TypeScriptChecksum()
    this.offered = this.offload ? { ...inner.capabilities, gsoMaxSize: MAX_PACKET, sumsOnPost: false } : NO_OFFLOAD
    const packet = this.offload ? MAX_PACKET : inner.mtu
    // Each copy is an ArrayBuffer of its own: a receiver may keep its page for good.
    const pageSize = HEADER_PAGE + ETHERNET + 8 + packet
    this.pages = new PagePool(inner.memory, { pageSize, slab: 1, limit: 4 * limit + 64, detachable: true })
    this.copies = new FramePool(this.pages)
    if (!this.offload) inner.setReceiveOptions({ rxChecksum: false, rxGroHw: false })
    this.reactor = options.reactor ?? null
    this.handle = this.reactor?.attach(this) ?? null
  }

  override get capabilities(): Readonly<PortCapabilities> {
    return this.offered
  }

  override setReceiveOptions(options: PortReceiveOptions): boolean {
    if (this.offload) return this.inner.setReceiveOptions(options)
    return !options.rxChecksum && !options.rxGroHw
  }

  override get statistics(): Readonly<Record<string, number>> {
    const out = { ...this.inner.statistics }
    this.outbound.statistics('fault_tx', out)
    this.inbound.statistics('fault_rx', out)
    out['fault_copied_bytes'] = this.copied
    out['fault_summed_bytes'] = this.summed
    return out
  }

  /** Frames of its own that are out: held back or on the ring below. */
  get outstanding(): number {
    return this.copies.outstanding
  }

  // Down.

  override post(frame: Frame): boolean {
    const way = this.outbound
    if (this.closed || this.inner.txRingFree < 1 + frame.refs) return false
    if (way.happens(way.loss)) {
      way.lost++
      this.ended.push(frame)
      return true
    }
    const carried = way.happens(way.corrupt) ? this.corrupt(frame, way) : frame
    if (carried !== frame) this.ended.push(frame)
    if (!carried) return true
    const copy = way.happens(way.duplicate) ? this.copy(carried) : null
    this.send(carried, way)
    if (copy) {
      way.duplicated++
      this.send(copy, way)
    }
    return true
  }

  override doorbell(): void {
    this.sendDue()
    this.inner.doorbell()
    if (this.ended.length === 0) return
    const ended = this.ended
    this.ended = []
    for (const frame of ended) super.onComplete(frame, 0)
  }

  override onComplete(frame: Frame, errno: number): void {
    this.unblock()
    if (frame.pool === this.copies) frame.release()
    else super.onComplete(frame, errno)
  }

  override onWritable(): void {
    this.unblock()
    super.onWritable()
  }

  // Up.

  override receive(budget: number, thorough?: boolean): number {
    const way = this.inbound
    this.told = false
    let count = 0
    while (count < budget && way.held.due(this.now())) {
      super.onFrame(way.held.take())
      count++
    }
    return count < budget ? count + this.inner.receive(budget - count, thorough) : count
  }

  override onFrame(frame: Frame): void {
    const way = this.inbound
    if (way.happens(way.loss)) {
      way.lost++
      frame.release()
      return
    }
    const carried = way.happens(way.corrupt) ? this.corrupt(frame, way) : frame
    if (carried !== frame) frame.release()
    if (!carried) return
    const copy = way.happens(way.duplicate) ? this.copy(carried) : null
    this.deliver(carried, way)
    if (!copy) return
    way.duplicated++
    this.deliver(copy, way)
  }

  // Time.

  poll(): boolean {
    if (this.closed) return false
    if (this.sendDue()) this.inner.doorbell()
    if (!this.told && this.inbound.held.due(this.now())) {
      this.told = true
      super.onReadable()
    }
    return false
  }

  nextDeadline(): number {
    const out = this.blocked ? NEVER : this.outbound.held.next()
    const into = this.told ? NEVER : this.inbound.held.next()
    return Math.min(out, into)
  }

  override close(): void {
    if (this.closed) return
    this.closed = true
    this.handle?.detach()
    for (const frame of this.ended.splice(0)) super.onComplete(frame, ENODEV)
    super.close()
    this.outbound.held.clear()
    this.inbound.held.clear()
    this.pages.close()
  }

  private unblock(): void {
    if (!this.blocked) return
    this.blocked = false
    this.handle?.requestPoll()
  }

  private now(): number {
    return this.reactor?.clock.now() ?? 0
  }

  /** A frame of the sink or a copy, now or later. */
  private send(frame: Frame, way: Direction): void {
    const wait = way.wait()
    if (wait === 0) {
      this.sendNow(frame, way)
      return
    }
    const own = frame.pool === this.copies ? frame : this.copy(frame)
    if (!own) {
      this.sendNow(frame, way)
      return
    }
    if (own !== frame) this.ended.push(frame)
    this.hold(own, wait, way)
  }

  private sendNow(frame: Frame, way: Direction): void {
    if (this.inner.post(frame)) return
    // The ring had room for it; if not any more, it is as good as lost.
    way.overflowed++
    if (frame.pool === this.copies) frame.release()
    else this.ended.push(frame)
  }

  /** What is due goes to the ring below. True when anything did. */
  private sendDue(): boolean {
    const { held } = this.outbound
    let sent = false
    while (held.due(this.now())) {
      if (!this.inner.post(held.peek())) {
        this.blocked = true
        return sent
      }
      held.take()
      sent = true
    }
    return sent
  }

  private deliver(frame: Frame, way: Direction): void {
    const wait = way.wait()
    if (wait === 0) super.onFrame(frame)
    else this.hold(frame, wait, way)
  }

  private hold(frame: Frame, wait: number, way: Direction): void {
    const due = this.now() + wait
    const earliest = this.nextDeadline()
    if (!way.held.add(frame, due)) {
      way.overflowed++
      frame.release()
      return
    }
    way.delayed++
    if (due < earliest) this.handle?.requestPoll()
  }

  /** A copy in one piece; null when there is no page, the frame is too long or its pages cannot be read. */
  private copy(frame: Frame): Frame | null {
    if (frame.start + frame.length > this.pages.pageSize || !frame.head.touchable) return null
    const copy = this.copies.allocate(frame.start)
    if (!copy) return null
    copy.head.bytes.set(frame.head.bytes.subarray(frame.start, frame.end), copy.start)
    if (this.engine.copyRefs(frame, copy.head.bytes, copy.start + frame.headLength) < 0) {
      copy.release()
      return null
    }
    this.copied += frame.length
    copy.end = copy.start + frame.length
    copy.csumStart = frame.csumStart
    copy.csumOffset = frame.csumOffset
    copy.gsoSize = frame.gsoSize
    copy.gsoType = frame.gsoType
    copy.networkOffset = frame.networkOffset
    copy.transportOffset = frame.transportOffset
    copy.checksum = frame.checksum
    copy.segments = frame.segments
    return copy
  }

  /**
   * A copy with one bit of the IP packet flipped; the frame itself where there is nothing to flip or no copy to be had.
   * An unfinished checksum is finished first, or the harm would be summed into it; a super-frame gives null: lost.
   */
  private corrupt(frame: Frame, way: Direction): Frame | null {
    const type = frame.headLength > ETHERNET ? frame.head.view.getUint16(frame.start + 12) : 0
    if (type !== 0x0800 && type !== 0x86dd) return frame
    if (frame.gsoSize > 0) {
      way.corrupted++
      return null
    }
    const copy = this.copy(frame)
    if (!copy) return frame
    way.corrupted++
    if (copy.csumStart >= 0) {
      const sum = this.engine.sumFrame(copy, copy.csumStart)
      this.summed += copy.length - copy.csumStart
      copy.head.view.setUint16(copy.start + copy.csumStart + copy.csumOffset, ~sum & 0xffff)
      copy.csumStart = -1
    }
    copy.checksum = CHECKSUM_NONE
    const bit = way.random.below((copy.length - ETHERNET) * 8)
    copy.head.bytes[copy.start + ETHERNET + (bit >>> 3)] ^= 1 << (bit & 7)
    return copy
  }
}

export type { FaultRates }

/** A port around `port` that harms what passes it. */
export function faultInjector(port: Port, options: FaultOptions): FaultInjector {
  return new FaultInjector(port, options)
}
