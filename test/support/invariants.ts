// What must hold of every segment of a connection, whatever a test is about: watched on both directions of each flow, so that
// every exchange is also a test of these rules. RFC 9293 3.4, 3.7.1, 3.8.6; RFC 7323 2.2, 3.2.

import type { Seen } from './flow.ts'
import type { TcpFields } from './packet.ts'

/** What a SYN of the peer promised. */
interface PeerSyn {
  scale: number
  mss: number
  window: number
}

export class Invariants {
  private readonly mss: (announced: number) => number
  /** Of the peer: its shift, and the furthest right edge that it ever offered (relative to the stack's stream). */
  private peer: PeerSyn = { scale: 0, mss: 536, window: 0 }
  /** The peer's last SYN that no SYN of the stack has answered yet. */
  private pending: PeerSyn | null = null
  private peerEdge = 0
  /** Of the stack. */
  private scale = 0
  private scaled = false
  private ack = 0
  private edge = Number.NEGATIVE_INFINITY
  private tsval: number | null = null
  private tsTime = 0
  private fin = -1
  private dead = false
  /** The stack sent its SYN first. */
  private waitsForSyn = false

  /** `mss` turns what the peer announced into the most payload of one segment; a device that takes super-frames: any. */
  constructor(mss: (announced: number) => number) {
    this.mss = mss
  }

  /** The peer sends; `ack` is relative to the stack's stream. `raw`: its option bytes may say anything. */
  onSent(tcp: Pick<TcpFields, 'flags' | 'window' | 'options'>, ack: number, raw: boolean): void {
    const isSyn = tcp.flags.includes('S')
    if (isSyn) {
      const { mss, wscale } = tcp.options
      const syn = { scale: Math.min(14, wscale ?? 0), mss: mss ? Math.max(48, mss) : 536, window: tcp.window }
      if (raw) syn.mss = 65_535
      if (this.waitsForSyn) this.peer = syn
      else this.pending = syn
      this.waitsForSyn = false
    }
    if (!tcp.flags.includes('.')) return
    const shift = !isSyn && this.scaled ? this.peer.scale : 0
    this.peerEdge = Math.max(this.peerEdge, ack + tcp.window * 2 ** shift)
  }

  /** The stack sends; the first rule that is broken, '' if none is. `withTs`: timestamps are in use. */
  onSeen(seen: Seen, withTs: boolean): string {
    if (seen.flags.includes('S')) {
      this.begin(seen)
      return ''
    }
    if (seen.flags.includes('R')) {
      this.dead = true
      return ''
    }
    if (this.dead) return ''
    return this.windows(seen) || this.contents(seen, withTs)
  }

  private begin(seen: Seen): void {
    this.scale = Math.min(14, seen.options.wscale ?? 0)
    // Only when both SYNs had the option. The stack's SYN-ACK has it only if the peer's SYN had.
    this.scaled = seen.options.wscale !== undefined
    if (!this.scaled) this.scale = 0
    this.edge = Number.NEGATIVE_INFINITY
    this.tsval = seen.options.ts?.val ?? null
    this.tsTime = seen.time
    this.fin = -1
    this.dead = false
    this.ack = seen.flags.includes('.') ? seen.ack : 0
    this.peer = this.pending ?? this.peer
    this.waitsForSyn = this.pending === null
    this.pending = null
    this.peerEdge = Math.max(this.peerEdge, seen.seq + 1 + this.peer.window)
  }

  private windows(seen: Seen): string {
    if (!seen.flags.includes('.')) return 'a segment behind the handshake has no ACK flag'
    if (seen.ack < this.ack) return `the acknowledgement goes back from ${this.ack} to ${seen.ack}`
    this.ack = seen.ack
    const edge = seen.ack + seen.window * 2 ** this.scale
    // The field counts in units of the scale: less than one unit may get lost in it.
    if (edge <= this.edge - 2 ** this.scale) return `the right edge goes back from ${this.edge} to ${edge}`
    this.edge = Math.max(this.edge, edge)
    if (seen.length > 0 && seen.seq + seen.length > this.peerEdge) {
      return `data up to ${seen.seq + seen.length}, beyond the window up to ${this.peerEdge}`
    }
    return ''
  }

  private contents(seen: Seen, withTs: boolean): string {
    const room = this.mss(this.peer.mss)
    if (seen.length > room) return `a segment of ${seen.length} bytes, the peer takes ${room}`
    if (seen.urgent !== 0 && !seen.flags.includes('U')) return 'an urgent pointer without URG'
    const { ts } = seen.options
    if (withTs && !ts) return 'a segment without timestamp'
    // After half a circle of the clock nothing can be compared (RFC 7323 5.5).
    const comparable = seen.time - this.tsTime < 2 ** 31 * 1000
    if (ts && this.tsval !== null && comparable && ((ts.val - this.tsval) | 0) < 0) {
      return `TSval goes back from ${this.tsval} to ${ts.val}`
    }
    if (ts) {
      this.tsval = ts.val
      this.tsTime = seen.time
    }
    if (this.fin >= 0 && seen.length > 0 && seen.seq + seen.length > this.fin)
      return `data behind the FIN at ${this.fin}`
    if (!seen.flags.includes('F')) return ''
    const fin = seen.seq + seen.length
    if (this.fin >= 0 && fin !== this.fin) return `the FIN moves from ${this.fin} to ${fin}`
    this.fin = fin
    return ''
  }
}
