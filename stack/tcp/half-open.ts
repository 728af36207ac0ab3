// Connections that a peer has begun and not yet completed: small records instead of connections (RFC 4987 3.3), and their queue
// with the retransmissions of the SYN-ACK: 1 s, doubling, five times. Owns records and times; what is sent is the
// layer's. A queue per level of back-off, each of which is in the order of its deadlines by itself.

import { NEVER } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Path } from '../network/contract.ts'
import { ChallengeLimit } from './challenge.ts'
import { HALF_OPEN, type TableEntry } from './connection-table.ts'
import type { PeerOffer } from './establish.ts'
import type { Listener } from './listener.ts'
import { timestampAt } from './timestamps.ts'

export const SYN_ACK_RETRIES = 5
const FIRST_TIMEOUT = 1_000_000

export class HalfOpen implements TableEntry, PeerOffer {
  readonly kind = HALF_OPEN
  readonly local: IpAddress
  readonly localPort: number
  readonly remote: IpAddress
  readonly remotePort: number
  hash = 0
  nextInBucket: TableEntry | null = null
  readonly listener: Listener
  readonly path: Path
  readonly iss: number
  readonly irs: number
  mss = -1
  windowScale = -1
  sackPermitted = false
  timestamps = false
  tsVal = 0
  tsOffset = 0
  /** The window of the SYN. */
  window = 0
  /** Timeouts of the SYN-ACK, how often it left, and when it did so last. */
  retries = 0
  sent = 0
  sentAt = 0
  readonly challenge = new ChallengeLimit()
  /** A SYN-ACK waits to be sent; whether the record still counts. */
  waiting = false
  alive = true
  /** Kept by the queue. */
  dueAt = NEVER
  level = 0
  previous: HalfOpen | null = null
  next: HalfOpen | null = null

  constructor(listener: Listener, path: Path, localPort: number, remotePort: number, iss: number, irs: number) {
    this.listener = listener
    this.path = path
    this.local = path.source
    this.remote = path.destination
    this.localPort = localPort
    this.remotePort = remotePort
    this.iss = iss
    this.irs = irs
  }

  /** TSval of a segment that leaves at `now`. */
  timestampAt(now: number): number {
    return timestampAt(now, this.tsOffset)
  }

  /** What we expect next of the peer. */
  get rcvNxt(): number {
    return (this.irs + 1) | 0
  }
}

export class SynQueue {
  size = 0
  private readonly heads: (HalfOpen | null)[] = new Array(SYN_ACK_RETRIES + 1).fill(null)
  private readonly tails: (HalfOpen | null)[] = new Array(SYN_ACK_RETRIES + 1).fill(null)

  add(half: HalfOpen, now: number): void {
    this.size++
    this.append(half, 0, now)
  }

  remove(half: HalfOpen): void {
    if (half.dueAt === NEVER) return
    this.unlink(half)
    this.size--
  }

  /** When the next SYN-ACK is to be sent again or given up. */
  get deadline(): number {
    let earliest = NEVER
    for (const head of this.heads) if (head && head.dueAt < earliest) earliest = head.dueAt
    return earliest
  }

  /** A record whose time is over at `now`, moved to the next level; null when there is none. Given up: `retries` is beyond the limit and it is out. */
  expire(now: number): HalfOpen | null {
    for (const head of this.heads) {
      if (!head || head.dueAt > now) continue
      this.unlink(head)
      head.retries++
      if (head.retries > SYN_ACK_RETRIES) this.size--
      else this.append(head, head.retries, now)
      return head
    }
    return null
  }

  /** Any record, null when empty: to clear the queue. */
  first(): HalfOpen | null {
    for (const head of this.heads) if (head) return head
    return null
  }

  private append(half: HalfOpen, level: number, now: number): void {
    half.level = level
    half.dueAt = now + FIRST_TIMEOUT * 2 ** level
    half.next = null
    half.previous = this.tails[level]
    if (half.previous) half.previous.next = half
    else this.heads[level] = half
    this.tails[level] = half
  }

  private unlink(half: HalfOpen): void {
    if (half.previous) half.previous.next = half.next
    else this.heads[half.level] = half.next
    if (half.next) half.next.previous = half.previous
    else this.tails[half.level] = half.previous
    half.next = null
    half.previous = null
    half.dueAt = NEVER
  }
}
