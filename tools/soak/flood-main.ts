// The flooder: SYNs from addresses that nobody has, as fast as they go or at a rate, over a TAP of its own from which the
// kernel forwards them to the stack. It never answers, so that each is half of a connection. No stack is in it: frames
// are written by hand (RFC 9293 3.1), and the answers are not even read.

import {
  configureInterface,
  interfaceInfo,
  openTap,
  type Random,
  seededRandom,
  type TapPort,
} from '../../drivers/index.ts'
import type { PortSink } from '../../nic/port.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../stack/buffer/frame.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import { serve } from '../lab/channel.ts'
import { ECHO_PORT, FLOOD_TAP, type FloodAnswer, type FloodQuestion, STACK } from './messages.ts'
import { SYN_FRAME, writeSyn } from './syn-frame.ts'

/** Frames in one go. */
const BURST = 64

class Flood implements PortSink {
  private readonly port: TapPort
  private readonly frames: FramePool
  private readonly to: { high: number; low: number }
  private readonly stack = IpAddress.parse(STACK) as IpAddress
  private random: Random = seededRandom('')
  private rate = 0
  private begun = 0
  private sent = 0
  private running = false

  constructor() {
    this.port = openTap({ name: FLOOD_TAP })
    // An address that the kernel needs to have IPv4 there at all; what is behind it comes by a route.
    configureInterface(FLOOD_TAP, { address: '10.78.0.1/24', up: true })
    this.to = MacAddress.parse(interfaceInfo(FLOOD_TAP)?.mac ?? '') as MacAddress
    this.frames = new FramePool(new PagePool(this.port.memory, { pageSize: HEADER_PAGE, slab: 256, limit: 4096 }))
    this.port.attach(this, this.frames)
  }

  start(seed: string, rate: number): void {
    this.random = seededRandom(seed)
    this.rate = rate
    this.begun = performance.now()
    this.sent = 0
    this.running = true
    this.burst()
  }

  stop(): FloodAnswer {
    this.running = false
    return { sent: this.sent, seconds: (performance.now() - this.begun) / 1000 }
  }

  onFrame(frame: Frame): void {
    frame.release()
  }

  onComplete(frame: Frame): void {
    frame.release()
  }

  /** Who made up an address hears nothing: the answers stay in the TAP's queue, and what finds it full is dropped. */
  onReadable(): void {}

  onWritable(): void {}

  onLink(): void {}

  private burst(): void {
    if (!this.running) return
    const due =
      this.rate === 0 ? BURST : Math.min(BURST, (this.rate * (performance.now() - this.begun)) / 1000 - this.sent)
    for (let i = 0; i < due && this.post(); i++) this.sent++
    this.port.doorbell()
    if (this.rate === 0) setImmediate(() => this.burst())
    else setTimeout(() => this.burst(), 1)
  }

  private post(): boolean {
    const frame = this.frames.allocate(0)
    if (!frame) return false
    const from = 0xc6120000 + this.random.below(0x1_0000)
    const port = 1024 + this.random.below(64_000)
    writeSyn(frame.head.view, frame.start, {
      to: this.to,
      from,
      port,
      stack: this.stack.d,
      target: ECHO_PORT,
      sequence: this.random.uint32(),
    })
    frame.end = frame.start + SYN_FRAME
    if (this.port.post(frame)) return true
    frame.release()
    return false
  }
}

const flood = new Flood()
serve(process.pid, async (question: FloodQuestion): Promise<FloodAnswer> => {
  if (question.kind === 'stop') return flood.stop()
  flood.start(question.seed, question.rate)
  return { sent: 0, seconds: 0 }
})
