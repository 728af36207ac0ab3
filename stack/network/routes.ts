// The routing table of one family: longest prefix first, then the lowest metric (RFC 1122 3.3.1, RFC 1812 5.2.4.3).
// Owns the routes that `ip route` shows; own and broadcast addresses are known to the layer, not to this table.

import { EEXIST, EINVAL, ENETUNREACH, ESRCH } from '../base/errno.ts'
import type { Cidr, Family, IpAddress } from '../base/ip-address.ts'
import type { Interface } from './interface.ts'

export interface Route {
  /** 0.0.0.0/0 and ::/0 are the default route. */
  readonly destination: Cidr
  /** null: the destination is on the link. */
  readonly gateway: IpAddress | null
  readonly interface: Interface
  /** The lower is preferred among equal prefixes. */
  readonly metric: number
  /** The preferred source, null: chosen from the interface. */
  readonly source: IpAddress | null
  /** `kernel` routes come and go with an address, `static` ones were added by a caller. */
  readonly protocol: 'kernel' | 'static'
}

export interface RouteOptions {
  destination: Cidr
  gateway?: IpAddress | null
  /** Found from the gateway if absent. */
  interface?: Interface
  metric?: number
  source?: IpAddress | null
}

export class RouteTable {
  readonly family: Family
  /** Grows with each change: who remembers a route asks again when it has moved on. */
  generation = 0
  /** Longest prefix first, then lowest metric. */
  private routes: Route[] = []

  constructor(family: Family) {
    this.family = family
  }

  list(): Route[] {
    return [...this.routes]
  }

  /** The best route, null if there is none. */
  lookup(destination: IpAddress): Route | null {
    for (const route of this.routes) {
      if (destination.matches(route.destination.address, route.destination.length)) return route
    }
    return null
  }

  /** 0, -EEXIST (same prefix and metric), -EINVAL, -ENETUNREACH (the gateway is on no link of ours). */
  add(options: RouteOptions, protocol: Route['protocol'] = 'static'): number {
    const { gateway = null, metric = 0, source = null } = options
    const destination = network(options.destination)
    const { length } = options.destination
    const { address } = destination
    if (address.family !== this.family || !Number.isInteger(length) || length < 0 || length > address.bits)
      return -EINVAL
    if (!Number.isInteger(metric) || metric < 0 || (gateway && gateway.family !== this.family)) return -EINVAL
    const outgoing = this.outgoing(gateway, options.interface)
    if (typeof outgoing === 'number') return outgoing
    const same = this.routes.filter((route) => samePrefix(route.destination, destination) && route.metric === metric)
    // Two interfaces may stand on one network, as in Linux: the first one's route is used while it is there.
    if (same.some((route) => protocol === 'static' || route.interface === outgoing)) return -EEXIST
    this.routes.push({ destination, gateway, interface: outgoing, metric, source, protocol })
    this.routes.sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric)
    this.generation++
    return 0
  }

  /** Removes the first route that fits all that is given. 0 or -ESRCH. */
  remove(options: RouteOptions): number {
    const destination = network(options.destination)
    const at = this.routes.findIndex(
      (route) =>
        samePrefix(route.destination, destination) &&
        (options.gateway == null || route.gateway?.equals(options.gateway) === true) &&
        (options.interface === undefined || route.interface === options.interface) &&
        (options.metric === undefined || route.metric === options.metric),
    )
    if (at < 0) return -ESRCH
    this.routes.splice(at, 1)
    this.generation++
    return 0
  }

  /** The interface went. */
  removeInterface(gone: Interface): void {
    this.routes = this.routes.filter((route) => route.interface !== gone)
    this.generation++
  }

  /** The interface of a route: the given one, or the one whose link the gateway is on. */
  private outgoing(gateway: IpAddress | null, given: Interface | undefined): Interface | number {
    if (!gateway) return given ?? -EINVAL
    if (gateway.isUnspecified || gateway.isMulticast) return -EINVAL
    for (const route of this.routes) {
      if (route.gateway || (given && route.interface !== given)) continue
      if (gateway.matches(route.destination.address, route.destination.length)) return route.interface
    }
    return -ENETUNREACH
  }
}

/** The prefix with all bits after it cleared. */
function network(cidr: Cidr): Cidr {
  return { address: cidr.address.masked(cidr.length), length: cidr.length }
}

function samePrefix(a: Cidr, b: Cidr): boolean {
  return a.length === b.length && a.address.equals(b.address)
}
