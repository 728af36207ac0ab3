// Whose segment is it: checks what must hold for any segment, finds the connection, half-open record, TIME-WAIT record or
// listener it is for, and answers strays with a RST (RFC 9293 3.5.2, 3.10.7.1). ICMP errors find their connection here too.
// Keeps nothing of a segment.

import { EMSGSIZE } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { before, notBefore } from '../base/sequence.ts'
import { CHECKSUM_BAD, CHECKSUM_NONE, type Frame } from '../buffer/frame.ts'
import type { Counters } from '../counters.ts'
import type { IcmpError, Network, ReceivedPacket } from '../network/contract.ts'
import { ACK, DESTINATION_PORT, RST, SEQUENCE, SOURCE_PORT, SYN } from '../wire/tcp.ts'
import type { Connection } from './connection.ts'
import { CONNECTION, type ConnectionTable, HALF_OPEN, TIME_WAIT } from './connection-table.ts'
import type { HalfOpen } from './half-open.ts'
import type { Listeners } from './listeners.ts'
import type { PassiveOpen } from './passive-open.ts'
import type { ReplyQueue } from './reply-queue.ts'
import { Segment } from './segment.ts'
import { segmentArrives } from './segment-arrives.ts'
import type { TimeWait } from './time-wait.ts'
import type { TimeWaitKeeper } from './time-wait-keeper.ts'
import { isChecksumGood } from './verify-checksum.ts'

export interface DemultiplexerParts {
  readonly counters: Counters
  readonly network: Network
  readonly table: ConnectionTable
  readonly listeners: Listeners
  readonly passive: PassiveOpen
  readonly timeWaits: TimeWaitKeeper
  readonly replies: ReplyQueue
}

export class Demultiplexer {
  private readonly parts: DemultiplexerParts
  private readonly segment = new Segment()

  constructor(parts: DemultiplexerParts) {
    this.parts = parts
  }

  /** The frame stays the caller's. */
  onPacket(frame: Frame, packet: ReceivedPacket, now: number): void {
    const { counters, table } = this.parts
    const { segment } = this
    counters.TcpInSegs += frame.segments
    // RFC 9293 3.10.7.2 and RFC 1122 4.2.3.10: never to or from a group.
    if (packet.group || packet.source.isMulticast || packet.source.isUnspecified) return
    if (frame.checksum === CHECKSUM_BAD || (frame.checksum === CHECKSUM_NONE && !isChecksumGood(frame, packet))) {
      counters.TcpInCsumErrors++
      counters.TcpInErrs++
      return
    }
    if (!segment.read(frame, packet.transportLength)) {
      counters.TcpInErrs++
      return
    }
    const { source, destination } = packet
    const entry = table.find(destination, segment.destinationPort, source, segment.sourcePort)
    if (entry === null) this.onUnknown(destination, source, now, null)
    else if (entry.kind === CONNECTION) segmentArrives(entry as Connection, segment, now)
    else if (entry.kind === HALF_OPEN) this.parts.passive.onSegment(entry as HalfOpen, segment, now)
    else this.onTimeWait(entry as TimeWait, now)
  }

  /** An error quotes a segment of ours: `view` at `at`, of which `available` bytes came. */
  onIcmpError(error: IcmpError, view: DataView, at: number, available: number, now: number): void {
    if (available < 8) return
    const { table, counters, passive } = this.parts
    const localPort = view.getUint16(at + SOURCE_PORT)
    const entry = table.find(error.source, localPort, error.destination, view.getUint16(at + DESTINATION_PORT))
    if (entry === null) {
      counters.IcmpInErrors++
      return
    }
    if (entry.kind === TIME_WAIT) return
    const sequence = view.getInt32(at + SEQUENCE)
    if (entry.kind === HALF_OPEN) {
      const half = entry as HalfOpen
      if (sequence !== half.iss) counters.TcpExtOutOfWindowIcmps++
      else if (error.errno !== EMSGSIZE) passive.onUnreachable(half)
      else this.parts.network.updatePathMtu(error.destination, error.mtu, now)
      return
    }
    const connection = entry as Connection
    // RFC 5927 4.1: only what is in flight can have met an error.
    if (before(sequence, connection.sendWindow.sndUna) || notBefore(sequence, connection.sendWindow.sndNxt)) {
      counters.TcpExtOutOfWindowIcmps++
      return
    }
    if (error.errno === EMSGSIZE) connection.onPacketTooBig(error.mtu, now)
    else connection.onNetworkError(error.errno, now)
  }

  private onTimeWait(record: TimeWait, now: number): void {
    const iss = this.parts.timeWaits.onSegment(record, this.segment, now)
    if (iss !== null) this.onUnknown(record.local, record.remote, now, iss)
  }

  /** No connection: a listener takes a SYN or the answer to its cookie, everything else is a stray. */
  private onUnknown(local: IpAddress, remote: IpAddress, now: number, iss: number | null): void {
    const { segment } = this
    const { flags } = segment
    if (flags & RST) return
    // "Land": a segment from its own destination would make us talk to ourselves.
    const land = segment.sourcePort === segment.destinationPort && local.equals(remote)
    if (land) return
    const listener = this.parts.listeners.find(local, segment.destinationPort)
    if ((flags & ACK) === 0) {
      if (listener === null) this.resetStray(local, remote)
      else if (flags & SYN) this.parts.passive.onSyn(listener, local, remote, segment, now, iss)
      return
    }
    const mayBeCookie = listener !== null && (flags & SYN) === 0
    if (!mayBeCookie || !this.parts.passive.onCookie(listener, local, remote, segment, now)) {
      this.resetStray(local, remote)
    }
  }

  /** RFC 9293 3.10.7.1. */
  private resetStray(local: IpAddress, remote: IpAddress): void {
    const { segment } = this
    const reply = this.parts.replies.addStray(local, segment.destinationPort, remote, segment.sourcePort)
    if (!reply) return
    const acknowledges = (segment.flags & ACK) !== 0
    reply.flags = acknowledges ? RST : RST | ACK
    reply.sequence = acknowledges ? segment.acknowledgment : 0
    reply.ack = acknowledges ? 0 : segment.end
  }
}
