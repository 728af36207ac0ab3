// What comes in over IPv4: the checks of RFC 1122 3.2.1 in Linux's order, each drop counted under Linux's name, and
// delivery to the transport. Fragments are counted and dropped: putting them together is not done yet.

import { type Frame, GSO_ECN, GSO_TCPV4 } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import {
  checkOptions,
  checksumValid,
  FRAGMENT_OFFSET_MASK,
  HEADER,
  type Ipv4Header,
  ipv4Header,
  MORE_FRAGMENTS,
  OPTIONS_FINE,
  OPTIONS_SOURCE_ROUTE,
  parse,
} from '../wire/ipv4.ts'
import { AddressCache } from './address-cache.ts'
import type { ReceivedPacket, TransportProtocol } from './contract.ts'
import { truncate } from './frame-bytes.ts'
import type { Ipv4Interface } from './ipv4-interface.ts'
import type { Ipv4Routing } from './ipv4-routing.ts'
import { PacketFacts } from './received-packet.ts'

/** What becomes of a destination. */
const NOT_OURS = 0
const TO_US = 1
const TO_GROUP = 2

/** 224.0.0.1: every host is in it and no other group is joined. */
const ALL_HOSTS = 0xe0000001 | 0

export class Ipv4Ingress {
  /** By protocol number. */
  readonly transports: (TransportProtocol | null)[] = new Array<TransportProtocol | null>(256).fill(null)
  /** Told of packets whose protocol nobody takes. */
  onUnknownProtocol: ((frame: Frame, packet: ReceivedPacket, now: number) => void) | null = null
  readonly addresses = new AddressCache()
  private readonly context: StackContext
  private readonly routing: Ipv4Routing
  private readonly header = ipv4Header()
  private readonly packet = new PacketFacts()

  constructor(context: StackContext, routing: Ipv4Routing) {
    this.context = context
    this.routing = routing
  }

  /** Takes the frame. `linkGroup`: its link address was multicast or broadcast. */
  receive(port: Ipv4Interface, frame: Frame, linkGroup: boolean, now: number): void {
    const { counters } = this.context
    const { header } = this
    counters.IpInReceives++
    counters.IpExtInOctets += frame.length - frame.networkOffset
    if (!this.isSound(frame)) {
      frame.release()
      return
    }
    const target = this.classify(port)
    if (target === NOT_OURS || !this.isUnfragmented(header)) {
      frame.release()
      return
    }
    if (target === TO_GROUP) {
      if (header.destination >>> 28 === 0xe) counters.IpExtInMcastPkts++
      else counters.IpExtInBcastPkts++
    }
    this.deliver(port, frame, linkGroup || target === TO_GROUP, now)
  }

  /** RFC 1122 3.2.1.1 to 3.2.1.3 and the length; cuts link padding off. */
  private isSound(frame: Frame): boolean {
    const { header } = this
    const { counters } = this.context
    const { view } = frame.head
    const at = frame.start + frame.networkOffset
    if (!parse(view, at, frame.end - at, header)) {
      counters.IpInHdrErrors++
      return false
    }
    if (!checksumValid(view, at, header.headerLength)) {
      counters.IpExtInCsumErrors++
      counters.IpInHdrErrors++
      return false
    }
    const available = frame.length - frame.networkOffset
    if (header.totalLength === 0 && isBigTcp(frame)) header.totalLength = available
    if (header.totalLength > available) {
      counters.IpExtInTruncatedPkts++
      return false
    }
    if (header.totalLength < header.headerLength) {
      counters.IpInHdrErrors++
      return false
    }
    if (header.totalLength < available) truncate(frame, frame.networkOffset + header.totalLength)
    return header.headerLength === HEADER || this.areOptionsFine(view, at)
  }

  private areOptionsFine(view: DataView, at: number): boolean {
    const verdict = checkOptions(view, at + HEADER, at + this.header.headerLength)
    if (verdict === OPTIONS_FINE) return true
    if (verdict === OPTIONS_SOURCE_ROUTE) this.context.counters.IpInAddrErrors++
    else this.context.counters.IpInHdrErrors++
    return false
  }

  /** Whether the packet is for us; counts and refuses sources and destinations that cannot be (RFC 1122 3.2.1.3). */
  private classify(port: Ipv4Interface): number {
    const { counters } = this.context
    const { source, destination } = this.header
    if (!port.loopback && this.isMartianSource(port, source, destination)) {
      counters.RtInMartianSrc++
      counters.IpInAddrErrors++
      return NOT_OURS
    }
    const network = destination >>> 24
    if ((network === 127 && !port.loopback) || network === 0) {
      counters.RtInMartianDst++
      counters.IpInAddrErrors++
      return NOT_OURS
    }
    if (port.locals.includes(destination)) return TO_US
    if (destination === -1 || destination === ALL_HOSTS || port.broadcasts.includes(destination)) return TO_GROUP
    // Any address of ours on any interface, as Linux (the weak host model of RFC 1122 3.3.4.2).
    if (this.routing.isLocal(destination)) return TO_US
    counters.IpInAddrErrors++
    return NOT_OURS
  }

  private isMartianSource(port: Ipv4Interface, source: number, destination: number): boolean {
    const network = source >>> 24
    // A host without an address yet may broadcast from 0.0.0.0.
    if (network === 0) return source !== 0 || destination !== -1
    if (source >>> 28 === 0xe || source === -1 || network === 127) return true
    return port.broadcasts.includes(source) || this.routing.isLocal(source)
  }

  private isUnfragmented(header: Ipv4Header): boolean {
    if ((header.fragment & (MORE_FRAGMENTS | FRAGMENT_OFFSET_MASK)) === 0) return true
    this.context.counters.IpReasmReqds++
    this.context.counters.IpReasmFails++
    return false
  }

  private deliver(port: Ipv4Interface, frame: Frame, group: boolean, now: number): void {
    const { header, packet, addresses } = this
    packet.source = addresses.v4(header.source)
    packet.destination = addresses.v4(header.destination)
    packet.interface = port.interface
    packet.transportLength = header.totalLength - header.headerLength
    packet.ttl = header.ttl
    packet.trafficClass = header.trafficClass
    packet.group = group
    frame.transportOffset = frame.networkOffset + header.headerLength
    const transport = this.transports[header.protocol]
    if (transport === null) {
      this.context.counters.IpInUnknownProtos++
      this.onUnknownProtocol?.(frame, packet, now)
      frame.release()
      return
    }
    this.context.counters.IpInDelivers++
    transport.onPacket(frame, packet, now)
  }
}

/** A super-frame that is too long for the header's field says 0 there (Linux's iph_totlen). */
function isBigTcp(frame: Frame): boolean {
  return frame.gsoSize > 0 && (frame.gsoType & ~GSO_ECN) === GSO_TCPV4
}
