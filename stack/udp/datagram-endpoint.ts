// One UDP endpoint: its addresses, its peer, its queue and its pending error. Calls are non-blocking; callbacks come
// from the layer's dispatch only.

import { EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EBADFD, EDESTADDRREQ, EINVAL, EMSGSIZE } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { ERROR, READABLE, WRITABLE } from '../base/readiness.ts'
import { type Frame, type FrameOwner, HEADER_PAGE } from '../buffer/frame.ts'
import { type Path, PROTOCOL_UDP } from '../network/contract.ts'
import { CHECKSUM, emit, HEADER, udpHeader } from '../wire/udp.ts'
import type { UdpDatagram, UdpEndpoint } from './contract.ts'
import { DatagramQueue } from './datagram-queue.ts'
import type { UdpLayer } from './udp-layer.ts'

/** The largest payload of an IPv4 datagram. */
const LARGEST = 65507
/** Linux's net.core.rmem_default. */
const RECEIVE_BUFFER = 212_992

export class DatagramEndpoint implements UdpEndpoint, FrameOwner {
  localAddress: IpAddress | null = null
  localPort = 0
  remoteAddress: IpAddress | null = null
  remotePort = 0
  onReadiness: ((events: number) => void) | null = null
  readonly queue: DatagramQueue
  private readonly layer: UdpLayer
  private readonly header = udpHeader()
  private readonly options = { ttl: 64, trafficClass: 0 }
  /** The address given to `bind`: what a connected endpoint goes back to. */
  private boundAddress: IpAddress | null = null
  private path: Path | null = null
  private broadcast = false
  private error = 0
  /** A datagram was refused for want of room, and WRITABLE is owed. */
  private blocked = false
  private closed = false
  /** Bits that the next dispatch tells. */
  private raised = 0

  constructor(layer: UdpLayer) {
    this.layer = layer
    this.queue = new DatagramQueue(layer.context.pages, RECEIVE_BUFFER)
  }

  readiness(): number {
    if (this.closed) return 0
    const error = this.error !== 0 ? ERROR : 0
    return (this.queue.count > 0 || error ? READABLE : 0) | (this.blocked ? 0 : WRITABLE) | error
  }

  get receiveQueued(): number {
    return this.queue.bytes
  }

  takeError(): number {
    const { error } = this
    this.error = 0
    return error
  }

  bind(address: IpAddress | null, port: number): number {
    if (this.closed) return -EBADFD
    if (this.localPort !== 0 || !Number.isInteger(port) || port < 0 || port > 0xffff) return -EINVAL
    const local = address?.isUnspecified ? null : address
    if (local && !this.layer.network.isLocal(local)) return -EADDRNOTAVAIL
    if (port !== 0 && this.layer.ports.isTaken(local, port)) return -EADDRINUSE
    const free = port === 0 ? this.layer.ports.ephemeral(local) : port
    if (free < 0) return -EADDRINUSE
    this.localAddress = local
    this.boundAddress = local
    this.localPort = free
    this.layer.ports.add(this)
    return 0
  }

  connect(address: IpAddress, port: number): number {
    if (this.closed) return -EBADFD
    if (!Number.isInteger(port) || port < 1 || port > 0xffff) return -EINVAL
    const path = this.layer.network.path(address, this.boundAddress, { broadcast: this.broadcast })
    if (typeof path === 'number') return path
    const errno = this.localPort === 0 ? this.bind(null, 0) : 0
    if (errno < 0) return errno
    this.path = path
    this.localAddress = path.source
    this.remoteAddress = path.destination
    this.remotePort = port
    return 0
  }

  disconnect(): void {
    this.path = null
    this.localAddress = this.boundAddress
    this.remoteAddress = null
    this.remotePort = 0
  }

  send(bytes: Uint8Array, address?: IpAddress | null, port?: number): number {
    if (this.closed) return -EBADFD
    if (this.error !== 0) return -this.takeError()
    if (bytes.length > LARGEST) return -EMSGSIZE
    const toPort = port ?? this.remotePort
    if (!address && this.path === null) return -EDESTADDRREQ
    if (!Number.isInteger(toPort) || toPort < 1 || toPort > 0xffff) return -EINVAL
    const path = address ? this.layer.path(address, this.localAddress, this.broadcast) : this.path
    if (path === null || typeof path === 'number') return path ?? -EDESTADDRREQ
    if (this.localPort === 0) {
      const errno = this.bind(null, 0)
      if (errno < 0) return errno
    }
    return this.transmit(path, bytes, toPort)
  }

