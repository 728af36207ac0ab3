// What a network layer is to those above it, so that IPv4 and IPv6 stand side by side: TCP and UDP hold a Path and
// never ask for its family.

import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { Interface } from './interface.ts'

export const PROTOCOL_ICMP = 1
export const PROTOCOL_TCP = 6
export const PROTOCOL_UDP = 17
export const PROTOCOL_ICMPV6 = 58

/** What `transmit` answers: the frame was taken; refused for now (the caller keeps it); or the path is dead (caller keeps it). */
export const SENT = 0

/**
 * The way to one destination: which source, which interface, which next hop, how large. Made by `Routing.path`, shared
 * by nobody, revalidated by itself when routes, addresses or neighbours change. A connection keeps one.
 */
export interface Path {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly interface: Interface
  /** The path MTU: largest IP packet, bytes. May go down and up; whoever builds a packet reads it then. */
  readonly mtu: number
  /** Bytes of the network header: 20 or 40. */
  readonly networkHeaderLength: number
  /** Headroom that a transport must leave in front of its header: virtio-net, link and network headers. */
  readonly headroom: number
  /** GSO type for TCP super-frames on this path: GSO_TCPV4 or GSO_TCPV6. */
  readonly gsoTcp: number
  /** The largest IP packet of a TCP super-frame, bytes. Whoever builds one reads it then. */
  readonly gsoMaxSize: number
  /** The destination is this host. */
  readonly loopback: boolean
  /** True while the device would take a frame. */
  readonly writable: boolean
  /**
   * The folded sum of the pseudo-header (RFC 793, RFC 8200 8.1) for `protocol` and `length` bytes of transport header and
   * payload; not complemented. This is what a frame's checksum field holds while its checksum is left to the card.
   */
  pseudoHeaderSum(protocol: number, length: number): number
  /**
   * Puts network and link headers in front of a frame that begins with the transport header, and hands it to the
   * device. 0: taken (also when it waits for its neighbour's address). A negative errno: refused, the caller keeps the
   * frame: -EAGAIN (no room: the transport's `onWritable` follows), -ENETDOWN, -EHOSTUNREACH, -ENETUNREACH, -EMSGSIZE.
   * `csumStart` is given relative to the transport header and is moved by this call.
   */
  transmit(frame: Frame, protocol: number, options?: TransmitOptions): number
  /** The transport made progress with the peer: the neighbour is reachable (RFC 4861 7.3.1). Cheap. */
  confirm(now: number): void
}

export interface TransmitOptions {
  /** TTL or hop limit, 1 to 255; the interface's default (64) if absent. */
  ttl?: number
  /** The DSCP and ECN byte; 0 if absent. */
  trafficClass?: number
  /** The packet may be fragmented on its way: DF clear (UDP by choice). Default false. */
  mayFragment?: boolean
}

/**
 * A received packet's network facts, valid during the call only: one object per stack, filled anew for each packet.
 * `frame.transportOffset` is set; the transport header is at `frame.start + frame.transportOffset` in `frame.head`.
 */
export interface ReceivedPacket {
  readonly source: IpAddress
  readonly destination: IpAddress
  readonly interface: Interface
  /** Bytes from the transport header to the end of the packet (link padding is already cut off the frame). */
  readonly transportLength: number
  readonly ttl: number
  readonly trafficClass: number
  /** The destination was multicast or broadcast, on either layer. */
  readonly group: boolean
}

/** A protocol above IP, registered by number with both network layers. */
export interface TransportProtocol {
  /** Takes the frame (and releases it). `packet` is valid during the call only. */
  onPacket(frame: Frame, packet: ReceivedPacket, now: number): void
  /**
   * An ICMP error came that quotes one of our packets. `view` at `at` is the quoted transport header, of which
   * `available` bytes (at least 8) came.
   */
  onIcmpError(error: IcmpError, view: DataView, at: number, available: number, now: number): void
}

/** An ICMP or ICMPv6 error in one shape. */
export interface IcmpError {
  /** Addresses of the quoted packet: `source` was ours. */
  readonly source: IpAddress
  readonly destination: IpAddress
  /** The errno (positive) that Linux reports for it: EHOSTUNREACH, ECONNREFUSED, ... EMSGSIZE for a packet too big. */
  readonly errno: number
  /** Linux's `icmp_err_convert.fatal`: whether it ends an attempt at once. */
  readonly fatal: boolean
  /** For a packet too big: the next hop's MTU (0: not told), else 0. */
  readonly mtu: number
  readonly type: number
  readonly code: number
}

/** What the transports ask of the network as a whole. Implemented by `network/network.ts`. */
export interface Network {
  /**
   * A path to `destination`; from `source` if given. A negative errno: -ENETUNREACH (no route), -EADDRNOTAVAIL (source is not ours),
   * -EAFNOSUPPORT, -EACCES (broadcast without leave).
   */
  path(destination: IpAddress, source?: IpAddress | null, options?: { broadcast?: boolean }): Path | number
  /**
   * As `path`, for a packet to somebody of whom nothing is kept: answers to a flood cost no path each. Valid until the next
   * call.
   */
  replyPath(destination: IpAddress, source: IpAddress): Path | number
  /** True for an address of one of our interfaces. */
  isLocal(address: IpAddress): boolean
  register(protocol: number, transport: TransportProtocol): void
  /** Answers a packet that nobody wants with ICMP port unreachable, rate-limited. The frame stays the caller's. */
  sendPortUnreachable(frame: Frame, packet: ReceivedPacket, now: number): void
  /**
   * A transport has validated the quote of a packet-too-big error: the path MTU to `destination` becomes `mtu` (0: the
   * router did not tell), never below Linux's min_pmtu of 552. True if it was lowered; `Path.mtu` says so from now on.
   */
  updatePathMtu(destination: IpAddress, mtu: number, now: number): boolean
  /** A frame with headroom for this path, null when header pages are at their limit. */
  frame(path: Path): Frame | null
}
