// TIME-WAIT (RFC 9293 3.6.1, RFC 1337, RFC 6191): what remains of a closed connection for 60 s, in small records; what a
// segment means to one of them. Owns the records in the order of their expiry; the layer answers and removes.

import { NEVER } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { after, before, notBefore } from '../base/sequence.ts'
import { ACK, FIN, RST, SYN } from '../wire/tcp.ts'
import { type TableEntry, TIME_WAIT } from './connection-table.ts'
import type { Segment } from './segment.ts'

export const TIME_WAIT_LENGTH = 60_000_000
/** The most records; beyond it the oldest goes. */
export const MAX_TIME_WAITS = 65536

/** What a segment means to a record. */
export const TW_NOTHING = 0
/** Answer with an ACK. */
export const TW_ACK = 1
/** A new connection may take the place (RFC 6191). */
export const TW_REUSE = 2

export class TimeWait implements TableEntry {
  readonly kind = TIME_WAIT
  readonly local: IpAddress
  readonly localPort: number
  readonly remote: IpAddress
  readonly remotePort: number
  hash = 0
  nextInBucket: TableEntry | null = null
  sndNxt = 0
  rcvNxt = 0
  /** The field of the window as it was last advertised. */
  window = 0
  timestamps = false
  tsRecent = 0
  tsOffset = 0
  expiresAt = NEVER
  previous: TimeWait | null = null
  next: TimeWait | null = null

  constructor(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number) {
    this.local = local
    this.localPort = localPort
    this.remote = remote
    this.remotePort = remotePort
  }

  /** RFC 9293 3.10.7.4 for this state. The time starts anew where the caller is told to answer. */
  judge(segment: Segment): number {
    const { flags, sequence, options } = segment
    // RFC 1337: a reset must not cut TIME-WAIT short.
    if (flags & RST) return TW_NOTHING
    const stamped = this.timestamps && options.timestamps
    const old = stamped && before(options.tsVal, this.tsRecent)
    if ((flags & SYN) !== 0 && (flags & ACK) === 0 && !old) {
      // RFC 6191: a later timestamp, or else a later sequence number, tells a new incarnation.
      if (after(sequence, this.rcvNxt) || (stamped && after(options.tsVal, this.tsRecent))) return TW_REUSE
    }
    if ((flags & (ACK | SYN)) === 0 && !before(sequence, this.rcvNxt)) return TW_NOTHING
    if (!old && segment.length === 0 && sequence === this.rcvNxt) {
      if (stamped) this.tsRecent = options.tsVal
      return TW_NOTHING
    }
    if (!old && stamped && (flags & FIN) !== 0 && notBefore(this.rcvNxt, sequence)) this.tsRecent = options.tsVal
    return TW_ACK
  }
}

/** Records in the order in which they expire: all live equally long. */
export class TimeWaits {
  size = 0
  private head: TimeWait | null = null
  private tail: TimeWait | null = null

  /** The record whose time is over first. */
  get oldest(): TimeWait | null {
    return this.head
  }

  get deadline(): number {
    return this.head ? this.head.expiresAt : NEVER
  }

  add(record: TimeWait, now: number): void {
    this.size++
    this.append(record, now)
  }

  /** The time starts anew. */
  restart(record: TimeWait, now: number): void {
    this.unlink(record)
    this.append(record, now)
  }

  remove(record: TimeWait): void {
    if (record.expiresAt === NEVER) return
    this.unlink(record)
    this.size--
  }

  private append(record: TimeWait, now: number): void {
    record.expiresAt = now + TIME_WAIT_LENGTH
    record.next = null
    record.previous = this.tail
    if (this.tail) this.tail.next = record
    else this.head = record
    this.tail = record
  }

  private unlink(record: TimeWait): void {
    if (record.previous) record.previous.next = record.next
    else this.head = record.next
    if (record.next) record.next.previous = record.previous
    else this.tail = record.previous
    record.previous = null
    record.next = null
    record.expiresAt = NEVER
  }
}
