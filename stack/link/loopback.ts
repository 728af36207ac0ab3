// The device behind 127.0.0.1 and every address of our own: what is transmitted comes back at the next poll. Owns a
// bounded queue of frames; copies nothing and sums nothing: a frame comes up with the refs it went down with.

import { MacAddress } from '../base/mac-address.ts'
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Frame } from '../buffer/frame.ts'
import type { Device, DeviceReceiver } from '../device.ts'
import { DATA_OFFSET } from '../wire/tcp.ts'

/** Frames that may wait: beyond it the device has no room, and nothing is dropped. */
const QUEUE_LIMIT = 1024

export class Loopback implements Device {
  readonly name = 'lo'
  readonly address = new MacAddress(0, 0)
  /** The largest IP packet there is. */
  readonly mtu = 65535
  up = true
  private queue: Frame[] = []
  /** Frames of an earlier queue that a budget left over. */
  private rest: Frame[] = []
  private taken = 0
  private starved = false
  private receiver: DeviceReceiver | null = null

  get writable(): boolean {
    return this.queue.length < QUEUE_LIMIT
  }

  /** Frames that wait to come up. */
  get waiting(): number {
    return this.queue.length + this.rest.length - this.taken
  }

  transmit(frame: Frame): boolean {
    if (!this.writable) {
      this.starved = true
      return false
    }
    this.queue.push(frame)
    return true
  }

  flush(): void {
    if (this.waiting > 0) this.receiver?.onReadable()
    if (!this.starved || !this.writable) return
    this.starved = false
    this.receiver?.onWritable()
  }

  /** Hands up what was there when it was called: answers to it wait for the next poll, so that this one ends. */
  poll(budget: number, now: number): number {
    if (this.taken === this.rest.length) {
      if (this.taken === 0 && this.queue.length === 0) return 0
      this.turn()
    }
    let count = 0
    while (count < budget && this.taken < this.rest.length) {
      const frame = this.rest[this.taken++]
      count++
      arrive(frame)
      this.receiver?.onFrame(frame, now)
    }
    return count
  }

  attach(receiver: DeviceReceiver): void {
    this.receiver = receiver
  }

  /** Lets go of all that waits. */
  close(): void {
    this.up = false
    for (let i = this.taken; i < this.rest.length; i++) this.rest[i].release()
    for (const frame of this.queue) frame.release()
    this.rest.length = 0
    this.queue.length = 0
    this.taken = 0
  }

  private turn(): void {
    const empty = this.rest
    empty.length = 0
    this.rest = this.queue
    this.queue = empty
    this.taken = 0
  }
}

/** Turns a frame that went down into one that comes up: an unfinished checksum is trusted, as from a card. */
function arrive(frame: Frame): void {
  frame.owner = null
  frame.checksum = frame.csumStart >= 0 ? CHECKSUM_UNNECESSARY : CHECKSUM_NONE
  frame.segments = frame.gsoSize > 0 ? Math.max(1, Math.ceil(payloadBytes(frame) / frame.gsoSize)) : 1
}

/** Only TCP makes super-frames. */
function payloadBytes(frame: Frame): number {
  const dataOffset = (frame.head.view.getUint8(frame.start + frame.transportOffset + DATA_OFFSET) >>> 4) << 2
  return frame.length - frame.transportOffset - dataOffset
}
