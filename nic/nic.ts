// The card: a device to the stack above, a sink to the port below. Composes the features, the transmit ladder and the receive
// side, and owns what is between them: the order of doorbells and completions, back-pressure, the carrier, and who is
// told when a frame could not be sent. Computes nothing of its own.

import type { Log } from '../stack/base/environment.ts'
import { EINVAL, EMSGSIZE, ENOBUFS, ENODEV, ENOMEM, EOPNOTSUPP, errnoName } from '../stack/base/errno.ts'
import type { MacAddress } from '../stack/base/mac-address.ts'
import { type Frame, type FramePool, MAX_PACKET, MAX_REFS } from '../stack/buffer/frame.ts'
import type { Device, DeviceReceiver } from '../stack/device.ts'
import type { ChecksumEngine } from './checksum-engine.ts'
import { Coalescer } from './coalesce.ts'
import { type CoalesceParameters, Coalescing } from './coalesce-parameters.ts'
import { NicCounters } from './counters.ts'
import { ETHERNET_HEADER } from './ethernet-packet.ts'
import { featureName, GRO_HW, RECEIVE_FEATURES, RX_CHECKSUM } from './feature-names.ts'
import { FeatureSet, possibleFeatures } from './features.ts'
import { GsoSize } from './gso-size.ts'
import type { Port, PortRings, PortSink } from './port.ts'
import { ReceiveSide } from './receive.ts'
import { TransmitSide } from './transmit.ts'

export interface NicOptions {
  /** The hardware. The card attaches itself to it and closes it. */
  port: Port
  /** Frames for received packets and for the segments that the card makes. */
  frames: FramePool
  engine: ChecksumEngine
  address: MacAddress
  log: Log
  /** What a person calls the card; the port's name if absent. */
  name?: string
}

export class Nic implements Device, PortSink {
  readonly name: string
  readonly address: MacAddress
  readonly features: FeatureSet
  readonly counters: NicCounters
  private readonly port: Port
  private readonly log: Log
  private readonly sender: TransmitSide
  private readonly receiver: ReceiveSide
  private readonly coalescer: Coalescer
  private readonly coalescing = new Coalescing()
  private readonly gsoSize: GsoSize
  private stack: DeviceReceiver | null = null
  private now = 0
  /** A call of the stack is in progress: its callbacks wait until it ends. */
  private busy = false
  /** The port hands up frames, and a flush of what is merged follows. */
  private polling = false
  /** The stack was refused, or saw that it would be, and waits for `onWritable`. */
  private stopped = false
  private gone = false
  private closed = false
  /** Frames that failed within a call of the stack, with why; their owners are told at the next flush. */
  private readonly failed: Frame[] = []
  private readonly errnos: number[] = []

  /** RangeError when the port's ring cannot hold the largest frame. */
  constructor(options: NicOptions) {
    const { port, frames, engine } = options
    const largest = port.capabilities.scatterGather ? 1 + MAX_REFS : 1
    if (port.txRingSize < largest) {
      throw new RangeError(
        `the ring of ${port.name} has ${port.txRingSize} descriptors; a frame takes up to ${largest}`,
      )
    }
    this.name = options.name ?? port.name
    this.address = options.address
    this.port = port
    this.log = options.log
    this.counters = new NicCounters(port)
    this.features = new FeatureSet(possibleFeatures(port.capabilities), (next, previous) => this.apply(next, previous))
    this.gsoSize = new GsoSize(port.capabilities.gsoMaxSize)
    this.sender = new TransmitSide({
      gsoSize: this.gsoSize,
      port,
      frames,
      engine,
      features: this.features,
      counters: this.counters,
      fail: (frame, errno) => this.fail(frame, errno),
    })
    this.receiver = new ReceiveSide(this.features, this.counters, engine)
    this.coalescer = new Coalescer(this.counters, (frame) => this.handUp(frame))
    port.attach(this, frames)
  }

  get mtu(): number {
    return this.port.mtu
  }

  get gsoMaxSize(): number {
    return this.features.tso4 ? this.gsoSize.now : Math.min(this.gsoSize.now, MAX_PACKET)
  }

  get up(): boolean {
    return !this.gone && !this.closed && this.port.up
  }

  /** The rings as they are and the largest they can be (`ethtool -g`); undefined when they cannot be changed. */
  get rings(): Port['rings'] {
    return this.port.rings
  }

