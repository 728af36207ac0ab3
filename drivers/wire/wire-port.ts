// One end of a simulated wire, as a port (nic/port.ts): the transmit ring with its back-pressure, the copy that stands
// for the DMA, the receive queue. Owns the pages that it receives into. What happens on the way is way.ts's.

import type { Port, PortCapabilities, PortReceiveOptions, PortSink } from '../../nic/port.ts'
import { EFAULT, EINVAL, EMSGSIZE, ENETDOWN, ENODEV } from '../../stack/base/errno.ts'
import { type Frame, type FramePool, MAX_PACKET } from '../../stack/buffer/frame.ts'
import type { Page } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import {
  type FrameImage,
  finishChecksum,
  imageOf,
  isSegmentable,
  RECEIVE_HEADROOM,
  segmentImage,
  segmentsIn,
} from './frame-image.ts'
import type { PlainMemory } from './memory.ts'
import type { Simulation } from './simulation.ts'

export interface WirePortOptions {
  name: string
  mtu: number
  capabilities: PortCapabilities
  memory: PlainMemory
  ringSize: number
  /** Bits per second, infinity: the doorbell empties the ring. */
  lineRate: number
  receiveQueue: number
}

const ETHERNET = 14
/** Room for two VLAN tags. */
const TAGS = 8

export class WirePort implements Port {
  readonly name: string
  readonly capabilities: Readonly<PortCapabilities>
  readonly mtu: number
  readonly memory: PlainMemory
  readonly txRingSize: number
  txRingFree: number
  up = true
  readonly statistics = {
    tx_packets: 0,
    tx_bytes: 0,
    tx_errors: 0,
    tx_ring_full: 0,
    rx_packets: 0,
    rx_bytes: 0,
    rx_dropped: 0,
    rx_no_buffer: 0,
  }
  /** Where frames go; set by the wire. Owns the image. */
  send: (image: FrameImage) => void = () => {}
  /** A page of the other end for a frame of this length; set by the wire. */
  allocateAtPeer: (length: number) => Page | null = () => null
  /** Told when the port was closed; set by the wire. */
  onClose: () => void = () => {}

  private readonly simulation: Simulation
  private readonly options: WirePortOptions
  /** Bytes of the largest frame. */
  private readonly largest: number
  private readonly small: PagePool
  private readonly large: PagePool
  private readonly ring: Frame[] = []
  private ready = 0
  private busy = false
  private refused = false
  private readonly arrived: FrameImage[] = []
  private isTold = false
  private sink: PortSink | null = null
  private frames: FramePool | null = null
  private receiveOptions: PortReceiveOptions
  private closed = false

  constructor(simulation: Simulation, options: WirePortOptions) {
    this.simulation = simulation
    this.options = options
    this.name = options.name
    this.mtu = options.mtu
    this.capabilities = options.capabilities
    this.memory = options.memory
    this.txRingSize = options.ringSize
    this.txRingFree = options.ringSize
    const { rxChecksum, rxGroHw } = options.capabilities
    this.receiveOptions = { rxChecksum, rxGroHw }
    this.largest = (options.capabilities.gsoMaxSize ?? MAX_PACKET) + ETHERNET + TAGS
    const page = { slab: 1, limit: 1 << 20, detachable: true }
    this.small = new PagePool(options.memory, { ...page, pageSize: pageSizeFor(options.mtu) })
    this.large = new PagePool(options.memory, { ...page, pageSize: pageSizeFor(this.largest) })
  }

  /** Pages received into that are not back yet: on the way, in the queue, or in the stack above. */
  get outstandingPages(): number {
    return this.small.outstanding + this.large.outstanding
  }

  setReceiveOptions(options: PortReceiveOptions): boolean {
    if (options.rxChecksum && !this.capabilities.rxChecksum) return false
    if (options.rxGroHw && !(this.capabilities.rxGroHw && options.rxChecksum)) return false
    this.receiveOptions = { ...options }
    return true
  }

  attach(sink: PortSink, frames: FramePool): void {
    this.sink = sink
    this.frames = frames
    if (this.arrived.length > 0) this.tell()
  }

  post(frame: Frame): boolean {
    if (1 + frame.refs > this.txRingFree) {
      this.refused = true
      this.statistics.tx_ring_full++
      return false
    }
    this.txRingFree -= 1 + frame.refs
    this.ring.push(frame)
    return true
  }

  doorbell(): void {
    this.ready = this.ring.length
    this.pump()
  }

  receive(budget: number): number {
    let count = 0
    while (count < budget && this.arrived.length > 0) {
      const image = this.arrived.shift() as FrameImage
      this.statistics.rx_packets++
      this.statistics.rx_bytes += image.length
      this.handUp(image)
      count++
    }
    if (count < budget) this.isTold = false
    return count
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.up = false
    this.ready = this.ring.length
    while (this.ready > 0) this.complete(ENODEV)
    for (const image of this.arrived.splice(0)) image.page.release()
    this.onClose()
    this.small.close()
    this.large.close()
  }

