// A device with no card behind it: keeps every frame that the stack hands down with all that it asks of the hardware
// (checksum, segmentation, page references), and shows it to a scripted peer as one segment, however large. So a test
// can read what TCP built and not what the card made of it.

import { plainMemory, type Simulation } from '../../drivers/wire/index.ts'
import type { Port, PortSink } from '../../nic/port.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { type Frame, FramePool } from '../../stack/buffer/frame.ts'
import type { Page } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import type { Device, DeviceReceiver } from '../../stack/device.ts'
import { checksum, concat, u16 } from './bytes.ts'

/** A frame as it was handed down, read before anything touched it. */
export interface RecordedFrame {
  time: number
  /** The header area. */
  head: Uint8Array
  refs: { page: Page; offset: number; length: number; bytes: Uint8Array }[]
  csumStart: number
  csumOffset: number
  gsoSize: number
  gsoType: number
  networkOffset: number
  transportOffset: number
  headroom: number
}

const NOTHING = {
  txChecksum: false,
  scatterGather: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  rxChecksum: false,
  rxGroHw: false,
}

export class RecordingDevice implements Device {
  readonly name = 'recording'
  readonly address = MacAddress.parse('02:00:00:00:00:02') as MacAddress
  mtu: number
  up = true
  /** All frames since the last `take`. */
  readonly recorded: RecordedFrame[] = []
  /** Frames taken and not yet done: the hardware still points at their pages. */
  readonly held: Frame[] = []
  /** Keeps frames until `complete`; otherwise a flush is their end. */
  holds = false
  /** How many frames it takes before it answers that there is no room; infinity: always. */
  room = Number.POSITIVE_INFINITY
  flushes = 0
  /** The other end, for the peer. */
  readonly port: PeerPort
  receiver: DeviceReceiver | null = null
  private readonly simulation: Simulation
  private readonly waiting: Frame[] = []

  constructor(simulation: Simulation, mtu: number) {
    this.simulation = simulation
    this.mtu = mtu
    this.port = new PeerPort(this)
  }

  get writable(): boolean {
    return this.room > 0
  }

  attach(receiver: DeviceReceiver): void {
    this.receiver = receiver
  }

  transmit(frame: Frame): boolean {
    if (this.room <= 0) return false
    this.room--
    this.recorded.push(record(frame, this.simulation.now))
    this.held.push(frame)
    return true
  }

  flush(): void {
    this.flushes++
    const { held } = this
    for (let i = 0; i < held.length; i++) {
      if (seen.has(held[i])) continue
      seen.add(held[i])
      this.port.handUp(finished(held[i]))
    }
    if (!this.holds) this.complete()
  }

  /** The hardware is done with `count` frames, all by default. */
  complete(count = this.held.length): void {
    for (const frame of this.held.splice(0, count)) {
      seen.delete(frame)
      frame.release()
    }
  }

  /** Gives room for `count` more frames and says so. */
  makeRoom(count: number): void {
    this.room = count
    this.receiver?.onWritable()
  }

  poll(budget: number, now: number): number {
    let count = 0
    while (count < budget && this.waiting.length > 0) {
      this.receiver?.onFrame(this.waiting.shift() as Frame, now)
      count++
    }
    return count
  }

  /** Recorded frames, which are then forgotten. */
  take(): RecordedFrame[] {
    return this.recorded.splice(0)
  }

  /** A frame comes from the wire. */
  arrive(frame: Frame): void {
    this.waiting.push(frame)
    this.receiver?.onReadable()
  }
}

/** Frames that the peer was shown. */
const seen = new WeakSet<Frame>()

/** The peer's port: frames go straight to the device and come straight from it. */
class PeerPort implements Port {
  readonly name = 'peer'
  readonly capabilities = NOTHING
  readonly mtu = 65535
  readonly up = true
  readonly memory = plainMemory()
  readonly txRingSize = 1024
  readonly txRingFree = 1024
  readonly statistics = {}
  private readonly device: RecordingDevice
  private readonly pages = new PagePool(this.memory, { pageSize: 65536 + 64, slab: 1, limit: 4096, detachable: true })
  private readonly frames = new FramePool(this.pages)
  private sink: PortSink | null = null
  private sinkFrames: FramePool | null = null

  constructor(device: RecordingDevice) {
    this.device = device
  }

  get outstanding(): number {
    return this.pages.outstanding + this.frames.outstanding
  }

  setReceiveOptions(): boolean {
    return true
  }

  attach(sink: PortSink, frames: FramePool): void {
    this.sink = sink
    this.sinkFrames = frames
  }

  post(frame: Frame): boolean {
    const page = this.page()
    page.bytes.set(frame.head.bytes.subarray(frame.start, frame.end), 18)
    const copy = this.frames.wrap(page, 18, 18 + frame.length)
    this.sink?.onComplete(frame, 0)
    this.device.arrive(copy)
    return true
  }

  doorbell(): void {}

  receive(): number {
    return 0
  }

  close(): void {}

  handUp(bytes: Uint8Array): void {
    if (!this.sink || !this.sinkFrames) return
    const page = this.page()
    page.bytes.set(bytes)
    this.sink.onFrame(this.sinkFrames.wrap(page, 0, bytes.length))
  }

  private page(): Page {
    const page = this.pages.allocate()
    if (!page) throw new Error('the recording device has no page left')
    return page
  }
}

function record(frame: Frame, time: number): RecordedFrame {
  const refs: RecordedFrame['refs'] = []
  for (let i = 0; i < frame.refs; i++) {
    const page = frame.pages[i]
    const offset = frame.offsets[i]
    const length = frame.lengths[i]
    refs.push({ page, offset, length, bytes: page.bytes.slice(offset, offset + length) })
  }
  const { csumStart, csumOffset, gsoSize, gsoType, networkOffset, transportOffset } = frame
  const head = frame.head.bytes.slice(frame.start, frame.end)
  const headroom = frame.start
  return { time, head, refs, csumStart, csumOffset, gsoSize, gsoType, networkOffset, transportOffset, headroom }
}

/** The bytes of the frame in one piece, with the checksum as the hardware would write it. */
function finished(frame: Frame): Uint8Array {
  const { head, refs, csumStart, csumOffset } = record(frame, 0)
  const bytes = concat(head, ...refs.map((ref) => ref.bytes))
  if (csumStart >= 0) bytes.set(u16(checksum(bytes.subarray(csumStart))), csumStart + csumOffset)
  return bytes
}
