// One TCP connection of the host as a capture has it: who opened it and when, its initial sequence numbers, what it was
// offered, and what the host's application must have done: which bytes it wrote when, when it closed, when it aborted. Fed
// with the packets of the connection in order. Places in the stream count from the SYN, which is 0.

import { ACK, FIN, RST, SYN, type TcpOptions } from '../../stack/wire/tcp.ts'
import { type Packet, payloadOf } from './packet.ts'

/** What the host's application did at a time: wrote bytes (null: the capture does not have them), closed, or aborted. */
export type Deed = Write | { time: number; kind: 'close' } | { time: number; kind: 'abort' }

export interface Write {
  time: number
  kind: 'write'
  length: number
  bytes: Uint8Array | null
}

export interface HostSyn {
  mss: number
  timestamps: boolean
  sack: boolean
  windowScaling: boolean
}

/** 32-bit sequence numbers as places from the SYN on, which may pass 4 GiB. */
export class Places {
  readonly initial: number
  /** The furthest place seen. */
  last = 0

  constructor(initial: number) {
    this.initial = initial
  }

  of(sequence: number): number {
    return this.last + ((sequence - (this.initial + this.last)) | 0)
  }

  reach(place: number): void {
    if (place > this.last) this.last = place
  }
}

export class Conversation {
  readonly id: number
  readonly remote: number
  readonly remotePort: number
  readonly localPort: number
  readonly opener: 'peer' | 'host'
  /** Microseconds since the capture began: the first SYN. */
  readonly time: number
  /** Null where the capture does not have that end's SYN. */
  host: Places | null = null
  peer: Places | null = null
  hostSyn: HostSyn | null = null
  /** The first timestamp of the host, and when. */
  hostTimestamp: { value: number; time: number } | null = null
  /** A RST answered the host's SYN, or was the host's answer to one. */
  refused = false
  established = false
  readonly deeds: Deed[] = []
  /** Payload bytes that the peer and the host sent, each counted once. */
  peerBytes = 0
  hostBytes = 0
  /** Of the host's bytes: those that the capture lacks. */
  missing = 0
  /** Where in the host's stream those are. */
  readonly gaps: [number, number][] = []
  /** Up to where the peer's bytes were recorded without a gap, and what was recorded beyond. */
  private readonly pieces: [number, number][] = []
  private whole = 1
  private written = 1
  private closed = false
  private aborted = false
  private peerFin = -1

  constructor(id: number, syn: Packet, time: number, fromHost: boolean) {
    this.id = id
    this.time = time
    this.opener = fromHost ? 'host' : 'peer'
    this.remote = fromHost ? syn.destination : syn.source
    this.remotePort = fromHost ? syn.destinationPort : syn.sourcePort
    this.localPort = fromHost ? syn.sourcePort : syn.destinationPort
  }

  /** Whether a SYN begins another connection between the same ports. */
  isAnother(syn: Packet, fromHost: boolean): boolean {
    const own = fromHost ? this.host : this.peer
    if (own !== null && own.initial === syn.sequence) return false
    // A simultaneous open: the other SYN of the same connection.
    return own !== null || this.established
  }

  take(packet: Packet, time: number, fromHost: boolean): void {
    if (fromHost) this.takeHost(packet, time)
    else this.takePeer(packet)
  }

  /** The place up to which a packet of the peer acknowledges the host's stream; 0: nowhere that can be told. */
  acknowledgedBy({ flags, acknowledgment }: Packet): number {
    if (!this.host || (flags & ACK) === 0) return 0
    const place = this.host.of(acknowledgment)
    // An answer to the host's SYN that acknowledges something else is to be heard as it is.
    return flags & SYN && place !== 1 ? 0 : Math.max(0, place)
  }

  private takePeer(packet: Packet): void {
    const { flags } = packet
    if (flags & SYN && this.peer === null) this.peer = new Places(packet.sequence)
    if (flags & RST && !this.established) this.refused = this.opener === 'host'
    if (!this.peer || flags & (SYN | RST)) return
    this.complete(packet, 'peer')
    const from = this.peer.of(packet.sequence)
    // A probe of a shut window repeats one byte, a keep-alive none: neither is further on.
    const end = from + packet.payloadLength
    const limit = this.peerFin >= 0 ? this.peerFin : end
    if (flags & FIN && this.peerFin < 0) this.peerFin = end
    this.peer.reach(Math.min(end, limit))
    this.peerBytes = Math.max(0, this.peer.last - 1)
    if (from <= this.whole) this.whole = Math.max(this.whole, Math.min(end, limit))
    else if (packet.payloadLength > 0) this.pieces.push([from, Math.min(end, limit)])
  }

  /** Payload bytes of the peer that the capture lacks, so that nobody can be fed with them. */
  get peerMissing(): number {
    let at = this.whole
    let missing = 0
    for (const [from, end] of this.pieces.sort((a, b) => a[0] - b[0])) {
      missing += Math.max(0, from - at)
      at = Math.max(at, end)
    }
    return missing
  }

  private takeHost(packet: Packet, time: number): void {
    const { flags, options } = packet
    if (flags & SYN && this.host === null) this.hostOpens(packet)
    if (options?.timestamps && this.hostTimestamp === null) this.hostTimestamp = { value: options.tsVal, time }
    if (flags & RST) {
      this.hostResets(time)
      return
    }
    if (!this.host || flags & SYN) return
    this.complete(packet, 'host')
    this.write(packet, time, this.host)
    if (flags & FIN && !this.closed) {
      this.closed = true
      this.host.reach(this.host.of(packet.sequence) + packet.payloadLength + 1)
      this.deeds.push({ time, kind: 'close' })
    }
  }

  private hostOpens(packet: Packet): void {
    this.host = new Places(packet.sequence)
    this.hostSyn = synOf(packet.options as TcpOptions)
  }

  private hostResets(time: number): void {
    if (!this.established && this.opener === 'peer' && !this.host) this.refused = true
    else if (!this.aborted) {
      this.aborted = true
      this.deeds.push({ time, kind: 'abort' })
    }
  }

  /** The opener's ACK of the other's SYN; lost, then anything from either that acknowledges both. */
  private complete(packet: Packet, from: 'host' | 'peer'): void {
    if (this.established || !this.host || !this.peer || (packet.flags & ACK) === 0) return
    const other = from === 'host' ? this.peer : this.host
    if (from === this.opener && other.of(packet.acknowledgment) >= 1) this.established = true
  }

  private write(packet: Packet, time: number, host: Places): void {
    const from = host.of(packet.sequence)
    const end = from + packet.payloadLength
    if (packet.payloadLength === 0 || end <= this.written || this.closed) return
    if (from > this.written) {
      const length = from - this.written
      this.missing += length
      this.gaps.push([this.written, from])
      this.deeds.push({ time, kind: 'write', length, bytes: null })
      this.written = from
    }
    const skip = this.written - from
    const bytes = payloadOf(packet, skip)
    this.deeds.push({ time, kind: 'write', length: bytes.length, bytes })
    this.written = end
    this.hostBytes = end - 1
    host.reach(end)
  }
}

function synOf(options: TcpOptions): HostSyn {
  const { mss, timestamps, sackPermitted, windowScale } = options
  return { mss, timestamps, sack: sackPermitted, windowScaling: windowScale >= 0 }
}

/** Who talks to which port of the host, as a key. */
export const tupleOf = (remote: number, remotePort: number, localPort: number): string =>
  `${remote}:${remotePort}:${localPort}`
