// IPv4 as one of the two network layers: composes ingress, routing, paths and ICMP, and holds the addresses of the
// interfaces. Computes nothing itself.

import { EADDRNOTAVAIL, EEXIST, EINVAL, ENETDOWN, ENETUNREACH } from '../base/errno.ts'
import type { Cidr, IpAddress } from '../base/ip-address.ts'
import type { MacAddress } from '../base/mac-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { AddressProbe } from '../link/address-probe.ts'
import type { EthernetLink } from '../link/ethernet-link.ts'
import type { NeighbourCache } from '../link/neighbour-cache.ts'
import { PORT_UNREACHABLE, PROTOCOL_UNREACHABLE } from '../wire/icmpv4.ts'
import { type Path, PROTOCOL_ICMP, type ReceivedPacket, type TransportProtocol } from './contract.ts'
import { EchoClient } from './echo-client.ts'
import { Icmpv4 } from './icmpv4.ts'
import { Icmpv4Errors } from './icmpv4-errors.ts'
import type { Interface } from './interface.ts'
import { Ipv4Ingress } from './ipv4-ingress.ts'
import { Ipv4Interface } from './ipv4-interface.ts'
import { Ipv4Output, Ipv4Path } from './ipv4-path.ts'
import { Ipv4Routing, type Ipv4Way } from './ipv4-routing.ts'
import type { NetworkLayer } from './network-layer.ts'
import { PathCache } from './path-cache.ts'
import { PathMtuCache } from './path-mtu.ts'

export class Ipv4Layer implements NetworkLayer {
  readonly family = 4
  readonly echo: EchoClient
  readonly pathMtus = new PathMtuCache()
  private readonly context: StackContext
  private readonly routing = new Ipv4Routing()
  private readonly ingress: Ipv4Ingress
  private readonly output: Ipv4Output
  private readonly errors: Icmpv4Errors
  private readonly paths: PathCache
  /** What a lookup finds, until a path has taken it over. */
  private readonly way: Partial<Ipv4Way> = {}
  /** The path of answers to strangers, aimed anew for each. */
  private reply: Ipv4Path | null = null

  constructor(context: StackContext) {
    this.context = context
    this.ingress = new Ipv4Ingress(context, this.routing)
    this.output = new Ipv4Output(context, this.routing, this.pathMtus)
    this.paths = new PathCache((destination, source) => this.path(destination, source, false))
    this.errors = new Icmpv4Errors(context, this.paths)
    this.echo = new EchoClient(context, this.paths)
    const icmp = new Icmpv4(context, this.routing, this.ingress, this.paths, this.echo, this)
    this.register(PROTOCOL_ICMP, icmp)
    this.ingress.onUnknownProtocol = (frame, packet, now) =>
      this.errors.sendUnreachable(PROTOCOL_UNREACHABLE, frame, packet, now)
  }

  get routes(): Ipv4Routing['routes'] {
    return this.routing.routes
  }

  attach(port: Interface, link: EthernetLink, loopback: boolean): void {
    this.routing.ports.push(new Ipv4Interface(this.context, port, link, this.ingress, loopback))
  }

  detach(port: Interface, errno: number): void {
    const at = this.routing.ports.findIndex((candidate) => candidate.interface === port)
    if (at < 0) return
    const [own] = this.routing.ports.splice(at, 1)
    own.detach()
    this.routing.routes.removeInterface(port)
    this.changed(own)
    own.neighbours.clear(errno, false)
  }

  addAddress(port: Interface, cidr: Cidr): number {
    const own = this.routing.port(port)
    const { address, length } = cidr
    if (!own || address.isUnspecified || address.isMulticast || address.isLimitedBroadcast) return -EINVAL
    if (length <= 30 && isEnd(address, length)) return -EINVAL
    if (port.has(address)) return -EEXIST
    port.addresses.push(cidr)
    // A second address of one network finds its route there already.
    if (length < 32 && !own.loopback) {
      this.routing.routes.add({ destination: cidr, interface: port, source: address }, 'kernel')
    }
    this.changed(own)
    own.announce()
    return 0
  }

  removeAddress(port: Interface, address: IpAddress): number {
    const own = this.routing.port(port)
    const at = port.addresses.findIndex((cidr) => cidr.address.equals(address))
    if (!own || at < 0) return -EADDRNOTAVAIL
    const [cidr] = port.addresses.splice(at, 1)
    const heir = port.addresses.find(
      (other) => other.length === cidr.length && other.address.matches(address, cidr.length),
    )
    this.routing.routes.remove({ destination: cidr, interface: port, metric: 0 })
    if (heir && cidr.length < 32 && !own.loopback) {
      this.routing.routes.add({ destination: heir, interface: port, source: heir.address }, 'kernel')
    }
    this.changed(own)
    return 0
  }

  onLink(port: Interface, up: boolean): void {
    const own = this.routing.port(port)
    if (up) own?.announce()
    else own?.neighbours.clear(ENETDOWN, true)
  }

  neighbours(port: Interface): NeighbourCache | null {
    return this.routing.port(port)?.arp?.cache ?? null
  }

  probe(port: Interface, address: IpAddress, onVerdict: (rival: MacAddress | null) => void): number {
    const arp = this.routing.port(port)?.arp
    if (!arp || address.isUnspecified || address.isMulticast || address.isLimitedBroadcast) return -EINVAL
    new AddressProbe(this.context, arp, port.device.address, address, onVerdict).start()
    return 0
  }

  path(destination: IpAddress, source: IpAddress | null, broadcast: boolean): Path | number {
    const { way } = this
    const errno = this.routing.lookup(destination, source, broadcast, way)
    if (errno === -ENETUNREACH) this.context.counters.IpOutNoRoutes++
    return errno < 0 ? errno : new Ipv4Path(this.output, way as Ipv4Way, broadcast)
  }

  replyPath(destination: IpAddress, source: IpAddress): Path | number {
    const { way } = this
    const errno = this.routing.lookup(destination, source, false, way)
    if (errno === -ENETUNREACH) this.context.counters.IpOutNoRoutes++
    if (errno < 0) return errno
    if (this.reply === null) this.reply = new Ipv4Path(this.output, way as Ipv4Way, false)
    else this.reply.aim(way as Ipv4Way)
    return this.reply
  }

  isLocal(address: IpAddress): boolean {
    return this.routing.isLocal(address.d)
  }

  register(protocol: number, transport: TransportProtocol): void {
    this.ingress.transports[protocol] = transport
  }

  sendPortUnreachable(frame: Frame, packet: ReceivedPacket, now: number): void {
    this.errors.sendUnreachable(PORT_UNREACHABLE, frame, packet, now)
  }

  updatePathMtu(destination: IpAddress, mtu: number, now: number): boolean {
    const path = this.path(destination, null, true)
    if (typeof path === 'number') return false
    return this.pathMtus.lower(destination.d, mtu, path.mtu, now)
  }

  private changed(own: Ipv4Interface): void {
    own.refresh()
    this.routing.refresh()
    this.paths.clear()
  }
}

/** The first or the last address of a network is no host's (RFC 1122 3.2.1.3). */
function isEnd(address: IpAddress, length: number): boolean {
  const hosts = length === 0 ? -1 : ~(-1 << (32 - length))
  return (address.d & hosts) === 0 || (address.d & hosts) === hosts
}
