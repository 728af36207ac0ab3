// A path over IPv4: the remembered way to one destination. Writes the network header of each frame (RFC 791, RFC 6864
// for the identification) and hands it to the link; looks again by itself when routes, addresses or neighbours changed.

import { EMSGSIZE, ENETUNREACH, ENOBUFS } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { type Frame, GSO_MAX_SIZE, GSO_TCPV4, MAX_PACKET } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { LINK_HEADROOM } from '../link/ethernet-link.ts'
import type { Neighbour } from '../link/neighbour.ts'
import { pseudoHeaderV4 } from '../wire/checksum.ts'
import { ETHER_IPV4 } from '../wire/ethernet.ts'
import { DONT_FRAGMENT, emit, HEADER, ipv4Header } from '../wire/ipv4.ts'
import type { Path, TransmitOptions } from './contract.ts'
import type { Interface } from './interface.ts'
import type { Ipv4Interface } from './ipv4-interface.ts'
import type { Ipv4Routing, Ipv4Way } from './ipv4-routing.ts'
import type { PathMtu, PathMtuCache } from './path-mtu.ts'

const DEFAULT_TTL = 64

/** What all paths of one layer share. */
export class Ipv4Output {
  readonly context: StackContext
  readonly routing: Ipv4Routing
  readonly pathMtus: PathMtuCache
  readonly header = ipv4Header()
  readonly random: StackContext['environment']['random']

  constructor(context: StackContext, routing: Ipv4Routing, pathMtus: PathMtuCache) {
    this.context = context
    this.routing = routing
    this.pathMtus = pathMtus
    this.random = context.environment.random.fork('ipv4-identification')
  }
}

export class Ipv4Path implements Path, Ipv4Way {
  source: IpAddress
  destination: IpAddress
  /** Of the way, as the routing found it last. */
  port: Ipv4Interface
  nextHop: IpAddress
  kind: Ipv4Way['kind']
  private readonly output: Ipv4Output
  private readonly broadcast: boolean
  private neighbour: Neighbour | null = null
  private pathMtu: PathMtu | null = null
  /** Sum of the two generations under which the way was found. */
  private generation = -1
  /**
   * Of the next packet. Begins at random and counts packets on the wire, super-frames by their segments (as Linux's
   * inet_id).
   */
  private identification: number

  /** `way` was just found by the routing. */
  constructor(output: Ipv4Output, way: Ipv4Way, broadcast: boolean) {
    this.output = output
    this.broadcast = broadcast
    this.source = way.source
    this.destination = way.destination
    this.port = way.port
    this.nextHop = way.nextHop
    this.kind = way.kind
    this.identification = output.random.below(0x10000)
    this.adopt()
  }

  /** Aims it at another destination, whose way was just found: it is as if just made. */
  aim(way: Ipv4Way): void {
    this.source = way.source
    this.destination = way.destination
    this.port = way.port
    this.nextHop = way.nextHop
    this.kind = way.kind
    this.identification = this.output.random.below(0x10000)
    this.adopt()
  }

  get networkHeaderLength(): number {
    return HEADER
  }

  get headroom(): number {
    return LINK_HEADROOM + HEADER
  }

  get gsoTcp(): number {
    return GSO_TCPV4
  }

  get loopback(): boolean {
    return this.port.loopback
  }

  get gsoMaxSize(): number {
    return this.port.interface.device.gsoMaxSize ?? MAX_PACKET
  }

  get interface(): Interface {
    return this.port.interface
  }

  get mtu(): number {
    if (this.generation !== this.currentGeneration()) this.look()
    const { mtu } = this.port.interface.device
    const record = this.pathMtu
    if (record === null || record.expires <= this.output.context.now) return mtu
    return Math.min(mtu, record.mtu)
  }

  get writable(): boolean {
    return this.port.link.device.writable
  }

  pseudoHeaderSum(protocol: number, length: number): number {
    return pseudoHeaderV4(this.source.d, this.destination.d, protocol, length)
  }

  transmit(frame: Frame, protocol: number, options?: TransmitOptions): number {
    const { context } = this.output
    if (this.generation !== this.currentGeneration()) {
      const errno = this.look()
      if (errno < 0) return errno
    }
    const totalLength = frame.length + HEADER
    const { gsoSize } = frame
    if (totalLength > (gsoSize > 0 ? GSO_MAX_SIZE : this.mtu)) return -EMSGSIZE
    const neighbour = this.findNeighbour()
    if (neighbour === null) {
      context.counters.IpOutDiscards++
      return -ENOBUFS
    }
    this.push(frame, protocol, totalLength, options)
    const result = this.port.link.transmit(frame, neighbour, ETHER_IPV4, context.now)
    if (result < 0) {
      pop(frame)
      return result
    }
    this.identification = (this.identification + (gsoSize > 0 ? Math.ceil(totalLength / gsoSize) : 1)) & 0xffff
    context.counters.IpOutRequests++
    context.counters.IpExtOutOctets += totalLength
    return 0
  }

  confirm(now: number): void {
    this.neighbour?.confirm(now)
  }

  private push(frame: Frame, protocol: number, totalLength: number, options: TransmitOptions | undefined): void {
    const { header } = this.output
    header.trafficClass = options?.trafficClass ?? 0
    // BIG TCP: a length that the field cannot tell is told as 0, and is the frame's (Linux's iph_set_totlen).
    header.totalLength = totalLength > MAX_PACKET ? 0 : totalLength
    header.identification = this.identification
    header.fragment = options?.mayFragment === true || this.isLocked() ? 0 : DONT_FRAGMENT
    header.ttl = options?.ttl ?? DEFAULT_TTL
    header.protocol = protocol
    header.source = this.source.d
    header.destination = this.destination.d
    emit(header, frame.head.view, frame.push(HEADER))
    frame.transportOffset = HEADER
    if (frame.csumStart >= 0) frame.csumStart += HEADER
  }

  /** The path is narrower than the least that is believed: its routers must fragment (Linux: a locked MTU). */
  private isLocked(): boolean {
    const record = this.pathMtu
    return record?.locked === true && record.expires > this.output.context.now
  }

  private findNeighbour(): Neighbour | null {
    const known = this.neighbour
    if (known !== null && !known.dead) return known
    this.neighbour = this.port.neighbour(this.nextHop, this.kind)
    return this.neighbour
  }

  private currentGeneration(): number {
    return this.output.routing.generation + this.output.pathMtus.generation
  }

  /** Finds the way anew; the source stays. While there is none, each use looks again. */
  private look(): number {
    const errno = this.output.routing.lookup(this.destination, this.source, this.broadcast, this)
    if (errno < 0) {
      if (errno === -ENETUNREACH) this.output.context.counters.IpOutNoRoutes++
      return errno
    }
    this.adopt()
    return 0
  }

  private adopt(): void {
    this.neighbour = null
    this.pathMtu = this.port.loopback ? null : this.output.pathMtus.get(this.destination.d)
    this.generation = this.currentGeneration()
  }
}

/** Takes the network header off again: the caller keeps the frame as it was. */
function pop(frame: Frame): void {
  frame.start += HEADER
  frame.transportOffset = 0
  if (frame.csumStart >= 0) frame.csumStart -= HEADER
}
