// ICMP errors that we send (RFC 1122 3.2.2): when one may be sent at all, how often, and what it quotes.

import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { complement, sum } from '../wire/checksum.ts'
import { DESTINATION_UNREACHABLE, emit, HEADER, icmpv4Header } from '../wire/icmpv4.ts'
import { PROTOCOL_ICMP, type ReceivedPacket } from './contract.ts'
import { copyOut } from './frame-bytes.ts'
import { IcmpRateLimit } from './icmp-rate-limit.ts'
import type { PathCache } from './path-cache.ts'

/** The whole error is at most this long (RFC 1812 4.3.2.3): its own two headers and the start of the packet. */
const LARGEST = 576
const QUOTE = LARGEST - 20 - HEADER
/** DSCP CS6: Linux sends errors as internetwork control. */
const TRAFFIC_CLASS = 0xc0

export class Icmpv4Errors {
  private readonly context: StackContext
  private readonly paths: PathCache
  private readonly limit: IcmpRateLimit
  private readonly header = icmpv4Header()
  private readonly options = { ttl: 64, trafficClass: TRAFFIC_CLASS, mayFragment: true }

  constructor(context: StackContext, paths: PathCache) {
    this.context = context
    this.paths = paths
    this.limit = new IcmpRateLimit(context)
  }

  /**
   * Answers a received packet with "destination unreachable" and `code`. The frame stays the caller's. Nothing is sent
   * about broadcasts and multicasts (RFC 1122 3.2.2), nor beyond the limit. Fragments and ICMP messages never come
   * here.
   */
  sendUnreachable(code: number, frame: Frame, packet: ReceivedPacket, now: number): void {
    const { counters } = this.context
    if (packet.group || packet.source.isUnspecified) return
    if (!this.limit.allows(packet.source, now)) return
    const path = this.paths.get(packet.source, packet.destination)
    const answer = typeof path === 'number' ? null : this.build(code, frame, path.headroom)
    if (answer === null || typeof path === 'number') {
      counters.IcmpOutErrors++
      return
    }
    if (path.transmit(answer, PROTOCOL_ICMP, this.options) < 0) {
      answer.release()
      counters.IcmpOutErrors++
      return
    }
    counters.IcmpOutMsgs++
    counters.IcmpOutDestUnreachs++
  }

  private build(code: number, about: Frame, headroom: number): Frame | null {
    const page = this.context.pages.allocate()
    if (!page) return null
    const answer = this.context.frames.wrap(page, headroom, headroom)
    const quoted = Math.min(about.length - about.networkOffset, QUOTE)
    if (!copyOut(about, about.networkOffset, quoted, page.bytes, headroom + HEADER)) {
      answer.release()
      return null
    }
    answer.end = headroom + HEADER + quoted
    const { header } = this
    header.type = DESTINATION_UNREACHABLE
    header.code = code
    header.checksum = 0
    emit(header, page.view, headroom)
    header.checksum = complement(sum(page.view, headroom, answer.end))
    emit(header, page.view, headroom)
    return answer
  }
}