  /** Changes the rings' sizes (`ethtool -G`). 0, or a positive errno. */
  setRings(sizes: PortRings): number {
    return this.port.setRings?.(sizes) ?? EOPNOTSUPP
  }

  /** How many frames go together (`ethtool -c`). */
  get coalesce(): CoalesceParameters {
    return this.coalescing.parameters
  }

  /** Changes that, from the next poll or burst on (`ethtool -C`). 0, or a positive errno. */
  setCoalesce(parameters: Partial<CoalesceParameters>): number {
    return this.coalescing.set(parameters)
  }

  /** What `setGsoMaxSize` has set; `gsoMaxSize` is less as long as `tso` is off. */
  get wantedGsoMaxSize(): number {
    return this.gsoSize.now
  }

  /** The largest that `setGsoMaxSize` takes (`ip -d link`: tso_max_size). */
  get tsoMaxSize(): number {
    return this.gsoSize.most
  }

  /**
   * Changes `gsoMaxSize`, bytes, from the next super-frame on (`ip link set ... gso_ipv4_max_size`): 576 to `tsoMaxSize`. 0, or a
   * positive errno.
   */
  setGsoMaxSize(bytes: number): number {
    return this.gsoSize.set(bytes)
  }

  /** Everything the card and its port count, as `ethtool -S` shows it. */
  statistics(): Record<string, number> {
    return this.counters.statistics()
  }

  // The device, to the stack.

  attach(receiver: DeviceReceiver): void {
    this.stack = receiver
  }

  get pollBudget(): number {
    return this.coalescing.pollBudget
  }

  get writable(): boolean {
    if (!this.sender.backlog && this.sender.room) return true
    this.stop()
    return false
  }

  transmit(frame: Frame): boolean {
    if (this.gone || this.closed) {
      this.counters.tx_dropped++
      this.defer(frame, ENODEV)
      return true
    }
    const outer = this.busy
    this.busy = true
    const taken = this.sender.take(frame)
    if (this.sender.posted >= this.coalescing.doorbellLimit) this.ring()
    this.busy = outer
    if (!taken) this.stop()
    return taken
  }

  flush(): void {
    if (this.busy) return
    this.busy = true
    try {
      const { doorbellLimit } = this.coalescing
      this.sender.pump(doorbellLimit)
      while (this.sender.posted > 0) {
        this.ring()
        // Completions made room, and perhaps handed frames back: as long as that goes on, so do we.
        this.sender.pump(doorbellLimit)
      }
      this.reportFailed()
    } finally {
      this.busy = false
    }
    this.wake()
  }

  poll(budget: number, now: number, thorough = true): number {
    this.now = now
    const outer = this.busy
    this.busy = true
    this.polling = true
    try {
      return this.port.receive(budget, thorough)
    } finally {
      this.polling = false
      this.coalescer.flush()
      this.busy = outer
    }
  }

  /** Lets go of the hardware and of every frame; owners of frames that were not sent are told ENODEV. Idempotent. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.sender.abandon(ENODEV)
    this.port.close()
    this.sender.abandon(ENODEV)
    this.reportFailed()
    this.sender.close()
  }

  // The sink, to the port.

  onFrame(frame: Frame): void {
    if (frame.headLength < ETHERNET_HEADER) {
      this.counters.rx_length_errors++
      frame.release()
      return
    }
    const { receiver, coalescer } = this
    receiver.judge(frame)
    if (this.features.gro && this.polling && receiver.isMergeable(frame)) {
      coalescer.take(frame, receiver.packet)
      return
    }
    // What was merged until it was switched off.
    if (!this.features.gro && coalescer.count > 0) coalescer.flush()
    this.handUp(frame)
  }

  /** To the stack, if there is one. */
  private handUp(frame: Frame): void {
    if (this.stack && !this.closed) {
      this.stack.onFrame(frame, this.now)
      return
    }
    this.counters.rx_dropped++
    frame.release()
  }

  onComplete(frame: Frame, errno: number): void {
    const { counters } = this
    if (errno === 0) {
      counters.tx_packets++
      counters.tx_bytes += frame.length
      counters.tx_segments += segmentsOf(frame)
      frame.release()
    } else if (isTooLarge(frame, errno)) {
      this.shrink(frame, errno)
    } else if (errno === EINVAL && frame.gsoSize > 0) {
      this.fallBack(frame)
    } else {
      if (errno === EINVAL && frame.csumStart >= 0) counters.tx_csum_rejected++
      counters.countError(errno)
      this.fail(frame, errno)
    }
    if (this.busy || this.closed) return
    if (this.sender.backlog) this.stack?.onReadable()
    else this.wake()
  }

