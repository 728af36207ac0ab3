// Which endpoints are bound to which port, and which of them a datagram is for: the one that fits most closely (RFC
// 1122 4.1.3.5, Linux's compute_score). Owns the bindings; ephemeral ports are drawn at random (RFC 6056 3.3.1).

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'

/** What the table looks at. Null stands for any address. */
export interface Bound {
  readonly localAddress: IpAddress | null
  readonly localPort: number
  readonly remoteAddress: IpAddress | null
  readonly remotePort: number
}

/** Linux's net.ipv4.ip_local_port_range. */
const FIRST = 32768
const LAST = 60999

export class PortTable<Endpoint extends Bound> {
  private readonly ports = new Map<number, Endpoint[]>()
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  add(endpoint: Endpoint): void {
    const there = this.ports.get(endpoint.localPort)
    if (there) there.push(endpoint)
    else this.ports.set(endpoint.localPort, [endpoint])
  }

  remove(endpoint: Endpoint): void {
    const rest = this.ports.get(endpoint.localPort)?.filter((other) => other !== endpoint)
    if (!rest) return
    if (rest.length > 0) this.ports.set(endpoint.localPort, rest)
    else this.ports.delete(endpoint.localPort)
  }

  /** Whether somebody has the port on this address, or on any, or this asks for any and somebody has one. */
  isTaken(address: IpAddress | null, port: number): boolean {
    const there = this.ports.get(port)
    if (!there) return false
    return there.some(({ localAddress }) => !localAddress || !address || localAddress.equals(address))
  }

  /** A free port, -1 when there is none. */
  ephemeral(address: IpAddress | null): number {
    const count = LAST - FIRST + 1
    const start = this.random.below(count)
    for (let i = 0; i < count; i++) {
      const port = FIRST + ((start + i) % count)
      if (!this.isTaken(address, port)) return port
    }
    return -1
  }

  /** The endpoint that a datagram from `source` to `destination` is for, null if nobody's. */
  find(destination: IpAddress, port: number, source: IpAddress, sourcePort: number): Endpoint | null {
    const there = this.ports.get(port)
    if (there === undefined) return null
    let best: Endpoint | null = null
    let bestScore = -1
    for (let i = 0; i < there.length; i++) {
      const score = closeness(there[i], destination, source, sourcePort)
      if (score <= bestScore) continue
      best = there[i]
      bestScore = score
    }
    return best
  }

  /** Everybody on the port that would take it: for broadcast and multicast. */
  findAll(destination: IpAddress, port: number, source: IpAddress, sourcePort: number): Endpoint[] {
    const there = this.ports.get(port) ?? []
    return there.filter((endpoint) => closeness(endpoint, destination, source, sourcePort) >= 0)
  }
}

/** How closely an endpoint fits: -1 not at all; a fixed peer counts more than a fixed local address. */
function closeness(endpoint: Bound, destination: IpAddress, source: IpAddress, sourcePort: number): number {
  const { localAddress, remoteAddress, remotePort } = endpoint
  let score = 0
  if (localAddress !== null) {
    if (!localAddress.equals(destination)) return -1
    score = 1
  }
  if (remoteAddress !== null) {
    if (remotePort !== sourcePort || !remoteAddress.equals(source)) return -1
    score += 2
  }
  return score
}
