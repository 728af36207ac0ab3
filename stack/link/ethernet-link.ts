// One Ethernet link: a device seen from the network layers. Takes the link header off what comes in and hands packets
// to whoever registered for their type; puts it in front of what goes out, or has the frame wait for its neighbour.
// Owns no addresses and no routes.

import { EAGAIN, ENETDOWN } from '../base/errno.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import type { Device, DeviceReceiver } from '../device.ts'
import {
  DESTINATION,
  ETHER_ARP,
  ETHER_IPV4,
  ETHER_IPV6,
  emit,
  ethernetHeader,
  HEADER,
  parse,
} from '../wire/ethernet.ts'
import type { Neighbour } from './neighbour.ts'
import { CONNECTED } from './neighbour-state.ts'

/** Headroom that is left in front of a network header: virtio-net 12, Ethernet 14, a VLAN tag 4, and 2 to be even. */
export const LINK_HEADROOM = 32

/** A network protocol on one link. */
export interface PacketReceiver {
  /**
   * Takes the frame (and releases it). `frame.networkOffset` is set; the link header still stands in front. `group`: it
   * was sent to a multicast or broadcast link address.
   */
  onPacket(frame: Frame, group: boolean, now: number): void
}

/** What a link tells those above it, beside packets. */
export interface LinkEvents {
  onReadable(): void
  onWritable(): void
  onLink(up: boolean, gone: boolean): void
}

/** A cache that has frames waiting for room in the device. */
interface Stalled {
  onWritable(): void
}

export class EthernetLink implements DeviceReceiver {
  readonly device: Device
  readonly headerLength = HEADER
  private readonly context: StackContext
  private readonly events: LinkEvents
  private readonly header = ethernetHeader()
  private ipv4: PacketReceiver | null = null
  private ipv6: PacketReceiver | null = null
  private arp: PacketReceiver | null = null
  private readonly waiters: Stalled[] = []
  private closed = false

  constructor(context: StackContext, device: Device, events: LinkEvents) {
    this.context = context
    this.device = device
    this.events = events
    device.attach(this)
  }

  /** Registers who takes packets of an ether type: ARP, IPv4 or IPv6; null takes it away. */
  register(etherType: number, receiver: PacketReceiver | null): void {
    if (etherType === ETHER_IPV4) this.ipv4 = receiver
    else if (etherType === ETHER_IPV6) this.ipv6 = receiver
    else if (etherType === ETHER_ARP) this.arp = receiver
    else throw new RangeError(`ether type ${etherType} is not known here`)
  }

  /** Registers who is told first that the device has room again. */
  addWaiter(waiter: Stalled): void {
    this.waiters.push(waiter)
  }

  /** From now on frames that come in are let go. */
  close(): void {
    this.closed = true
  }

  onFrame(frame: Frame, now: number): void {
    const { header, device } = this
    const { counters } = this.context
    if (this.closed || !parse(frame.head.view, frame.start, frame.headLength, header)) {
      if (!this.closed) counters.EthInErrors++
      frame.release()
      return
    }
    const group = (header.destinationHigh & 0x0100) !== 0
    const own = device.address
    if (!group && (header.destinationLow !== own.low || header.destinationHigh !== own.high)) {
      counters.EthInOtherHost++
      frame.release()
      return
    }
    const receiver = this.receiver(header.etherType)
    if (!receiver) {
      counters.EthInUnknownProtos++
      frame.release()
      return
    }
    frame.networkOffset = HEADER
    receiver.onPacket(frame, group, now)
  }

  private receiver(etherType: number): PacketReceiver | null {
    if (etherType === ETHER_IPV4) return this.ipv4
    if (etherType === ETHER_ARP) return this.arp
    return etherType === ETHER_IPV6 ? this.ipv6 : null
  }

  /**
   * Puts the link header in front of a frame that begins with its network header, and hands it to the device. 0: taken,
   * perhaps waiting for the neighbour. -ENETDOWN, -EAGAIN: refused, the caller keeps the frame as it was.
   */
  transmit(frame: Frame, neighbour: Neighbour, etherType: number, now: number): number {
    const { device } = this
    if (!device.up) return -ENETDOWN
    if (!device.writable) return -EAGAIN
    this.push(frame, neighbour.high, neighbour.low, etherType)
    neighbour.used = now
    if ((neighbour.state & CONNECTED) === 0 || neighbour.pending.length > 0) {
      if (!neighbour.cache.use(neighbour, frame, now)) return 0
    }
    if (device.transmit(frame)) return 0
    pop(frame)
    return -EAGAIN
  }

  /** As `transmit`, to a link address that is known without a neighbour: what ARP itself sends. */
  transmitTo(frame: Frame, high: number, low: number, etherType: number): number {
    const { device } = this
    if (!device.up) return -ENETDOWN
    this.push(frame, high, low, etherType)
    if (device.transmit(frame)) return 0
    pop(frame)
    return -EAGAIN
  }

  /** Sends a frame that waited for its neighbour: all but the destination stands already. False: no room. */
  release(frame: Frame, high: number, low: number): boolean {
    const { view } = frame.head
    view.setUint16(frame.start + DESTINATION, high)
    view.setInt32(frame.start + DESTINATION + 2, low)
    return this.device.up && this.device.transmit(frame)
  }

  onReadable(): void {
    if (!this.closed) this.events.onReadable()
  }

  onWritable(): void {
    if (this.closed) return
    for (const waiter of this.waiters) waiter.onWritable()
    this.events.onWritable()
  }

  onLink(up: boolean, gone: boolean): void {
    if (!this.closed) this.events.onLink(up, gone)
  }

  private push(frame: Frame, high: number, low: number, etherType: number): void {
    const { header } = this
    const own = this.device.address
    header.destinationHigh = high
    header.destinationLow = low
    header.sourceHigh = own.high
    header.sourceLow = own.low
    header.etherType = etherType
    emit(header, frame.head.view, frame.push(HEADER))
    frame.networkOffset = HEADER
    frame.transportOffset += HEADER
    if (frame.csumStart >= 0) frame.csumStart += HEADER
  }
}

/** Takes the link header off again: the caller keeps the frame as it was. */
function pop(frame: Frame): void {
  frame.start += HEADER
  frame.networkOffset = 0
  frame.transportOffset -= HEADER
  if (frame.csumStart >= 0) frame.csumStart -= HEADER
}
