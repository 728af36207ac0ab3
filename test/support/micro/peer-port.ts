// Hardware in memory for micro-benchmarks: what is sent goes to the peer at the doorbell and is complete at once, and
// what the peer sends waits until it is asked for. As a port under a card, or as a device in the card's place. Can do
// everything that a TAP can. Allocates nothing.

import type { Port, PortSink } from '../../../nic/port.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import type { Frame } from '../../../stack/buffer/frame.ts'
import type { Memory } from '../../../stack/buffer/page.ts'
import type { Device, DeviceReceiver } from '../../../stack/device.ts'
import { type Peer, STACK_MAC } from './peer.ts'

const RING = 512

/** Frames in the order in which they came, in an array that only grows. */
class Queue {
  private readonly frames: (Frame | null)[] = new Array<Frame | null>(RING).fill(null)
  private head = 0
  private tail = 0

  get count(): number {
    return this.tail - this.head
  }

  push(frame: Frame): void {
    if (this.count === RING) throw new Error('more frames wait than the ring has descriptors')
    this.frames[this.tail++ & (RING - 1)] = frame
  }

  shift(): Frame {
    const at = this.head++ & (RING - 1)
    const frame = this.frames[at] as Frame
    this.frames[at] = null
    if (this.head === this.tail) this.head = this.tail = 0
    return frame
  }
}

/** What both have: the way to the peer, and what the peer has sent. */
abstract class PeerEnd {
  readonly name = 'peer0'
  readonly mtu = 1500
  readonly up = true
  /** The peer acknowledges each frame with payload. */
  acknowledges = false
  protected readonly peer: Peer
  private readonly inbox = new Queue()

  constructor(peer: Peer) {
    this.peer = peer
  }

  /** From the peer. */
  arrive(frame: Frame): void {
    this.inbox.push(frame)
  }

  protected deliver(frame: Frame): void {
    const { peer } = this
    const before = peer.received
    peer.take(frame)
    if (this.acknowledges && peer.received !== before) this.arrive(peer.acknowledge())
  }

  protected get waiting(): number {
    return this.inbox.count
  }

  protected next(): Frame {
    return this.inbox.shift()
  }

  /** Frames that nobody will take any more. */
  protected drop(): void {
    while (this.inbox.count > 0) this.inbox.shift().release()
  }
}

export class PeerPort extends PeerEnd implements Port {
  readonly capabilities = {
    txChecksum: true,
    scatterGather: true,
    tso4: true,
    tso6: true,
    tsoEcn: true,
    uso: true,
    rxChecksum: true,
    rxGroHw: true,
  }
  readonly txRingSize = RING
  txRingFree = RING
  readonly statistics = {}
  readonly memory: Memory
  private readonly ring = new Queue()
  private sink: PortSink | null = null

  constructor(peer: Peer, memory: Memory) {
    super(peer)
    this.memory = memory
  }

  setReceiveOptions(): boolean {
    return true
  }

  post(frame: Frame): boolean {
    if (this.txRingFree < 1 + frame.refs) return false
    this.txRingFree -= 1 + frame.refs
    this.ring.push(frame)
    return true
  }

  doorbell(): void {
    for (let posted = this.ring.count; posted > 0; posted--) {
      const frame = this.ring.shift()
      this.txRingFree += 1 + frame.refs
      this.deliver(frame)
      this.sink!.onComplete(frame, 0)
    }
  }

  receive(budget: number): number {
    const count = Math.min(budget, this.waiting)
    for (let i = 0; i < count; i++) this.sink!.onFrame(this.next())
    return count
  }

  attach(sink: PortSink): void {
    this.sink = sink
  }

  close(): void {
    this.drop()
  }
}

export class PeerDevice extends PeerEnd implements Device {
  readonly address = MacAddress.parse(STACK_MAC)!
  readonly writable = true
  private receiver: DeviceReceiver | null = null

  transmit(frame: Frame): boolean {
    this.deliver(frame)
    frame.release()
    return true
  }

  flush(): void {}

  poll(budget: number, now: number): number {
    const count = Math.min(budget, this.waiting)
    for (let i = 0; i < count; i++) this.receiver!.onFrame(this.next(), now)
    return count
  }

  attach(receiver: DeviceReceiver): void {
    this.receiver = receiver
  }

  close(): void {
    this.drop()
  }
}
