// The passive side of the handshake (RFC 9293 3.5, 3.10.7.2 and 3.10.7.4 for SYN-RECEIVED): SYNs become half-open records, their
// SYN-ACKs leave and are repeated, and a good final ACK makes a connection of the record. Owns the SYN-ACKs that wait to
// be sent. Where the queue of records is full nothing is kept: the SYN-ACK carries a cookie (RFC 4987, syn-cookie.ts).

import { EAGAIN } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { advance, after, before } from '../base/sequence.ts'
import type { Counters } from '../counters.ts'
import type { Network } from '../network/contract.ts'
import { ACK, FIN, RST, SYN } from '../wire/tcp.ts'
import { Connection } from './connection.ts'
import type { ConnectionTable } from './connection-table.ts'
import { HalfOpen, SYN_ACK_RETRIES } from './half-open.ts'
import type { Sequences } from './initial-sequence.ts'
import type { Listener } from './listener.ts'
import { MAX_UNSCALED, scaleFor } from './receive-window.ts'
import type { ReplyQueue } from './reply-queue.ts'
import type { Segment } from './segment.ts'
import { segmentArrives } from './segment-arrives.ts'
import { advertisedMss } from './segment-size.ts'
import type { SegmentWriter } from './segment-writer.ts'
import type { Services } from './services.ts'
import { COOKIE_LIFE, codedSack, codedScale, codeOptions, type SynCookies } from './syn-cookie.ts'
import type { SynPriority } from './syn-priority.ts'
import { timestampAt } from './timestamps.ts'

/** What the passive open needs of its layer. */
export interface PassiveOpenHost extends Services {
  readonly network: Network
  readonly counters: Counters
  readonly writer: SegmentWriter
  readonly table: ConnectionTable
  readonly replies: ReplyQueue
  readonly sequences: Sequences
  readonly cookies: SynCookies
  readonly priority: SynPriority
}

/**
 * Replies that may wait for the next transmit when a SYN gets a cookie without more ado; what is left of MAX_STRAYS is for those
 * that are preferred. An answer costs more than twice what it costs to take a SYN in: who is behind answers few and takes in all,
 * since among those are the segments of everybody else, which a full queue drops as it drops SYNs.
 */
const FIRST_COME = 192
const FIRST_COME_BEHIND = 64

export class PassiveOpen {
  private readonly host: PassiveOpenHost
  private readonly waiting: HalfOpen[] = []

  constructor(host: PassiveOpenHost) {
    this.host = host
  }

  /** A SYN for a listener. `iss`: the initial sequence number to take, where TIME-WAIT prescribes one. */
  onSyn(
    listener: Listener,
    local: IpAddress,
    remote: IpAddress,
    segment: Segment,
    now: number,
    iss: number | null,
  ): void {
    const { counters, network, sequences, table } = this.host
    const { synCookies } = listener.options
    // A SYN with a FIN makes no sense, and is not answered (as Linux).
    if (segment.flags & FIN) return
    // TIME-WAIT vouches for its peer, whose new connection must begin where it says (as Linux).
    const full = iss === null && (synCookies === 'always' || listener.halfOpen.size >= listener.halfOpenLimit)
    if (full) {
      if (synCookies === 'never') counters.TcpExtTCPReqQFullDrop++
      else counters.TcpExtTCPReqQFullDoCookies++
      this.warn(listener)
    }
    if (listener.isFull || (full && synCookies === 'never')) {
      if (listener.isFull) counters.TcpExtListenOverflows++
      counters.TcpExtListenDrops++
      return
    }
    if (full) {
      this.sendCookie(listener, local, remote, segment, now)
      return
    }
    const path = network.path(remote, local)
    if (typeof path === 'number') return
    const { sourcePort, destinationPort } = segment
    const sequence = sequences.sequence(local, destinationPort, remote, sourcePort, now, iss)
    const half = new HalfOpen(listener, path, destinationPort, sourcePort, sequence, segment.sequence)
    remember(half, segment, listener)
    half.tsOffset = sequences.timestampOffset(local, remote, destinationPort, sourcePort)
    table.insert(half)
    listener.addHalfOpen(half, now)
    this.answer(half)
  }

