// Where an IPv4 packet goes: own addresses over the loopback interface, broadcast and multicast, then the routes
// (RFC 1122 3.3.1), and which source it has (RFC 6724's first rules; Linux's inet_select_addr). Cold: a path remembers
// the answer until `generation` moves on.

import { EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH } from '../base/errno.ts'
import { IpAddress } from '../base/ip-address.ts'
import type { Interface } from './interface.ts'
import type { Ipv4Interface } from './ipv4-interface.ts'
import { RouteTable } from './routes.ts'

const LOOPBACK = IpAddress.v4(0x7f000001)

/** The way to a destination; filled by `lookup`. */
export interface Ipv4Way {
  port: Ipv4Interface
  nextHop: IpAddress
  source: IpAddress
  destination: IpAddress
  kind: 'unicast' | 'broadcast' | 'multicast'
}

export class Ipv4Routing {
  readonly routes = new RouteTable(4)
  readonly ports: Ipv4Interface[] = []
  private addressGeneration = 0
  /** Own addresses, with how many interfaces have each. */
  private readonly locals = new Map<number, number>()

  /** Grows with every change of routes or addresses. */
  get generation(): number {
    return this.routes.generation + this.addressGeneration
  }

  port(of: Interface): Ipv4Interface | undefined {
    return this.ports.find((port) => port.interface === of)
  }

  /** Addresses of any interface changed. */
  refresh(): void {
    this.addressGeneration++
    this.locals.clear()
    for (const port of this.ports) {
      for (const word of port.locals) this.locals.set(word, (this.locals.get(word) ?? 0) + 1)
    }
  }

  /** True for an address of one of our interfaces, and for all of 127.0.0.0/8. */
  isLocal(word: number): boolean {
    return this.locals.has(word) || word >>> 24 === 127
  }

  isBroadcast(word: number): boolean {
    if (word === -1) return true
    for (const port of this.ports) if (port.broadcasts.includes(word)) return true
    return false
  }

  /**
   * Finds the way: 0 and `out` is filled, or -ENETUNREACH, -EADDRNOTAVAIL (`source` is not ours), -EINVAL (a loopback
   * source to elsewhere), -EACCES (broadcast without leave), -EAFNOSUPPORT.
   */
  lookup(destination: IpAddress, source: IpAddress | null, broadcast: boolean, out: Partial<Ipv4Way>): number {
    if (destination.family !== 4) return -EAFNOSUPPORT
    const wanted = source && !source.isUnspecified ? source : null
    if (wanted && (wanted.family !== 4 || !this.isLocal(wanted.d))) return -EADDRNOTAVAIL
    // As Linux: nowhere in particular is this host.
    out.destination = destination.isUnspecified ? (wanted ?? LOOPBACK) : destination
    const to = out.destination
    if (this.isLocal(to.d)) return this.toSelf(to, wanted, out)
    if (wanted?.isLoopback) return -EINVAL
    if (this.isBroadcast(to.d)) {
      if (!broadcast) return -EACCES
      return this.toGroup(to, wanted, 'broadcast', out)
    }
    if (to.isMulticast) return this.toGroup(to, wanted, 'multicast', out)
    const route = this.routes.lookup(to)
    const port = route ? this.port(route.interface) : undefined
    if (!route || !port) return -ENETUNREACH
    const nextHop = route.gateway ?? to
    return fill(out, port, nextHop, wanted ?? route.source ?? port.sourceFor(nextHop), 'unicast')
  }

  private toSelf(to: IpAddress, wanted: IpAddress | null, out: Partial<Ipv4Way>): number {
    const port = this.ports.find((candidate) => candidate.loopback)
    if (!port) return -ENETUNREACH
    return fill(out, port, to, wanted ?? (to.isLoopback ? LOOPBACK : to), 'unicast')
  }

  /**
   * Broadcast and multicast leave by the interface of the source, of the network, of the route, or the first there is.
   */
  private toGroup(
    to: IpAddress,
    wanted: IpAddress | null,
    kind: 'broadcast' | 'multicast',
    out: Partial<Ipv4Way>,
  ): number {
    const route = this.routes.lookup(to)
    const port =
      this.ports.find((candidate) => wanted && candidate.locals.includes(wanted.d)) ??
      this.ports.find((candidate) => candidate.broadcasts.includes(to.d)) ??
      (route && this.port(route.interface)) ??
      this.ports.find((candidate) => !candidate.loopback)
    if (!port) return -ENETUNREACH
    return fill(out, port, to, wanted ?? port.sourceFor(to), kind)
  }
}

function fill(
  out: Partial<Ipv4Way>,
  port: Ipv4Interface,
  nextHop: IpAddress,
  source: IpAddress | null,
  kind: Ipv4Way['kind'],
): number {
  if (!source) return -EADDRNOTAVAIL
  out.port = port
  out.nextHop = nextHop
  out.source = source
  out.kind = kind
  return 0
}
