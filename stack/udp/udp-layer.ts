// UDP as one object of a stack (RFC 768, RFC 1122 4.1): hands received datagrams to the endpoint they are for, reports
// ICMP errors to connected ones, makes the callbacks. Owns the table of ports and what endpoints share.

import { EMSGSIZE } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { READABLE } from '../base/readiness.ts'
import { Thrown } from '../base/thrown.ts'
import { CHECKSUM_BAD, CHECKSUM_UNNECESSARY, type Frame } from '../buffer/frame.ts'
import { PageFiller } from '../buffer/page-filler.ts'
import type { StackContext } from '../context.ts'
import {
  type IcmpError,
  type Network,
  type Path,
  PROTOCOL_UDP,
  type ReceivedPacket,
  type TransportProtocol,
} from '../network/contract.ts'
import { sumFrom, truncate } from '../network/frame-bytes.ts'
import { PathCache } from '../network/path-cache.ts'
import { fold, pseudoHeader } from '../wire/checksum.ts'
import { DESTINATION_PORT, HEADER, parse, SOURCE_PORT, udpHeader } from '../wire/udp.ts'
import type { Udp, UdpEndpoint } from './contract.ts'
import { DatagramEndpoint } from './datagram-endpoint.ts'
import { PortTable } from './port-table.ts'

export class UdpLayer implements Udp, TransportProtocol {
  readonly context: StackContext
  readonly network: Network
  readonly ports: PortTable<DatagramEndpoint>
  /** What is sent and does not fit a header page is copied here. */
  readonly filler: PageFiller
  private readonly all = new Set<DatagramEndpoint>()
  private readonly paths: PathCache
  private readonly broadcastPaths: PathCache
  private readonly header = udpHeader()
  private readonly thrown = new Thrown()
  private raised: DatagramEndpoint[] = []
  private waiters: DatagramEndpoint[] = []
  /** Somebody waits for pages and not for the device. */
  private starved = false

  constructor(context: StackContext, network: Network) {
    this.context = context
    this.network = network
    this.ports = new PortTable(context.environment.random.fork('udp-ports'))
    this.filler = new PageFiller(context.pages)
    this.paths = new PathCache((destination, source) => network.path(destination, source))
    const broadcast = { broadcast: true }
    this.broadcastPaths = new PathCache((destination, source) => network.path(destination, source, broadcast))
    network.register(PROTOCOL_UDP, this)
  }

  open(): UdpEndpoint {
    const endpoint = new DatagramEndpoint(this)
    this.all.add(endpoint)
    return endpoint
  }

  endpoints(): Iterable<UdpEndpoint> {
    return [...this.all]
  }

  onPacket(frame: Frame, packet: ReceivedPacket, now: number): void {
    if (this.isSound(frame, packet)) {
      if (packet.group) this.deliverToAll(frame, packet)
      else this.deliver(frame, packet, now)
    }
    frame.release()
  }

  /** Length and checksum; cuts off what is beyond the datagram's length. */
  private isSound(frame: Frame, packet: ReceivedPacket): boolean {
    const { header } = this
    const { counters } = this.context
    const at = frame.start + frame.transportOffset
    const inHead = frame.end - at
    if (inHead < HEADER || !parse(frame.head.view, at, packet.transportLength, header)) {
      counters.UdpInErrors++
      return false
    }
    truncate(frame, frame.transportOffset + header.length)
    if (this.isChecksumFine(frame, packet)) return true
    counters.UdpInCsumErrors++
    counters.UdpInErrors++
    return false
  }

  private isChecksumFine(frame: Frame, packet: ReceivedPacket): boolean {
    const { checksum, length } = this.header
    if (frame.checksum === CHECKSUM_BAD) return false
    // The sender made none: fine in IPv4 (RFC 768), refused in IPv6 (RFC 8200 8.1).
    if (checksum === 0 && frame.csumStart < 0) return packet.source.family === 4
    if (frame.checksum === CHECKSUM_UNNECESSARY) return true
    const covered = sumFrom(frame, frame.transportOffset)
    if (covered < 0) return false
    return fold(covered + pseudoHeader(packet.source, packet.destination, PROTOCOL_UDP, length)) === 0xffff
  }