  private transmit(path: Path, bytes: Uint8Array, toPort: number): number {
    const { counters } = this.layer.context
    if (bytes.length + HEADER + path.networkHeaderLength > path.mtu) return -EMSGSIZE
    const frame = this.build(path, bytes, toPort)
    const result = frame === null ? -EAGAIN : path.transmit(frame, PROTOCOL_UDP, this.options)
    if (result === 0) {
      counters.UdpOutDatagrams++
      this.layer.context.requestPoll()
      return bytes.length
    }
    frame?.release()
    if (result === -EAGAIN) {
      counters.UdpSndbufErrors++
      this.blocked = true
      this.layer.addWaiter(this, frame === null)
    } else if (path !== this.path) {
      this.layer.forgetPaths()
    }
    return result
  }

  private build(path: Path, bytes: Uint8Array, toPort: number): Frame | null {
    const frame = this.layer.network.frame(path)
    if (frame === null) return null
    const { start, head } = frame
    frame.end = start + HEADER
    if (frame.end + bytes.length <= HEADER_PAGE) {
      head.bytes.set(bytes, frame.end)
      frame.end += bytes.length
    } else {
      const { filler } = this.layer
      const page = filler.take(bytes.length)
      if (page === null) {
        frame.release()
        return null
      }
      page.bytes.set(bytes, filler.offset)
      frame.addRef(page, filler.offset, bytes.length)
    }
    const { header } = this
    header.sourcePort = this.localPort
    header.destinationPort = toPort
    header.length = HEADER + bytes.length
    // A finished sum of zero becomes 0xffff (RFC 768): that is up to whoever finishes it, the card.
    header.checksum = path.pseudoHeaderSum(PROTOCOL_UDP, header.length)
    emit(header, head.view, start)
    frame.csumStart = 0
    frame.csumOffset = CHECKSUM
    frame.owner = this
    return frame
  }

  receive(out: UdpDatagram): number {
    if (this.closed) return -EBADFD
    if (this.error !== 0) return -this.takeError()
    const length = this.queue.shift(out)
    if (length >= 0) this.layer.context.counters.UdpInDatagrams++
    return length
  }

  setOption(name: 'broadcast' | 'receiveBuffer' | 'ttl' | 'trafficClass', value: boolean | number): number {
    if (name === 'broadcast') {
      if (typeof value !== 'boolean') return -EINVAL
      this.broadcast = value
      return 0
    }
    if (typeof value !== 'number' || !Number.isInteger(value)) return -EINVAL
    if (name === 'receiveBuffer') {
      if (value < 1) return -EINVAL
      this.queue.limit = value
      return 0
    }
    if (value < (name === 'ttl' ? 1 : 0) || value > 255) return -EINVAL
    this.options[name] = value
    return 0
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.onReadiness = null
    this.queue.clear()
    this.layer.remove(this)
  }

  /**
   * A frame was handed to a device, or waited for a neighbour, and was lost. As in Linux only a connected endpoint is
   * told.
   */
  onTransmitError(errno: number): void {
    if (this.remoteAddress !== null) this.fail(errno)
  }

  /** An error becomes pending. */
  fail(errno: number): void {
    if (this.closed) return
    this.error = errno
    this.raise(ERROR | READABLE)
  }

  /** There may be room again. */
  unblock(): void {
    this.blocked = false
    this.raise(WRITABLE)
  }

  raise(events: number): void {
    if (this.closed) return
    if (this.raised === 0) this.layer.addRaised(this)
    this.raised |= events
  }

  /** Tells what was raised. Exceptions are the layer's to keep. */
  tell(): void {
    const events = this.raised
    this.raised = 0
    if (!this.closed) this.onReadiness?.(events)
  }

  get isBlocked(): boolean {
    return this.blocked && !this.closed
  }
}
