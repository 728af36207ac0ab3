// A recorded card: a port (nic/port.ts) whose wire is a recording. What it is given by `deliver` comes up as if it had
// arrived; what the card above sends is shown to an observer and is done. Owns the pages it receives into and the queue of
// what waits to be taken; knows no file and no time.

import type { Port, PortCapabilities, PortReceiveOptions, PortSink } from '../../nic/port.ts'
import { EINVAL, EMSGSIZE, ENODEV } from '../../stack/base/errno.ts'
import { type Frame, type FramePool, GSO_MAX_SIZE, GSO_TCPV4 } from '../../stack/buffer/frame.ts'
import type { Memory } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'

export interface RecordedPortOptions {
  name: string
  memory: Memory
  /** Largest IP packet that is sent, bytes. What is received may be larger: a recording has merged frames. */
  mtu: number
  /** Sees each frame that is sent, in bytes of its own. */
  onSent: (bytes: Uint8Array) => void
}

interface Arrival {
  bytes: Uint8Array
  segments: number
  gsoSize: number
}

const CAPABILITIES: Readonly<PortCapabilities> = {
  txChecksum: false,
  scatterGather: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  rxChecksum: false,
  rxGroHw: false,
}
const ETHERNET = 14
/** Free bytes in front of the frame, so that the IP header is aligned to 4. */
const HEADROOM = 18
const SMALL = 2048
/** The largest super-frame with its Ethernet header and two tags. */
const LARGE = GSO_MAX_SIZE + ETHERNET + 8
const RING = 1024

export class RecordedPort implements Port {
  readonly name: string
  readonly capabilities = CAPABILITIES
  readonly mtu: number
  readonly memory: Memory
  readonly txRingSize = RING
  txRingFree = RING
  up = true
  readonly statistics = { tx_packets: 0, tx_bytes: 0, tx_errors: 0, rx_packets: 0, rx_bytes: 0, rx_no_buffer: 0 }
  private readonly onSent: (bytes: Uint8Array) => void
  private readonly small: PagePool
  private readonly large: PagePool
  private readonly ring: Frame[] = []
  private readonly arrived: Arrival[] = []
  private told = false
  private sink: PortSink | null = null
  private frames: FramePool | null = null

  constructor(options: RecordedPortOptions) {
    this.name = options.name
    this.mtu = options.mtu
    this.memory = options.memory
    this.onSent = options.onSent
    const page = { slab: 1, limit: 1 << 20, detachable: true }
    this.small = new PagePool(options.memory, { ...page, pageSize: SMALL })
    this.large = new PagePool(options.memory, { ...page, pageSize: HEADROOM + LARGE })
  }

  /** Receive pages that are not back yet. */
  get outstandingPages(): number {
    return this.small.outstanding + this.large.outstanding
  }

  /**
   * A frame arrives: bytes that stay as they are until it was taken, and how many segments on the wire it stands for. `gsoSize`:
   * it is a super-frame of TCP over IPv4 whose header does not say its length, in segments of so many bytes of payload.
   * False: longer than any frame, or the port is closed.
   */
  deliver(bytes: Uint8Array, segments = 1, gsoSize = 0): boolean {
    if (!this.up || bytes.length < ETHERNET || bytes.length > LARGE) return false
    this.arrived.push({ bytes, segments, gsoSize })
    this.tell()
    return true
  }

  setReceiveOptions(options: PortReceiveOptions): boolean {
    return !options.rxChecksum && !options.rxGroHw
  }

  attach(sink: PortSink, frames: FramePool): void {
    this.sink = sink
    this.frames = frames
    if (this.arrived.length > 0) this.tell()
  }

  post(frame: Frame): boolean {
    if (!this.up || 1 + frame.refs > this.txRingFree) return false
    this.txRingFree -= 1 + frame.refs
    this.ring.push(frame)
    return true
  }

  doorbell(): void {
    for (let frame = this.ring.shift(); frame; frame = this.ring.shift()) {
      this.txRingFree += 1 + frame.refs
      this.sink?.onComplete(frame, this.up ? this.send(frame) : ENODEV)
    }
  }

  receive(budget: number): number {
    let count = 0
    while (count < budget && this.arrived.length > 0) {
      this.handUp(this.arrived.shift() as Arrival)
      count++
    }
    if (count < budget) this.told = false
    return count
  }

  close(): void {
    if (!this.up) return
    this.up = false
    this.doorbell()
    this.arrived.length = 0
    this.small.close()
    this.large.close()
  }

  private tell(): void {
    if (this.told || !this.sink) return
    this.told = true
    this.sink.onReadable()
  }

  private handUp({ bytes, segments, gsoSize }: Arrival): void {
    const page = (HEADROOM + bytes.length <= SMALL ? this.small : this.large).allocate()
    if (!page) {
      this.statistics.rx_no_buffer++
      return
    }
    this.statistics.rx_packets++
    this.statistics.rx_bytes += bytes.length
    page.bytes.set(bytes, HEADROOM)
    const frame = (this.frames as FramePool).wrap(page, HEADROOM, HEADROOM + bytes.length)
    frame.segments = segments
    if (gsoSize > 0) {
      frame.gsoSize = gsoSize
      frame.gsoType = GSO_TCPV4
    }
    ;(this.sink as PortSink).onFrame(frame)
  }

  /** 0, or what hardware without offloads answers. */
  private send(frame: Frame): number {
    const errno = frame.refs > 0 || frame.csumStart >= 0 || frame.gsoSize > 0 ? EINVAL : this.tooLong(frame)
    if (errno !== 0) {
      this.statistics.tx_errors++
      return errno
    }
    this.statistics.tx_packets++
    this.statistics.tx_bytes += frame.length
    this.onSent(frame.head.bytes.slice(frame.start, frame.end))
    return 0
  }

  private tooLong(frame: Frame): number {
    return frame.length > this.mtu + ETHERNET ? EMSGSIZE : 0
  }
}
