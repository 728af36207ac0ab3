// Segments without a connection that wait for the next transmit: resets of strays, SYN-ACKs with a cookie, the last ACK of
// TIME-WAIT, the last word of an aborted connection. Owns the records, which are used again; those for strays are bounded, so that a flood of them
// costs nothing but itself.

import { EAGAIN } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Network, Path } from '../network/contract.ts'
import type { TcpOptions } from './contract.ts'
import { advertisedMss } from './segment-size.ts'
import type { SegmentWriter } from './segment-writer.ts'
import { timestampAt } from './timestamps.ts'

/** The most answers to strays between two polls. */
export const MAX_STRAYS = 256

export interface Reply {
  /** Null: looked up when the reply leaves. */
  path: Path | null
  local: IpAddress
  localPort: number
  remote: IpAddress
  remotePort: number
  sequence: number
  ack: number
  flags: number
  window: number
  timestamps: boolean
  tsOffset: number
  tsEcr: number
  /** The options of a listener whose SYN-ACK this is, with the three that follow; null for all other segments. */
  listener: Readonly<TcpOptions> | null
  windowScale: number
  sackPermitted: boolean
  /** In the place of the clock's value. */
  tsVal: number
  ttl: number
  trafficClass: number
}

export class ReplyQueue {
  private readonly records: Reply[] = []
  private count = 0
  private readonly network: Network
  private readonly writer: SegmentWriter

  constructor(network: Network, writer: SegmentWriter) {
    this.network = network
    this.writer = writer
  }

  get size(): number {
    return this.count
  }

  /** A record to be filled; its options are cleared. */
  add(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): Reply {
    let reply = this.records[this.count]
    if (!reply) {
      reply = blank(local, remote)
      this.records.push(reply)
    }
    this.count++
    reply.path = null
    reply.local = local
    reply.localPort = localPort
    reply.remote = remote
    reply.remotePort = remotePort
    reply.window = 0
    reply.timestamps = false
    reply.listener = null
    reply.ttl = 64
    reply.trafficClass = 0
    return reply
  }

  /** As `add` for an answer to a stray; null when there are too many. */
  addStray(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): Reply | null {
    return this.count < MAX_STRAYS ? this.add(local, localPort, remote, remotePort) : null
  }

  /** Sends what it can. True when a device refused and some are left. */
  transmit(now: number): boolean {
    let sent = 0
    while (sent < this.count && this.send(this.records[sent], now)) sent++
    if (sent === 0) return this.count > 0
    const left = this.count - sent
    for (let i = 0; i < left; i++) {
      const done = this.records[i]
      this.records[i] = this.records[i + sent]
      this.records[i + sent] = done
    }
    this.count = left
    return left > 0
  }

  /** False: refused, try again. Any other error drops the reply. */
  private send(reply: Reply, now: number): boolean {
    const path = reply.path ?? this.network.replyPath(reply.remote, reply.local)
    if (typeof path === 'number') return true
    const { writer } = this
    const frame = writer.open(path)
    if (!frame) return false
    writer.options.clear()
    if (reply.timestamps) {
      writer.options.timestamps = true
      writer.options.tsVal = timestampAt(now, reply.tsOffset)
      writer.options.tsEcr = reply.tsEcr
    }
    const { listener } = reply
    if (listener) {
      writer.options.mss = advertisedMss(path.mtu, path.networkHeaderLength, listener.maxSegment)
      writer.options.windowScale = reply.windowScale
      writer.options.sackPermitted = reply.sackPermitted
      writer.options.tsVal = reply.tsVal
    }
    writer.set(reply.localPort, reply.remotePort, reply.sequence, reply.ack, reply.flags, reply.window)
    if (writer.transmit(frame, path, 1, reply) === -EAGAIN) return false
    reply.path = null
    reply.listener = null
    return true
  }
}

function blank(local: IpAddress, remote: IpAddress): Reply {
  return {
    path: null,
    local,
    localPort: 0,
    remote,
    remotePort: 0,
    sequence: 0,
    ack: 0,
    flags: 0,
    window: 0,
    timestamps: false,
    tsOffset: 0,
    tsEcr: 0,
    listener: null,
    windowScale: -1,
    sackPermitted: false,
    tsVal: 0,
    ttl: 64,
    trafficClass: 0,
  }
}
