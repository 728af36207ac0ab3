// ARP (RFC 826) on one link: asks who has an address, answers for ours, announces them, and tells the neighbour cache
// what it learns, by Linux's rules (arp_accept 0: what nobody asked for updates what is known and makes nothing new).
// Claims of our own addresses by others are counted and defended (RFC 5227 2.4, c: at most once in 10 s).

import { type Cidr, IpAddress } from '../base/ip-address.ts'
import { MacAddress } from '../base/mac-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { arpPacket, emit, LENGTH, parse, REPLY, REQUEST } from '../wire/arp.ts'
import { ETHER_ARP, HEADER as ETHERNET_HEADER } from '../wire/ethernet.ts'
import { HEADER as IPV4_HEADER, SOURCE as IPV4_SOURCE } from '../wire/ipv4.ts'
import { type EthernetLink, LINK_HEADROOM, type PacketReceiver } from './ethernet-link.ts'
import type { Neighbour } from './neighbour.ts'
import { NeighbourCache, type NeighbourOptions, type NeighbourProtocol } from './neighbour-cache.ts'

const BROADCAST_HIGH = 0xffff
const BROADCAST_LOW = -1
/** RFC 5227 1.1: DEFEND_INTERVAL. */
const DEFEND_INTERVAL = 10_000_000

/** Who wants to see all ARP packets of a link for a while: a probe for duplicates. Addresses as 32-bit integers. */
export interface ArpObserver {
  onArp(operation: number, sender: number, target: number, senderHigh: number, senderLow: number): void
  /** The link goes. */
  cancel(): void
}

export class Arp implements NeighbourProtocol, PacketReceiver {
  readonly cache: NeighbourCache
  readonly observers = new Set<ArpObserver>()
  private readonly context: StackContext
  private readonly link: EthernetLink
  /** The interface's own list: it changes under us as addresses come and go. */
  private readonly addresses: readonly Cidr[]
  private readonly packet = arpPacket()
  private readonly reply = arpPacket()
  private defendedAt = Number.NEGATIVE_INFINITY

  constructor(
    context: StackContext,
    link: EthernetLink,
    addresses: readonly Cidr[],
    options?: Partial<NeighbourOptions>,
  ) {
    this.context = context
    this.link = link
    this.addresses = addresses
    this.cache = new NeighbourCache(context, this, link.device.name, options)
    link.register(ETHER_ARP, this)
    link.addWaiter(this.cache)
  }

  onPacket(frame: Frame, group: boolean, now: number): void {
    const at = frame.start + frame.networkOffset
    const valid = parse(frame.head.view, at, frame.end - at, this.packet)
    const { operation, targetAddress, senderHigh } = this.packet
    frame.release()
    if (
      !valid ||
      (operation !== REQUEST && operation !== REPLY) ||
      (senderHigh & 0x0100) !== 0 ||
      unusable(targetAddress)
    ) {
      this.context.counters.ArpInErrors++
      return
    }
    this.context.counters.ArpInPackets++
    this.receive(group, now)
  }

  private receive(group: boolean, now: number): void {
    const { packet, cache } = this
    const { operation, senderAddress, senderHigh, senderLow, targetAddress } = packet
    for (const observer of this.observers)
      observer.onArp(operation, senderAddress, targetAddress, senderHigh, senderLow)
    if (this.isOwn(senderAddress)) {
      this.onClaim(now)
      return
    }
    const forUs = operation === REQUEST && this.isOwn(targetAddress)
    if (forUs) this.answer()
    // A probe for duplicates has no sender (RFC 5227 2.1.1): nothing to be learned.
    if (senderAddress === 0 || unusable(senderAddress)) return
    const sender = IpAddress.v4(senderAddress)
    const known = cache.find(sender)
    const neighbour = known ?? (forUs && this.isOnLink(sender) ? cache.learn(sender) : null)
    if (!neighbour) return
    const gratuitous = senderAddress === targetAddress
    const override = forUs || gratuitous || now - neighbour.updated > cache.options.lockTime
    cache.update(neighbour, senderHigh, senderLow, operation === REPLY && !group, override, now)
  }