  /**
   * A segment with ACK and without SYN or RST for a listener: if it answers one of its cookies, a connection begins as if
   * there had been a record. False: it does not, and is a stray. A listener that has sent no cookie lately believes none,
   * so that nobody can try his luck.
   */
  onCookie(listener: Listener, local: IpAddress, remote: IpAddress, segment: Segment, now: number): boolean {
    const { counters, cookies, network } = this.host
    if (now - listener.cookieAt > COOKIE_LIFE) return false
    const { sourcePort, destinationPort } = segment
    const iss = advance(segment.acknowledgment, -1)
    const irs = advance(segment.sequence, -1)
    const mss = cookies.check(local, destinationPort, remote, sourcePort, irs, iss, now)
    if (mss === 0) {
      counters.TcpExtSyncookiesFailed++
      return false
    }
    counters.TcpExtSyncookiesRecv++
    const offset = this.host.sequences.timestampOffset(local, remote, destinationPort, sourcePort)
    const echo = (segment.options.tsEcr - offset) | 0
    if (!isPossibleEcho(echo, segment, listener)) return false
    const path = network.path(remote, local)
    if (typeof path === 'number') return true
    const half = new HalfOpen(listener, path, destinationPort, sourcePort, iss, irs)
    half.mss = mss
    half.tsOffset = offset
    half.window = segment.window
    if (segment.options.timestamps) {
      half.timestamps = true
      half.tsVal = segment.options.tsVal
      half.windowScale = codedScale(echo)
      half.sackPermitted = codedSack(echo)
    }
    this.complete(half, segment, now)
    return true
  }

  /** A segment for a half-open record. */
  onSegment(half: HalfOpen, segment: Segment, now: number): void {
    const { counters } = this.host
    const { flags, options } = segment
    if ((flags & (SYN | ACK | RST)) === SYN && segment.sequence === half.irs) {
      this.answer(half)
      return
    }
    const reset = (flags & RST) !== 0
    const old = half.timestamps && options.timestamps && before(options.tsVal, half.tsVal)
    if (!isInWindow(half, segment) || (old && !reset)) {
      if (old) counters.TcpExtPAWSEstab++
      if (!reset) this.challenge(half, now)
      return
    }
    if (reset) {
      if (segment.sequence === half.rcvNxt) this.refuse(half)
      else this.challenge(half, now)
      return
    }
    if (flags & SYN) {
      this.challenge(half, now)
      return
    }
    if ((flags & ACK) === 0) return
    if (segment.acknowledgment !== advance(half.iss, 1)) {
      this.sendReset(half, segment.acknowledgment)
      return
    }
    this.complete(half, segment, now)
  }

  /** An ICMP error quotes our SYN-ACK: nobody will complete this. */
  onUnreachable(half: HalfOpen): void {
    this.host.counters.TcpAttemptFails++
    this.drop(half)
  }

  /** SYN-ACKs whose time is over go again, or are given up. */
  onTimeout(listener: Listener, now: number): void {
    const { counters, table } = this.host
    for (let half = listener.halfOpen.expire(now); half !== null; half = listener.halfOpen.expire(now)) {
      counters.TcpExtTCPTimeouts++
      if (half.retries > SYN_ACK_RETRIES) {
        counters.TcpAttemptFails++
        half.alive = false
        table.remove(half)
      } else {
        this.answer(half)
      }
    }
  }

  /** The listener closes: its half-open records are reset. */
  closeAll(listener: Listener): void {
    for (let half = listener.halfOpen.first(); half !== null; half = listener.halfOpen.first()) {
      if (half.sent > 0) this.sendResetAck(half)
      this.drop(half)
    }
  }

