// IPv4 on one interface: its link, its neighbours, its own and broadcast addresses as plain numbers for the ingress
// path. Takes packets from the link and hands them to the one ingress of the stack.

import { type Cidr, IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { Arp } from '../link/arp.ts'
import type { EthernetLink, PacketReceiver } from '../link/ethernet-link.ts'
import type { Neighbour } from '../link/neighbour.ts'
import { NeighbourCache, NO_RESOLUTION } from '../link/neighbour-cache.ts'
import { ETHER_IPV4 } from '../wire/ethernet.ts'
import type { Interface } from './interface.ts'
import type { Ipv4Ingress } from './ipv4-ingress.ts'

export class Ipv4Interface implements PacketReceiver {
  readonly interface: Interface
  readonly link: EthernetLink
  /** Null on the loopback interface: nobody has to be asked there. */
  readonly arp: Arp | null
  readonly neighbours: NeighbourCache
  readonly loopback: boolean
  /** Addresses of this interface, and the broadcast addresses of their networks, as signed 32-bit integers. */
  locals: number[] = []
  broadcasts: number[] = []
  private readonly ingress: Ipv4Ingress

  constructor(context: StackContext, port: Interface, link: EthernetLink, ingress: Ipv4Ingress, loopback: boolean) {
    this.interface = port
    this.link = link
    this.ingress = ingress
    this.loopback = loopback
    this.arp = loopback ? null : new Arp(context, link, port.addresses)
    this.neighbours = this.arp?.cache ?? new NeighbourCache(context, NO_RESOLUTION, port.name)
    link.register(ETHER_IPV4, this)
  }

  onPacket(frame: Frame, group: boolean, now: number): void {
    this.ingress.receive(this, frame, group, now)
  }

  /** The interface's addresses changed. */
  refresh(): void {
    const own = this.interface.addresses.filter(({ address }) => address.family === 4)
    this.locals = own.map(({ address }) => address.d)
    this.broadcasts = own.filter(({ length }) => length <= 30).map(broadcastOf)
  }

  /** Whom to send to on the link for `nextHop`. Null: the table of neighbours is full. */
  neighbour(nextHop: IpAddress, kind: 'unicast' | 'broadcast' | 'multicast'): Neighbour | null {
    if (this.loopback) return this.neighbours.fixed(nextHop, 0, 0)
    if (kind === 'broadcast') return this.neighbours.fixed(nextHop, 0xffff, -1)
    // RFC 1112 6.4: 01-00-5e and the low 23 bits.
    if (kind === 'multicast') return this.neighbours.fixed(nextHop, 0x0100, 0x5e000000 | (nextHop.d & 0x7fffff))
    return this.neighbours.resolve(nextHop)
  }

  /** The best source for `nextHop`: our address on its network, else our first. Null: the interface has none. */
  sourceFor(nextHop: IpAddress): IpAddress | null {
    let first: IpAddress | null = null
    for (const { address, length } of this.interface.addresses) {
      if (address.family !== 4) continue
      if (nextHop.matches(address, length)) return address
      first ??= address
    }
    return first
  }

  /** Tells the link where our addresses are. */
  announce(): void {
    if (!this.arp || !this.link.device.up) return
    for (const word of this.locals) this.arp.announce(IpAddress.v4(word))
  }

  detach(): void {
    for (const observer of this.arp?.observers ?? []) observer.cancel()
    this.link.register(ETHER_IPV4, null)
  }
}

function broadcastOf({ address, length }: Cidr): number {
  return address.d | (length === 0 ? -1 : ~(-1 << (32 - length)))
}