  /** Somebody sends as if one of our addresses were its own. */
  private onClaim(now: number): void {
    const { packet, context } = this
    const { address } = this.link.device
    if (packet.senderHigh === address.high && packet.senderLow === address.low) return
    context.counters.ArpInConflicts++
    if (now - this.defendedAt < DEFEND_INTERVAL) return
    this.defendedAt = now
    const claimed = IpAddress.v4(packet.senderAddress)
    const rival = new MacAddress(packet.senderHigh, packet.senderLow)
    context.environment.log('warn', `${this.link.device.name}: ${rival} uses our address ${claimed}`)
    this.announce(claimed)
  }

  private answer(): void {
    const { packet } = this
    this.context.counters.ArpOutReplies++
    this.send(REPLY, packet.targetAddress, packet.senderAddress, packet.senderHigh, packet.senderLow, false)
  }

  /** RFC 826's question. To everybody, or to the one that we know to check that it is still there. */
  solicit(neighbour: Neighbour, unicast: boolean): void {
    const high = unicast ? neighbour.high : BROADCAST_HIGH
    const low = unicast ? neighbour.low : BROADCAST_LOW
    this.context.counters.ArpOutRequests++
    this.send(REQUEST, this.sourceFor(neighbour), neighbour.address.d, high, low, !unicast)
  }

  release(neighbour: Neighbour, frame: Frame): boolean {
    return this.link.release(frame, neighbour.high, neighbour.low)
  }

  /** A gratuitous ARP request: tells everybody where our address is (RFC 5227 2.3). */
  announce(address: IpAddress): void {
    this.context.counters.ArpOutRequests++
    this.send(REQUEST, address.d, address.d, BROADCAST_HIGH, BROADCAST_LOW, true)
  }

  /** An ARP probe: asks for an address without claiming it (RFC 5227 2.1.1). */
  sendProbe(address: IpAddress): void {
    this.context.counters.ArpOutRequests++
    this.send(REQUEST, 0, address.d, BROADCAST_HIGH, BROADCAST_LOW, true)
  }

  /** ARP is asked again when nothing comes back: a packet that finds no room or no carrier is not kept. */
  private send(operation: number, sender: number, target: number, high: number, low: number, blank: boolean): void {
    const frame = this.context.frames.allocate(LINK_HEADROOM)
    if (!frame) {
      this.context.counters.ArpOutDiscards++
      return
    }
    const { reply } = this
    const own = this.link.device.address
    reply.operation = operation
    reply.senderHigh = own.high
    reply.senderLow = own.low
    reply.senderAddress = sender
    // In a question to everybody the target's hardware address is what is asked for.
    reply.targetHigh = blank ? 0 : high
    reply.targetLow = blank ? 0 : low
    reply.targetAddress = target
    emit(reply, frame.head.view, frame.start)
    frame.end = frame.start + LENGTH
    if (this.link.transmitTo(frame, high, low, ETHER_ARP) < 0) {
      this.context.counters.ArpOutDiscards++
      frame.release()
    } else {
      this.context.requestPoll()
    }
  }

  /** The source of the packet that waits, as Linux (arp_announce 0); else our address on the neighbour's network. */
  private sourceFor(neighbour: Neighbour): number {
    const { pending, address } = neighbour
    if (pending.length > 0) {
      const frame = pending[0]
      const at = frame.start + ETHERNET_HEADER
      if (frame.end - at >= IPV4_HEADER) {
        const source = frame.head.view.getInt32(at + IPV4_SOURCE)
        if (this.isOwn(source)) return source
      }
    }
    let first = 0
    for (const cidr of this.addresses) {
      if (cidr.address.family !== 4) continue
      if (address.matches(cidr.address, cidr.length)) return cidr.address.d
      if (first === 0) first = cidr.address.d
    }
    return first
  }

  private isOwn(word: number): boolean {
    for (const { address } of this.addresses) if (address.family === 4 && address.d === word) return true
    return false
  }

  private isOnLink(sender: IpAddress): boolean {
    for (const { address, length } of this.addresses) if (sender.matches(address, length)) return true
    return false
  }
}

/** Multicast, broadcast and loopback addresses are nobody's (Linux's arp_process). */
function unusable(word: number): boolean {
  return word >>> 28 >= 0xe || word >>> 24 === 127
}