  /** Sends the SYN-ACKs that wait. True when a device refused and some are left. */
  transmit(now: number): boolean {
    const { waiting } = this
    let sent = 0
    while (sent < waiting.length && (!waiting[sent].alive || this.sendSynAck(waiting[sent], now))) sent++
    if (sent === waiting.length) waiting.length = 0
    else waiting.splice(0, sent)
    return waiting.length > 0
  }

  /** A SYN-ACK that stands for the record that is not kept. Without timestamps there is no place for the other options. */
  private sendCookie(listener: Listener, local: IpAddress, remote: IpAddress, segment: Segment, now: number): void {
    const { counters, cookies, replies, sequences } = this.host
    const { sourcePort, destinationPort, options: offer } = segment
    const { options } = listener
    const admitted = this.admits(remote, segment, now)
    const reply = admitted ? replies.addStray(local, destinationPort, remote, sourcePort) : null
    if (!reply) {
      counters.TcpPagewireSynPutOff++
      counters.TcpExtListenDrops++
      return
    }
    listener.cookieAt = now
    counters.TcpExtSyncookiesSent++
    reply.flags = SYN | ACK
    reply.sequence = cookies.make(local, destinationPort, remote, sourcePort, segment.sequence, offer.mss, now)
    reply.ack = advance(segment.sequence, 1)
    reply.window = Math.min(options.receiveBuffer, MAX_UNSCALED)
    reply.listener = options
    reply.timestamps = options.timestamps && offer.timestamps
    const scale = reply.timestamps && options.windowScaling ? offer.windowScale : -1
    reply.windowScale = scale >= 0 ? scaleFor(options.receiveBuffer) : -1
    reply.sackPermitted = reply.timestamps && options.sack && offer.sackPermitted
    reply.ttl = options.ttl
    reply.trafficClass = options.trafficClass
    if (!reply.timestamps) return
    const offset = sequences.timestampOffset(local, remote, destinationPort, sourcePort)
    reply.tsVal = (codeOptions(timestampAt(now, 0), scale, reply.sackPermitted) + offset) | 0
    reply.tsEcr = offer.tsVal
  }

  /** Whether a SYN gets a cookie now; where there are too many of them only those that are preferred do. */
  private admits(remote: IpAddress, segment: Segment, now: number): boolean {
    const { context, counters, priority, replies } = this.host
    if (replies.size < (context.behind ? FIRST_COME_BEHIND : FIRST_COME)) return true
    const ports = (segment.destinationPort << 16) | segment.sourcePort
    if (!priority.favours(remote, ports, segment.sequence, now)) return false
    counters.TcpPagewireSynPreferred++
    return true
  }

  /** Said once for each listener, as Linux does. */
  private warn(listener: Listener): void {
    const { synCookies } = listener.options
    if (listener.toldOfFlood || synCookies === 'always') return
    listener.toldOfFlood = true
    const deed = synCookies === 'auto' ? 'sending cookies' : 'dropping SYNs'
    const text = `port ${listener.localPort}: more connections are begun than completed, perhaps a SYN flood: ${deed}`
    this.host.context.environment.log('warn', text)
  }

  private answer(half: HalfOpen): void {
    if (half.waiting) return
    half.waiting = true
    this.waiting.push(half)
  }

  /** False: refused, try again. */
  private sendSynAck(half: HalfOpen, now: number): boolean {
    const { writer, counters } = this.host
    const { listener, path } = half
    const frame = writer.open(path)
    if (!frame) return false
    const { options } = listener
    writer.options.clear()
    writer.options.mss = advertisedMss(path.mtu, path.networkHeaderLength, options.maxSegment)
    writer.options.sackPermitted = half.sackPermitted
    writer.options.windowScale = half.windowScale >= 0 ? scaleFor(options.receiveBuffer) : -1
    writer.options.timestamps = half.timestamps
    writer.options.tsVal = half.timestampAt(now)
    writer.options.tsEcr = half.tsVal
    const window = Math.min(options.receiveBuffer, MAX_UNSCALED)
    writer.set(half.localPort, half.remotePort, half.iss, half.rcvNxt, SYN | ACK, window)
    if (writer.transmit(frame, path, 1, options) === -EAGAIN) return false
    half.waiting = false
    half.sent++
    half.sentAt = now
    if (half.sent > 1) {
      counters.TcpRetransSegs++
      counters.TcpExtTCPSynRetrans++
    }
    return true
  }