  /** A page to receive a frame of `length` bytes into; null when the pool is at its limit. For the wire. */
  allocate(length: number): Page | null {
    if (this.closed) return null
    const pool = RECEIVE_HEADROOM + length <= this.small.pageSize ? this.small : this.large
    const page = pool.allocate()
    if (!page) this.statistics.rx_no_buffer++
    return page
  }

  /** A frame has arrived. For the wire. */
  deliver(image: FrameImage): void {
    if (!this.up) {
      image.page.release()
      return
    }
    if (image.gsoSize > 0 && !this.receiveOptions.rxGroHw && isSegmentable(image)) {
      for (const segment of segmentImage(image, (length) => this.allocate(length))) this.queue(segment)
      return
    }
    if (!this.receiveOptions.rxChecksum) finishChecksum(image)
    this.queue(image)
  }

  /** The carrier came or went. For the wire. */
  setLink(up: boolean): void {
    if (this.up === up || this.closed) return
    this.up = up
    if (!up) {
      while (this.ready > 0) this.complete(ENETDOWN)
    }
    this.sink?.onLink(up, false)
  }

  private queue(image: FrameImage): void {
    if (this.arrived.length >= this.options.receiveQueue) {
      this.statistics.rx_dropped++
      image.page.release()
      return
    }
    this.arrived.push(image)
    this.tell()
  }

  private tell(): void {
    if (this.isTold || !this.sink) return
    this.isTold = true
    this.sink.onReadable()
  }

  private handUp(image: FrameImage): void {
    const frames = this.frames as FramePool
    const frame = frames.wrap(image.page, RECEIVE_HEADROOM, RECEIVE_HEADROOM + image.length)
    frame.csumStart = image.csumStart
    frame.csumOffset = image.csumOffset
    frame.gsoSize = image.gsoSize
    frame.gsoType = image.gsoType
    frame.segments = segmentsIn(image)
    ;(this.sink as PortSink).onFrame(frame)
  }

  /** Sends what the doorbell announced: all at once, or one after the other at the speed of the line. */
  private pump(): void {
    if (this.busy) return
    if (this.options.lineRate === Number.POSITIVE_INFINITY) {
      while (this.ready > 0) this.complete(this.transmit(this.ring[0]))
      return
    }
    if (this.ready === 0) return
    this.busy = true
    this.simulation.after((this.ring[0].length * 8 * 1e6) / this.options.lineRate, () => {
      this.busy = false
      if (this.ready > 0) this.complete(this.transmit(this.ring[0]))
      this.pump()
    })
  }

  /** Copies the head of the ring onto the wire; an errno when the hardware cannot do what it asks. */
  private transmit(frame: Frame): number {
    if (!this.up) return ENETDOWN
    const errno = this.check(frame)
    if (errno !== 0) {
      this.statistics.tx_errors++
      return errno
    }
    this.statistics.tx_packets++
    this.statistics.tx_bytes += frame.length
    const page = this.allocateAtPeer(frame.length)
    if (page) this.send(imageOf(frame, page))
    return 0
  }

  /** As the addon and the kernel check: 0, or what they would answer. */
  private check(frame: Frame): number {
    const { capabilities } = this
    if (frame.length < ETHERNET || (frame.refs > 0 && !capabilities.scatterGather)) return EINVAL
    if (frame.csumStart >= 0) {
      if (!capabilities.txChecksum || frame.csumStart + frame.csumOffset + 2 > frame.headLength) return EINVAL
    }
    if (frame.gsoSize > 0) {
      const type = frame.gsoType & 0x7f
      if (frame.csumStart < 0 || !((type === 1 && capabilities.tso4) || (type === 4 && capabilities.tso6)))
        return EINVAL
      if (frame.length > this.largest) return EMSGSIZE
    } else if (frame.length > this.mtu + ETHERNET + TAGS) return EMSGSIZE
    if (!this.isReadable(frame.head, frame.start, frame.headLength)) return EFAULT
    for (let i = 0; i < frame.refs; i++) {
      if (!this.isReadable(frame.pages[i], frame.offsets[i], frame.lengths[i])) return EFAULT
    }
    return 0
  }

  private isReadable(page: Page, offset: number, length: number): boolean {
    // An application's buffer may have been detached meanwhile.
    if (!page.touchable || page.bytes.length === 0 || offset < 0 || offset + length > page.length || page.count < 1)
      return false
    return this.memory.covers(page.region, page.regionOffset + offset, length)
  }

  private complete(errno: number): void {
    const frame = this.ring.shift() as Frame
    this.ready--
    this.txRingFree += 1 + frame.refs
    this.sink?.onComplete(frame, errno)
    if (!this.refused || this.closed) return
    this.refused = false
    this.simulation.after(0, () => this.sink?.onWritable())
  }
}

function pageSizeFor(packet: number): number {
  return Math.ceil((RECEIVE_HEADROOM + packet + ETHERNET + TAGS) / 1024) * 1024
}
