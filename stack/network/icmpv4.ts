// ICMP for IPv4 (RFC 792, RFC 1122 3.2.2): answers echo requests, hands errors about our packets to the transport that
// sent them, and replies to whoever asked. Owns no endpoint and no rate limit.

import { EMSGSIZE } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { CHECKSUM_BAD, CHECKSUM_UNNECESSARY, type Frame, GSO_NONE } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { adjust } from '../wire/checksum.ts'
import {
  CHECKSUM,
  DESTINATION_UNREACHABLE,
  ECHO_REPLY,
  ECHO_REQUEST,
  FRAGMENTATION_NEEDED,
  HEADER,
  icmpv4Header,
  isError,
  PARAMETER_PROBLEM,
  parse,
  REDIRECT,
  SOURCE_QUENCH,
  TIME_EXCEEDED,
  TYPE,
} from '../wire/icmpv4.ts'
import { FRAGMENT_OFFSET_MASK, ipv4Header, parse as parseIpv4 } from '../wire/ipv4.ts'
import { type IcmpError, PROTOCOL_ICMP, type ReceivedPacket, type TransportProtocol } from './contract.ts'
import type { EchoClient } from './echo-client.ts'
import { copyOut, sumFrom } from './frame-bytes.ts'
import { icmpv4Meaning } from './icmp-errno.ts'
import type { Ipv4Ingress } from './ipv4-ingress.ts'
import type { Ipv4Routing } from './ipv4-routing.ts'
import type { PathCache } from './path-cache.ts'

/** Bytes of the quoted transport header that an error must bring (RFC 792). */
const LEAST_QUOTE = 8

/** Who takes a path MTU that an error told, once its quote was found to be ours. */
interface PathMtuUpdates {
  updatePathMtu(destination: IpAddress, mtu: number, now: number): boolean
}

export class Icmpv4 implements TransportProtocol {
  private readonly context: StackContext
  private readonly routing: Ipv4Routing
  private readonly ingress: Ipv4Ingress
  private readonly paths: PathCache
  private readonly echo: EchoClient
  private readonly pathMtus: PathMtuUpdates
  private readonly header = icmpv4Header()
  private readonly quoted = ipv4Header()
  private readonly error = new ErrorFacts()
  private readonly options = { ttl: 64, trafficClass: 0, mayFragment: true }

  constructor(
    context: StackContext,
    routing: Ipv4Routing,
    ingress: Ipv4Ingress,
    paths: PathCache,
    echo: EchoClient,
    pathMtus: PathMtuUpdates,
  ) {
    this.context = context
    this.routing = routing
    this.ingress = ingress
    this.paths = paths
    this.echo = echo
    this.pathMtus = pathMtus
  }

  onPacket(frame: Frame, packet: ReceivedPacket, now: number): void {
    const { counters } = this.context
    counters.IcmpInMsgs++
    if (!this.isSound(frame)) {
      counters.IcmpInErrors++
      frame.release()
      return
    }
    const { type } = this.header
    if (type === ECHO_REQUEST) {
      counters.IcmpInEchos++
      // RFC 1122 3.2.2.6 and Linux's icmp_echo_ignore_broadcasts.
      if (packet.group) frame.release()
      else this.answer(frame, packet)
      return
    }
    if (type === ECHO_REPLY) {
      counters.IcmpInEchoReps++
      const { identifier, sequence } = this.header
      this.echo.onReply(packet, identifier, sequence, now)
    } else if (isError(type)) this.receiveError(frame, packet, now)
    frame.release()
  }

  /** An error quotes an echo request of ours. */
  onIcmpError(error: IcmpError, view: DataView, at: number, available: number, now: number): void {
    if (!parse(view, at, available, this.header) || this.header.type !== ECHO_REQUEST) return
    const { from, ttl } = this.error
    const ours = this.echo.onError(error, from, ttl, this.header.identifier, this.header.sequence, now)
    if (ours && error.errno === EMSGSIZE) this.pathMtus.updatePathMtu(error.destination, error.mtu, now)
  }

  private isSound(frame: Frame): boolean {
    const at = frame.start + frame.transportOffset
    if (!parse(frame.head.view, at, frame.end - at, this.header)) return false
    if (frame.checksum === CHECKSUM_UNNECESSARY) return true
    if (frame.checksum !== CHECKSUM_BAD && sumFrom(frame, frame.transportOffset) === 0xffff) return true
    this.context.counters.IcmpInCsumErrors++
    return false
  }