  /** The final ACK came: the record becomes a connection, unless the accept queue is full; then the SYN-ACK is repeated. */
  private complete(half: HalfOpen, segment: Segment, now: number): void {
    const { counters, table } = this.host
    const { listener } = half
    if (listener.isFull) {
      counters.TcpExtListenOverflows++
      counters.TcpExtListenDrops++
      return
    }
    this.drop(half)
    this.host.priority.prove(half.remote)
    const { options } = listener
    const connection = new Connection(this.host, half.path, half.localPort, half.remotePort, options, half.tsOffset)
    connection.adopt(half, listener, now)
    table.insert(connection)
    counters.TcpPassiveOpens++
    segmentArrives(connection, segment, now)
  }

  private refuse(half: HalfOpen): void {
    const { counters } = this.host
    counters.TcpAttemptFails++
    counters.TcpExtEmbryonicRsts++
    this.drop(half)
  }

  private drop(half: HalfOpen): void {
    half.alive = false
    this.host.table.remove(half)
    half.listener.halfOpen.remove(half)
  }

  /** RFC 5961: an ACK that asks the peer to prove what it said. */
  private challenge(half: HalfOpen, now: number): void {
    const { counters, replies } = this.host
    if (!half.challenge.allow(now)) {
      counters.TcpExtTCPACKSkippedChallenge++
      return
    }
    const reply = replies.addStray(half.local, half.localPort, half.remote, half.remotePort)
    if (!reply) return
    counters.TcpExtTCPChallengeACK++
    reply.path = half.path
    reply.flags = ACK
    reply.sequence = advance(half.iss, 1)
    reply.ack = half.rcvNxt
    reply.window = Math.min(half.listener.options.receiveBuffer, MAX_UNSCALED)
    reply.timestamps = half.timestamps
    reply.tsOffset = half.tsOffset
    reply.tsEcr = half.tsVal
  }

  private sendReset(half: HalfOpen, sequence: number): void {
    const reply = this.host.replies.addStray(half.local, half.localPort, half.remote, half.remotePort)
    if (!reply) return
    reply.path = half.path
    reply.flags = RST
    reply.sequence = sequence
    reply.ack = 0
  }

  private sendResetAck(half: HalfOpen): void {
    const reply = this.host.replies.add(half.local, half.localPort, half.remote, half.remotePort)
    reply.path = half.path
    reply.flags = RST | ACK
    reply.sequence = advance(half.iss, 1)
    reply.ack = half.rcvNxt
  }
}

/** What the SYN offered and we take; the rest is as if it had not been offered. */
function remember(half: HalfOpen, segment: Segment, listener: Listener): void {
  const offer = segment.options
  const { options } = listener
  half.mss = offer.mss
  half.windowScale = options.windowScaling ? offer.windowScale : -1
  half.sackPermitted = options.sack && offer.sackPermitted
  half.timestamps = options.timestamps && offer.timestamps
  half.tsVal = offer.tsVal
  half.window = segment.window
}

/** Whether what the echo says of options can have been said: what this listener never agrees to cannot. */
function isPossibleEcho(echo: number, segment: Segment, listener: Listener): boolean {
  if (!segment.options.timestamps) return true
  const { timestamps, sack, windowScaling } = listener.options
  return timestamps && (sack || !codedSack(echo)) && (windowScaling || codedScale(echo) < 0)
}

function isInWindow(half: HalfOpen, segment: Segment): boolean {
  const edge = advance(half.rcvNxt, Math.min(half.listener.options.receiveBuffer, MAX_UNSCALED))
  return !before(segment.end, half.rcvNxt) && !after(segment.sequence, edge)
}
