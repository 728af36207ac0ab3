// A TAP as a port of the card: rings on both sides of the addon, its place in Node's event loop, and the verdicts on what
// the device answers. Owns when to watch for what; owns neither the rings' layout (transmit-ring, receive-ring) nor the
// opening (open-tap). What the numbers mean: tun(4) and drivers/net/tun.c of Linux.

import { type Addon, type NativeInterfaceInfo, type NativeTap, READABLE, WRITABLE } from '../../native/index.ts'
import type { Port, PortCapabilities, PortReceiveOptions, PortRings, PortSink } from '../../nic/port.ts'
import { EBADFD, EBUSY, EFAULT, EINVAL, EIO, ENODEV, errnoName } from '../../stack/base/errno.ts'
import type { Frame, FramePool } from '../../stack/buffer/frame.ts'
import type { Turns } from '../reactor.ts'
import type { NativeMemory } from './addon.ts'
import { LinkState } from './link-state.ts'
import { ReceiveRing } from './receive-ring.ts'
import { capabilitiesOf, TUN_F_CSUM, TUN_F_TSO_ALL } from './tap-capabilities.ts'
import { TapStatistics } from './tap-statistics.ts'
import { TransmitRing } from './transmit-ring.ts'
import { parseVirtioHeader, VIRTIO_HEADER } from './virtio-header.ts'

const ETHERNET_HEADER = 14
/**
 * Where one frame came at a time so many wake-ups look for no second one: the event loop finds it as well, and the read that
 * finds nothing is saved.
 */
const SINGLES = 8
const LARGEST: PortRings = { transmit: 65536, receive: 4096 }

export interface TapPortOptions {
  addon: Addon
  /** Attached; the port owns it. */
  native: NativeTap
  name: string
  /** The interface as it is now. */
  info: NativeInterfaceInfo
  memory: NativeMemory
  vnetHeader: boolean
  /** The TUN_F_ bits that the kernel knows; 0 without the header. */
  offload: number
  created: boolean
  /** Descriptors of the rings, and the limit of receive pages. */
  transmit: number
  receive: number
  pages: number
}

export class TapPort implements Port {
  readonly name: string
  readonly capabilities: Readonly<PortCapabilities>
  readonly memory: NativeMemory
  readonly vnetHeader: boolean
  /** The interface was made by us and goes when the port is closed. */
  readonly created: boolean
  /** Told when the event loop calls in here, and when that call ends. */
  turns: Turns | null = null
  private readonly native: NativeTap
  private readonly offload: number
  private readonly counters = new TapStatistics()
  private readonly transmitRing: TransmitRing
  private readonly receiveRing: ReceiveRing
  private readonly link: LinkState
  private sink: PortSink | null = null
  private frames: FramePool | null = null
  private closed = false
  /** What the event loop watches for. */
  private watched = 0
  /** The sink is to be told when frames wait: it was not told since it last took them all. */
  private armed = false
  /** No page was left to read into. */
  private starving = false
  /** Wake-ups in a row that took one frame, up to SINGLES. */
  private singles = 0
  /** The device had no room: the doorbell waits until it has. */
  private blocked = false
  /** `post` said no, or the device was full: the sink is to be told of room. */
  private refused = false
  private ringing = false
  private ringAgain = false
  private receiving = false

  constructor(options: TapPortOptions) {
    const { addon, native, memory, vnetHeader, offload } = options
    this.name = options.name
    this.native = native
    this.memory = memory
    this.vnetHeader = vnetHeader
    this.offload = offload
    this.created = options.created
    this.capabilities = capabilitiesOf(vnetHeader, offload)
    this.transmitRing = new TransmitRing(native, memory, options.transmit, vnetHeader)
    this.receiveRing = new ReceiveRing(native, memory, options.receive, options.pages, vnetHeader, options.info.mtu)
    native.setRings(this.transmitRing.region.id, options.transmit, this.receiveRing.region.id, options.receive)
    this.link = new LinkState(addon, options.info)
    this.link.onChange = () => this.onLinkChange()
  }

  get mtu(): number {
    return this.link.mtu
  }

  get up(): boolean {
    return this.link.up && !this.closed
  }

  /** The device was deleted. */
  get gone(): boolean {
    return this.link.gone
  }

  get txRingSize(): number {
    return this.transmitRing.size
  }

  get txRingFree(): number {
    return this.transmitRing.free
  }

  get rings(): { now: PortRings; most: PortRings } {
    return { now: { transmit: this.transmitRing.size, receive: this.receiveRing.size }, most: LARGEST }
  }