  onReadable(): void {
    this.stack?.onReadable()
  }

  onWritable(): void {
    if (this.busy) return
    // What waits goes down in a flush, and every poll ends in one.
    if (this.sender.backlog) this.stack?.onReadable()
    else this.wake()
  }

  onLink(up: boolean, gone: boolean): void {
    if (gone) {
      this.gone = true
      this.sender.abandon(ENODEV)
    }
    this.stack?.onLink(up && !this.gone, gone)
    if (!this.busy) this.wake()
  }

  private ring(): void {
    this.sender.posted = 0
    this.port.doorbell()
  }

  /** The hardware refused to segment: never ask it again, and send this frame another way. */
  private fallBack(frame: Frame): void {
    const doubtful = this.sender.doubtful(frame)
    this.counters.tx_gso_fallback++
    this.sender.takeBack(frame)
    if (this.features.revoke(doubtful)) {
      this.log(
        'warn',
        `${this.name}: the port refused a super-frame (EINVAL); ${featureName(doubtful)} is off from now on`,
      )
    }
  }

  /** The hardware refused a super-frame above 64 KiB: this one goes another way, and those to come are smaller. */
  private shrink(frame: Frame, errno: number): void {
    const { gsoSize } = this
    const bytes = frame.length - frame.networkOffset
    this.counters.tx_gso_too_large++
    this.sender.takeBack(frame)
    const before = gsoSize.now
    gsoSize.lower(bytes, errno === ENOBUFS || errno === ENOMEM)
    if (gsoSize.now === before) return
    this.log(
      'warn',
      `${this.name}: the port refused a super-frame of ${bytes} bytes (${errnoName(errno)}); gso_ipv4_max_size is ${gsoSize.now} from now on`,
    )
  }

  /** The receive features go to the port, which may refuse: then they stay as they were. */
  private apply(next: number, previous: number): number {
    if (((next ^ previous) & RECEIVE_FEATURES) === 0) return next
    const rxChecksum = (next & RX_CHECKSUM) !== 0
    if (this.port.setReceiveOptions({ rxChecksum, rxGroHw: (next & GRO_HW) !== 0 })) return next
    return (next & ~RECEIVE_FEATURES) | (previous & RECEIVE_FEATURES)
  }

  private stop(): void {
    if (this.stopped) return
    this.stopped = true
    this.counters.tx_stop++
  }

  /** Tells the stack that waits that there is room: not for each descriptor, but when a good part of the ring is free. */
  private wake(): void {
    if (!this.stopped || this.sender.backlog || !this.sender.room) return
    if (this.port.txRingFree < this.port.txRingSize >> 2) return
    this.stopped = false
    this.counters.tx_wake++
    this.stack?.onWritable()
  }

  /** Tells the owner now, or after the stack's call in progress. */
  private fail(frame: Frame, errno: number): void {
    if (this.busy) {
      this.defer(frame, errno)
      return
    }
    frame.owner?.onTransmitError(errno)
    frame.release()
  }

  private defer(frame: Frame, errno: number): void {
    this.failed.push(frame)
    this.errnos.push(errno)
  }

  private reportFailed(): void {
    for (let i = 0; i < this.failed.length; i++) {
      const frame = this.failed[i]
      frame.owner?.onTransmitError(this.errnos[i])
      frame.release()
    }
    if (this.failed.length > 0) {
      this.failed.length = 0
      this.errnos.length = 0
    }
  }
}

/** How many packets on the wire a sent frame made. */
function segmentsOf(frame: Frame): number {
  if (frame.gsoSize === 0) return 1
  const at = frame.start + frame.transportOffset
  const headers = frame.transportOffset + (frame.csumOffset === 6 ? 8 : (frame.head.view.getUint8(at + 12) >>> 4) * 4)
  return Math.ceil((frame.length - headers) / frame.gsoSize)
}

/** Whether a port that takes super-frames may have refused this one for its size: above 64 KiB. */
function isTooLarge(frame: Frame, errno: number): boolean {
  if (frame.gsoSize === 0 || frame.length - frame.networkOffset <= MAX_PACKET) return false
  return errno === EMSGSIZE || errno === EINVAL || errno === ENOBUFS || errno === ENOMEM
}
