// The network as a whole, as the transports see it: the interfaces, and the layer of each family behind one face. Owns
// the list of interfaces and the loopback interface; the only place that asks an address for its family.

import { EAFNOSUPPORT, ENETDOWN } from '../base/errno.ts'
import { type Cidr, IpAddress } from '../base/ip-address.ts'
import { MacAddress } from '../base/mac-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import type { Device } from '../device.ts'
import { EthernetLink } from '../link/ethernet-link.ts'
import { Loopback } from '../link/loopback.ts'
import type { NeighbourCache } from '../link/neighbour-cache.ts'
import { type NeighbourStateName, stateName, VALID } from '../link/neighbour-state.ts'
import type { Network as NetworkContract, Path, ReceivedPacket, TransportProtocol } from './contract.ts'
import type { EchoClient } from './echo-client.ts'
import { Interface } from './interface.ts'
import { Ipv4Layer } from './ipv4.ts'
import type { NetworkLayer } from './network-layer.ts'
import type { Route, RouteOptions } from './routes.ts'

/** One entry of a neighbour cache, as `ip neigh` shows it. */
export interface NeighbourEntry {
  address: IpAddress
  interface: string
  /** Null while it is not known. */
  linkAddress: MacAddress | null
  state: NeighbourStateName
}

/** What happens to interfaces, for whoever drives the stack. */
export interface NetworkEvents {
  onReadable(): void
  /** The device of an interface has room again. */
  onWritable(): void
  onLink(port: Interface, up: boolean, gone: boolean): void
}

export class Network implements NetworkContract {
  readonly loopback = new Loopback()
  /** The loopback interface comes first. */
  readonly interfaces: Interface[] = []
  readonly echo: EchoClient
  private readonly context: StackContext
  private readonly events: NetworkEvents
  private readonly ipv4: Ipv4Layer
  private readonly links = new Map<Interface, EthernetLink>()
  private nextIndex = 1

  constructor(context: StackContext, events: NetworkEvents) {
    this.context = context
    this.events = events
    this.ipv4 = new Ipv4Layer(context)
    this.echo = this.ipv4.echo
    const port = this.addInterface(this.loopback)
    this.addAddress(port, { address: IpAddress.v4(0x7f000001), length: 8 })
  }

  /** Takes a device in, still without addresses. */
  addInterface(device: Device): Interface {
    const port = new Interface(device.name, this.nextIndex++, device)
    const link = new EthernetLink(this.context, device, {
      onReadable: () => this.events.onReadable(),
      onWritable: () => this.events.onWritable(),
      onLink: (up, gone) => this.onLink(port, up, gone),
    })
    this.interfaces.push(port)
    this.links.set(port, link)
    this.ipv4.attach(port, link, device === this.loopback)
    return port
  }

  /**
   * Its addresses, routes and neighbours go, owners of frames that wait are told `errno` (0: silently); frames that
   * still come in are let go. The device is not closed.
   */
  removeInterface(port: Interface, errno = ENETDOWN): void {
    const at = this.interfaces.indexOf(port)
    if (at < 0) return
    this.interfaces.splice(at, 1)
    this.ipv4.detach(port, errno)
    this.links.get(port)?.close()
    this.links.delete(port)
    port.addresses.length = 0
    // Nobody will say that this device has room again: who waits for it looks for another way.
    this.events.onWritable()
  }

  /** 0, -EINVAL (no address for a host), -EEXIST, -EAFNOSUPPORT (IPv6 is not there yet). */
  addAddress(port: Interface, cidr: Cidr): number {
    return this.layer(cidr.address)?.addAddress(port, cidr) ?? -EAFNOSUPPORT
  }

  /** 0, -EADDRNOTAVAIL, -EAFNOSUPPORT. */
  removeAddress(port: Interface, address: IpAddress): number {
    return this.layer(address)?.removeAddress(port, address) ?? -EAFNOSUPPORT
  }

  addRoute(route: RouteOptions): number {
    return this.layer(route.destination.address)?.routes.add(route) ?? -EAFNOSUPPORT
  }

  removeRoute(route: RouteOptions): number {
    return this.layer(route.destination.address)?.routes.remove(route) ?? -EAFNOSUPPORT
  }

  routes(): Route[] {
    return this.ipv4.routes.list()
  }

  /** The neighbours of an interface for the family of `like`; null where nobody has to be asked. */
  neighbourCache(port: Interface, like: IpAddress): NeighbourCache | null {
    return this.layer(like)?.neighbours(port) ?? null
  }

  /** All that is known of neighbours, as `ip neigh` lists it. */
  neighbours(): NeighbourEntry[] {
    const entries: NeighbourEntry[] = []
    for (const port of this.interfaces) {
      for (const { address, high, low, state } of this.ipv4.neighbours(port)?.list() ?? []) {
        const linkAddress = state & VALID ? new MacAddress(high, low) : null
        entries.push({ address, interface: port.name, linkAddress, state: stateName(state) })
      }
    }
    return entries
  }

  /**
   * Asks whether an address is in use on the link: 0, and later `onVerdict` once, from ingress or a deadline; or
   * -EINVAL.
   */
  probe(port: Interface, address: IpAddress, onVerdict: (rival: MacAddress | null) => void): number {
    return this.layer(address)?.probe(port, address, onVerdict) ?? -EAFNOSUPPORT
  }

  path(destination: IpAddress, source?: IpAddress | null, options?: { broadcast?: boolean }): Path | number {
    return this.layer(destination)?.path(destination, source ?? null, options?.broadcast ?? false) ?? -EAFNOSUPPORT
  }

  replyPath(destination: IpAddress, source: IpAddress): Path | number {
    return this.layer(destination)?.replyPath(destination, source) ?? -EAFNOSUPPORT
  }

  isLocal(address: IpAddress): boolean {
    return this.layer(address)?.isLocal(address) ?? false
  }

  register(protocol: number, transport: TransportProtocol): void {
    this.ipv4.register(protocol, transport)
  }

  sendPortUnreachable(frame: Frame, packet: ReceivedPacket, now: number): void {
    this.layer(packet.source)?.sendPortUnreachable(frame, packet, now)
  }

  updatePathMtu(destination: IpAddress, mtu: number, now: number): boolean {
    return this.layer(destination)?.updatePathMtu(destination, mtu, now) ?? false
  }

  frame(path: Path): Frame | null {
    return this.context.frames.allocate(path.headroom)
  }

  /** Lets go of everything that waits; owners are not told. */
  close(): void {
    for (const port of [...this.interfaces]) this.removeInterface(port, 0)
    this.loopback.close()
    this.echo.close()
  }

  private layer(address: IpAddress): NetworkLayer | null {
    return address.family === 4 ? this.ipv4 : null
  }

  private onLink(port: Interface, up: boolean, gone: boolean): void {
    this.ipv4.onLink(port, up)
    this.events.onLink(port, up, gone)
    // A device that is gone refuses nobody any more: who waits for room learns why there is none.
    if (up || gone) this.events.onWritable()
  }
}