  /** EBUSY while the device has no room for frames that are on the ring, and from within the port's own calls. */
  setRings({ transmit, receive }: PortRings): number {
    const fits = (size: number, least: number, most: number) =>
      size >= least && size <= most && (size & (size - 1)) === 0
    if (!fits(transmit, 32, LARGEST.transmit) || !fits(receive, 1, LARGEST.receive)) return EINVAL
    if (this.closed) return ENODEV
    if (this.ringing || this.receiving || this.transmitRing.pending > 0) return EBUSY
    if (transmit !== this.transmitRing.size) this.transmitRing.resize(transmit)
    if (receive !== this.receiveRing.size) this.receiveRing.resize(receive)
    const { transmitRing, receiveRing } = this
    this.native.setRings(transmitRing.region.id, transmit, receiveRing.region.id, receive)
    return 0
  }

  get statistics(): Readonly<Record<string, number>> {
    this.counters.tap_prefetched_bytes = this.native.prefetched()
    return this.counters.snapshot()
  }

  /** Receive pages that are with frames or applications and not yet back, without those that wait in the ring. */
  get outstandingPages(): number {
    return this.receiveRing.outstanding
  }

  /** Enters the event loop. Sockets keep a process alive, not a card: `ref` is for those who want it to. */
  attach(sink: PortSink, frames: FramePool): void {
    if (this.sink) throw new Error(`${this.name} has a sink already`)
    // What is true now the sink asks for; it is told of changes from here on.
    this.link.refresh()
    this.sink = sink
    this.frames = frames
    if (this.closed) return
    if (this.gone) {
      queueMicrotask(() => sink.onLink(false, true))
      return
    }
    const error = this.native.poll((events) => this.onEvents(events))
    if (error < 0) throw new Error(`${this.name} cannot enter the event loop (${errnoName(error)})`)
    this.native.keep(false)
    this.armed = true
    this.watch(this.watched | READABLE)
  }

  /** After `attach`: keeps the process alive until `unref` or `close`. */
  ref(): void {
    this.native.keep(true)
  }

  unref(): void {
    this.native.keep(false)
  }

  /**
   * Whether a thread brings the pages of files that the next frames point at into the processor's cache before they are
   * written (off at first). It takes a core's idle time; 0, or a positive errno.
   */
  setPrefetch(on: boolean): number {
    return this.closed ? ENODEV : Math.abs(this.native.prefetch(on))
  }

  setReceiveOptions(options: PortReceiveOptions): boolean {
    if (!this.vnetHeader) return !options.rxChecksum && !options.rxGroHw
    if (this.closed || (options.rxGroHw && !options.rxChecksum)) return false
    const wanted = (options.rxChecksum ? TUN_F_CSUM : 0) | (options.rxGroHw ? TUN_F_TSO_ALL : 0)
    if (this.native.setOffload(wanted & this.offload) !== 0) return false
    this.receiveRing.sums = !options.rxChecksum
    return true
  }

  post(frame: Frame, sum = false): boolean {
    if (!this.closed && !this.gone && this.transmitRing.post(frame, sum)) return true
    this.refused = true
    return false
  }

  doorbell(): void {
    if (this.ringing) {
      this.ringAgain = true
      return
    }
    this.ringing = true
    do {
      this.ringAgain = false
      this.ring()
    } while (this.ringAgain && !this.blocked)
    this.ringing = false
    if (!this.refused || this.blocked || this.closed || this.transmitRing.free === 0) return
    this.refused = false
    this.sink?.onWritable()
  }

  receive(budget: number, thorough = true): number {
    this.receiving = true
    try {
      return this.take(budget, thorough)
    } finally {
      this.receiving = false
    }
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.link.close()
    this.native.close()
    this.abandon()
    this.receiveRing.close()
    this.transmitRing.close()
  }

  // The transmit side.

  private ring(): void {
    const { transmitRing, counters } = this
    if (transmitRing.pending === 0 || this.blocked || this.closed) return
    const wanted = transmitRing.pending
    const done = this.gone ? -ENODEV : transmitRing.transmit()
    counters.tap_doorbells++
    if (done < 0) {
      this.abandon()
      return
    }
    counters.tap_writes += done < wanted ? done + 1 : done
    for (let i = 0; i < done && transmitRing.pending > 0; i++) this.complete()
    if (done === wanted || this.closed || this.gone) return
    counters.tap_tx_eagain++
    this.blocked = true
    this.refused = true
    this.watch(this.watched | WRITABLE)
  }

  private complete(): void {
    const { transmitRing, counters } = this
    const frame = transmitRing.take()
    const { status } = transmitRing
    if (status >= 0) {
      counters.tap_tx_bytes += status
      this.link.onWriteTaken()
      this.sink?.onComplete(frame, 0)
      return
    }
    counters.tap_tx_errors++
    if (status === -EIO) {
      counters.tap_tx_eio++
      this.link.onWriteRefused()
    } else if (status === -EBADFD) {
      this.link.onGone()
    }
    this.sink?.onComplete(frame, status === -EBADFD ? ENODEV : -status)
  }