  /** The reply is the request itself, turned round (RFC 792): its bytes are neither copied nor summed anew. */
  private answer(request: Frame, packet: ReceivedPacket): void {
    const { counters } = this.context
    const path = this.paths.get(packet.source, packet.destination)
    if (typeof path === 'number') {
      counters.IcmpOutErrors++
      request.release()
      return
    }
    const reply = this.turnRound(request, path.headroom)
    this.options.trafficClass = packet.trafficClass
    if (reply === null || path.transmit(reply, PROTOCOL_ICMP, this.options) < 0) {
      counters.IcmpOutErrors++
      reply?.release()
      return
    }
    counters.IcmpOutMsgs++
    counters.IcmpOutEchoReps++
  }

  private turnRound(request: Frame, headroom: number): Frame | null {
    const reply = request.head.count === 1 ? request : this.copy(request, headroom)
    if (reply === null) return null
    if (reply === request) reply.start += reply.transportOffset
    reply.networkOffset = 0
    reply.transportOffset = 0
    // An unfinished checksum stays the card's to finish: an ICMP message has no pseudo-header, so the field is right as
    // it is.
    const unfinished = reply.csumStart >= 0
    reply.csumStart = unfinished ? 0 : -1
    reply.csumOffset = CHECKSUM
    reply.gsoSize = 0
    reply.gsoType = GSO_NONE
    reply.owner = null
    const { view } = reply.head
    view.setUint8(reply.start + TYPE, ECHO_REPLY)
    const { type, code, checksum } = this.header
    if (unfinished) return reply
    view.setUint16(reply.start + CHECKSUM, adjust(checksum, (type << 8) | code, (ECHO_REPLY << 8) | code))
    return reply
  }

  /** The page belongs to somebody else too and must not be written to. Takes the request. */
  private copy(request: Frame, headroom: number): Frame | null {
    const length = request.length - request.transportOffset
    const page = headroom + length <= this.context.pages.pageSize ? this.context.pages.allocate() : null
    const reply = page && this.context.frames.wrap(page, headroom, headroom + length)
    const copied = reply && copyOut(request, request.transportOffset, length, reply.head.bytes, headroom)
    request.release()
    if (copied) return reply
    reply?.release()
    return null
  }

  /** RFC 1122 3.2.2: an error goes to the transport whose packet it quotes. */
  private receiveError(frame: Frame, packet: ReceivedPacket, now: number): void {
    const { header, quoted, error } = this
    const { counters } = this.context
    this.countError(header.type)
    const at = frame.start + frame.transportOffset + HEADER
    const { view } = frame.head
    if (!parseIpv4(view, at, frame.end - at, quoted) || frame.end - at - quoted.headerLength < LEAST_QUOTE) {
      counters.IcmpInErrors++
      return
    }
    const meaning = icmpv4Meaning(header.type, header.code)
    const ours = this.routing.isLocal(quoted.source) && (quoted.fragment & FRAGMENT_OFFSET_MASK) === 0
    if (packet.group || !ours) {
      counters.IcmpInErrors++
      return
    }
    const transport = this.ingress.transports[quoted.protocol]
    if (meaning === null || transport === null) return
    error.source = this.ingress.addresses.v4(quoted.source)
    error.destination = this.ingress.addresses.v4(quoted.destination)
    error.errno = meaning.errno
    error.fatal = meaning.fatal
    error.type = header.type
    error.code = header.code
    // Linux's icmp_unreach: the next hop's MTU stands where an echo has its sequence number.
    error.mtu = header.type === DESTINATION_UNREACHABLE && header.code === FRAGMENTATION_NEEDED ? header.sequence : 0
    error.from = packet.source
    error.ttl = packet.ttl
    const transportAt = at + quoted.headerLength
    transport.onIcmpError(error, view, transportAt, frame.end - transportAt, now)
  }

  private countError(type: number): void {
    const { counters } = this.context
    if (type === DESTINATION_UNREACHABLE) counters.IcmpInDestUnreachs++
    else if (type === TIME_EXCEEDED) counters.IcmpInTimeExcds++
    else if (type === PARAMETER_PROBLEM) counters.IcmpInParmProbs++
    else if (type === SOURCE_QUENCH) counters.IcmpInSrcQuenchs++
    else if (type === REDIRECT) counters.IcmpInRedirects++
  }
}

/** One object per stack, filled anew for each error. */
class ErrorFacts implements IcmpError {
  source!: IpAddress
  destination!: IpAddress
  errno = 0
  fatal = false
  mtu = 0
  type = 0
  code = 0
  /** Who sent the error, and with which TTL it came. */
  from!: IpAddress
  ttl = 0
}