  private deliver(frame: Frame, packet: ReceivedPacket, now: number): void {
    const { sourcePort, destinationPort } = this.header
    const endpoint = this.ports.find(packet.destination, destinationPort, packet.source, sourcePort)
    if (endpoint === null) {
      this.context.counters.UdpNoPorts++
      this.network.sendPortUnreachable(frame, packet, now)
      return
    }
    this.enqueue(endpoint, frame, packet)
  }

  /** Broadcast and multicast: a copy for everybody; nobody is told when there is nobody (RFC 1122 4.1.3.1). */
  private deliverToAll(frame: Frame, packet: ReceivedPacket): void {
    const { sourcePort, destinationPort } = this.header
    const endpoints = this.ports.findAll(packet.destination, destinationPort, packet.source, sourcePort)
    if (endpoints.length === 0) this.context.counters.UdpNoPorts++
    for (const endpoint of endpoints) this.enqueue(endpoint, frame, packet)
  }

  private enqueue(endpoint: DatagramEndpoint, frame: Frame, packet: ReceivedPacket): void {
    const { length, sourcePort } = this.header
    const from = frame.transportOffset + HEADER
    if (endpoint.queue.push(frame, from, length - HEADER, packet.source, sourcePort, packet.destination)) {
      endpoint.raise(READABLE)
      return
    }
    this.context.counters.UdpRcvbufErrors++
    this.context.counters.UdpInErrors++
  }

  onIcmpError(error: IcmpError, view: DataView, at: number, _available: number, now: number): void {
    const localPort = view.getUint16(at + SOURCE_PORT)
    const remotePort = view.getUint16(at + DESTINATION_PORT)
    const endpoint = this.ports.find(error.source, localPort, error.destination, remotePort)
    if (endpoint === null) {
      this.context.counters.IcmpInErrors++
      return
    }
    const connected = endpoint.remoteAddress !== null
    if (error.errno === EMSGSIZE) {
      // Without a peer the only proof of a quote is that we do send there.
      if (connected || this.paths.has(error.destination)) this.network.updatePathMtu(error.destination, error.mtu, now)
    }
    if (connected && (error.fatal || error.errno === EMSGSIZE)) endpoint.fail(error.errno)
  }

  dispatch(): boolean {
    this.feedStarved()
    if (this.raised.length === 0) return false
    const raised = this.raised
    this.raised = []
    for (const endpoint of raised) {
      try {
        endpoint.tell()
      } catch (error) {
        this.thrown.add(error)
      }
    }
    this.thrown.rethrow()
    return true
  }

  onWritable(): void {
    const { waiters } = this
    if (waiters.length === 0) return
    this.waiters = []
    this.starved = false
    for (const endpoint of waiters) if (endpoint.isBlocked) endpoint.unblock()
  }

  shutdown(errno: number): void {
    for (const endpoint of [...this.all]) {
      if (errno === 0) {
        endpoint.close()
        continue
      }
      endpoint.queue.clear()
      endpoint.fail(errno)
    }
    this.filler.close()
    this.waiters = []
  }

  // What follows is for the endpoints.

  path(destination: IpAddress, source: IpAddress | null, broadcast: boolean): Path | number {
    return (broadcast ? this.broadcastPaths : this.paths).get(destination, source)
  }

  /** A remembered path turned out to be dead. */
  forgetPaths(): void {
    this.paths.clear()
    this.broadcastPaths.clear()
  }

  addRaised(endpoint: DatagramEndpoint): void {
    this.raised.push(endpoint)
    this.context.requestPoll()
  }

  addWaiter(endpoint: DatagramEndpoint, starved: boolean): void {
    if (!this.waiters.includes(endpoint)) this.waiters.push(endpoint)
    this.starved ||= starved
  }

  remove(endpoint: DatagramEndpoint): void {
    this.all.delete(endpoint)
    if (endpoint.localPort !== 0) this.ports.remove(endpoint)
  }

  /** Whoever waits for pages is told as soon as there is one again. */
  private feedStarved(): void {
    if (!this.starved) return
    const frame = this.context.frames.allocate(0)
    const page = this.context.pages.allocate()
    frame?.release()
    page?.release()
    if (frame && page) this.onWritable()
  }
}
