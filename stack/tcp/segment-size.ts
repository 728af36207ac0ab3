// How large a segment may be (RFC 9293 3.7.1, RFC 6691): what the peer said, what the path carries, what the application
// allows; and how large a super-frame of them. Owns the limits. Sizes are payload with the options of the header still to be subtracted.

import { notBefore } from '../base/sequence.ts'
import { MAX_PACKET } from '../buffer/frame.ts'

/** RFC 9293 3.7.1: the peer said nothing (or 0). IPv4 and IPv6 differ; Linux takes the smaller for both. */
export const DEFAULT_MSS = 536
/** A smaller one would leave nothing beside 40 bytes of options (Linux's tcp_min_snd_mss). */
export const MIN_MSS = 48
const TCP_HEADER = 20

/** The MSS option of a SYN over a path with this MTU and network header; `limit`: TCP_MAXSEG, 0: none. */
export function advertisedMss(mtu: number, networkHeader: number, limit: number): number {
  const path = mtu - networkHeader - TCP_HEADER
  return limit > 0 ? Math.min(path, limit) : path
}

/** What is known of super-frames above MAX_PACKET on this connection. */
const UNTRIED = 0
const TRIED = 1
const PROVEN = 2
const REFUSED = 3

export class SegmentSize {
  /** The peer's MSS option as taken. */
  peer = DEFAULT_MSS
  /** Path MTU less the headers without options. */
  private path = DEFAULT_MSS
  private limit = 0
  private large = UNTRIED
  private largeEnd = 0
  /** The largest payload of a segment without options. */
  mss = DEFAULT_MSS

  /** What the option of a SYN said; -1: it was absent. */
  onOption(value: number): void {
    this.peer = value <= 0 ? DEFAULT_MSS : value
    this.compute()
  }

  /** The path's MTU and the length of its network header. True if the segments' size changed. */
  onPath(mtu: number, networkHeader: number): boolean {
    const before = this.mss
    this.path = mtu - networkHeader - TCP_HEADER
    this.compute()
    return this.mss !== before
  }

  /** TCP_MAXSEG, 0: none. */
  setLimit(limit: number): void {
    this.limit = limit
    this.compute()
  }

  /** What our SYN says. */
  get advertised(): number {
    return this.limit > 0 ? Math.min(this.path, this.limit) : this.path
  }

  /**
   * The largest IP packet of a super-frame, bytes. A device may take one above MAX_PACKET and what stands behind it be unable to
   * read it; nobody would tell. So the first of them is watched: if it is lost, no other is sent.
   */
  superFrame(device: number): number {
    return this.large === REFUSED ? Math.min(device, MAX_PACKET) : device
  }

  /** A super-frame whose packet has so many bytes and whose payload ends at `end` has left for the first time. */
  onSuperFrame(bytes: number, end: number): void {
    if (bytes <= MAX_PACKET || this.large !== UNTRIED) return
    this.large = TRIED
    this.largeEnd = end
  }

  /** All before `ack` has arrived. */
  onAcknowledged(ack: number): void {
    if (this.large === TRIED && notBefore(ack, this.largeEnd)) this.large = PROVEN
  }

  /** Something was lost. True if it may have been the size: from now on nothing is above MAX_PACKET. */
  onLoss(): boolean {
    if (this.large !== TRIED) return false
    this.large = REFUSED
    return true
  }

  /** Nothing came back for an RTO: the way may be another one now. What was proven is tried again. */
  onTimeout(): boolean {
    const lost = this.onLoss()
    if (this.large === PROVEN) this.large = UNTRIED
    return lost
  }

  private compute(): void {
    const own = this.limit > 0 ? Math.min(this.path, this.limit) : this.path
    this.mss = Math.max(Math.min(this.peer, own), MIN_MSS)
  }
}
