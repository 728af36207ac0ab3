// One end of a port with nothing above it: sends bytes as they are, keeps what comes with its time. Built on the port's
// contract only, so that what stands on it (the scripted peer) shares no code with the stack under test.

import type { Port, PortSink } from '../../nic/port.ts'
import type { Clock } from '../../stack/base/environment.ts'
import { type Frame, FramePool } from '../../stack/buffer/frame.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'

export interface RawFrame {
  time: number
  bytes: Uint8Array
}

export class RawEnd implements PortSink {
  /** Frames that came and that nobody took with `take` yet. */
  readonly received: RawFrame[] = []
  /** Called for each frame before it is kept; true: it was dealt with and is not kept. */
  filter: (bytes: Uint8Array, time: number) => boolean = () => false
  /** Errnos of completions that failed. */
  readonly errors: number[] = []
  readonly links: boolean[] = []
  writables = 0
  readonly frames: FramePool
  readonly port: Port
  private readonly clock: Clock
  private readonly pages: PagePool
  private readonly pageSize = 65536 + 64

  constructor(port: Port, clock: Clock) {
    this.port = port
    this.clock = clock
    this.pages = new PagePool(port.memory, { pageSize: this.pageSize, slab: 1, limit: 1 << 16 })
    this.frames = new FramePool(this.pages)
    port.attach(this, this.frames)
  }

  /** Pages that were sent and have not come back. */
  get outstanding(): number {
    return this.pages.outstanding + this.frames.outstanding
  }

  /** A frame with these bytes, in one piece. */
  frame(bytes: Uint8Array): Frame {
    const page = this.pages.allocate()
    if (!page) throw new Error('the raw end has no page left')
    page.bytes.set(bytes)
    return this.frames.wrap(page, 0, bytes.length)
  }

  /** Puts the bytes on the ring and rings; false when the ring is full. */
  send(bytes: Uint8Array, edit?: (frame: Frame) => void): boolean {
    const frame = this.frame(bytes)
    edit?.(frame)
    if (!this.port.post(frame)) {
      frame.release()
      return false
    }
    this.port.doorbell()
    return true
  }

  take(): RawFrame | undefined {
    return this.received.shift()
  }

  onFrame(frame: Frame): void {
    const bytes = new Uint8Array(frame.length)
    bytes.set(frame.head.bytes.subarray(frame.start, frame.end))
    let at = frame.headLength
    for (let i = 0; i < frame.refs; i++) {
      bytes.set(frame.pages[i].bytes.subarray(frame.offsets[i], frame.offsets[i] + frame.lengths[i]), at)
      at += frame.lengths[i]
    }
    frame.release()
    const time = this.clock.now()
    if (!this.filter(bytes, time)) this.received.push({ time, bytes })
  }

  onComplete(frame: Frame, errno: number): void {
    if (errno !== 0) this.errors.push(errno)
    frame.release()
  }

  onReadable(): void {
    while (this.port.receive(64) === 64);
  }

  onWritable(): void {
    this.writables++
  }

  onLink(up: boolean): void {
    this.links.push(up)
  }
}