  /** Gives every frame on the ring back: there is no hardware any more. */
  private abandon(): void {
    while (this.transmitRing.pending > 0) {
      const frame = this.transmitRing.take()
      this.counters.tap_tx_errors++
      if (this.sink) this.sink.onComplete(frame, ENODEV)
      else frame.release()
    }
  }

  // The receive side.

  private take(budget: number, thorough: boolean): number {
    if (this.closed || this.gone) return 0
    let taken = 0
    let drained = false
    const single = !thorough && this.singles > 0 && this.singles < SINGLES
    while (taken < budget && !drained && !this.closed) {
      const wanted = single ? 1 : Math.min(budget - taken, this.receiveRing.size)
      const posted = this.receiveRing.fill(wanted, this.link.mtu)
      if (posted === 0) {
        this.starve()
        break
      }
      const done = this.receiveRing.receive(posted)
      this.counters.tap_rx_calls++
      this.counters.tap_reads += done < posted ? done + 1 : done
      const frames = done > 0 ? this.deliver(done) : 0
      taken += frames
      drained = single || done < posted || frames < done
    }
    this.singles = taken === 1 ? (this.singles % SINGLES) + 1 : 0
    if (taken < budget && !this.closed) this.arm()
    return taken
  }

  /** Hands up what stands in the first `done` slots. Returns how many frames the hardware gave. */
  private deliver(done: number): number {
    const { receiveRing, counters } = this
    let frames = 0
    for (let slot = 0; slot < done && !this.closed; slot++) {
      const status = receiveRing.status(slot)
      if (status > 0) {
        frames++
        counters.tap_rx_bytes += status
        this.onRead(slot, status)
      } else if (status === -EFAULT) {
        // Somebody detached the page's ArrayBuffer: it is of no use any more.
        counters.tap_rx_errors++
        receiveRing.giveUp(slot)
      } else {
        counters.tap_rx_errors++
        if (status === -EBADFD || status === -EIO) this.checkGone()
      }
    }
    return frames
  }

  private onRead(slot: number, bytes: number): void {
    const { receiveRing, counters } = this
    const page = receiveRing.take(slot)
    const from = receiveRing.readOffset
    const frame = (this.frames as FramePool).wrap(page, VIRTIO_HEADER, from + bytes)
    frame.sum = receiveRing.sum(slot)
    if (frame.headLength < ETHERNET_HEADER) {
      counters.tap_rx_short++
      frame.release()
    } else if (this.vnetHeader && !parseVirtioHeader(page.view, from, frame)) {
      counters.tap_rx_bad_header++
      frame.release()
    } else {
      ;(this.sink as PortSink).onFrame(frame)
    }
  }

  /** Frames may wait, and there is no page for them: look again when one comes back. */
  private starve(): void {
    this.counters.tap_rx_no_page++
    this.starving = true
    this.watch(this.watched & ~READABLE)
    this.receiveRing.pool.onRoom = () => {
      this.starving = false
      if (this.armed) this.watch(this.watched | READABLE)
    }
  }

  private arm(): void {
    this.armed = true
    if (!this.starving) this.watch(this.watched | READABLE)
  }

  // The event loop.

  private onEvents(events: number): void {
    const { turns } = this
    turns?.begin()
    try {
      this.takeEvents(events)
    } finally {
      turns?.end()
    }
  }

  private takeEvents(events: number): void {
    this.counters.tap_wakeups++
    if (events < 0) {
      // POLLERR: only a device that was taken away says so (tun_chr_poll).
      this.watched = 0
      this.link.onGone()
      return
    }
    if ((events & WRITABLE) !== 0 && this.blocked) {
      this.blocked = false
      this.watch(this.watched & ~WRITABLE)
      this.doorbell()
    }
    if ((events & READABLE) === 0 || this.closed) return
    if (this.armed) {
      this.armed = false
      this.sink?.onReadable()
    } else {
      // The sink knows and is not there yet. Only now is it worth a system call to have peace.
      this.watch(this.watched & ~READABLE)
    }
  }

  private watch(events: number): void {
    if (events === this.watched || this.closed || this.gone || !this.sink) return
    this.watched = events
    this.native.watch(events)
  }

  // The carrier.

  private checkGone(): void {
    if (this.native.flags() < 0) this.link.onGone()
  }

  private onLinkChange(): void {
    if (this.closed) return
    if (this.gone) {
      this.watched = 0
      this.native.close()
      this.abandon()
    }
    this.sink?.onLink(this.up, this.gone)
  }
}
