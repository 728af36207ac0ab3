// UDP (RFC 768) as those above it see it: endpoints with non-blocking calls. The rules of calls and callbacks are those
// of stack/tcp/contract.ts: no call sends by itself... but for a datagram there is nothing to wait for, so `send` hands it to
// the device at once and the next flush rings the bell.

import type { IpAddress } from '../base/ip-address.ts'
import type { PageRef } from '../buffer/page.ts'

export interface UdpDatagram extends PageRef {
  source: IpAddress
  sourcePort: number
  destination: IpAddress
}

export interface UdpEndpoint {
  readonly localAddress: IpAddress | null
  readonly localPort: number
  readonly remoteAddress: IpAddress | null
  readonly remotePort: number
  onReadiness: ((events: number) => void) | null
  readiness(): number
  takeError(): number
  /** 0, -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (already bound). Port 0 takes an ephemeral one (RFC 6056). */
  bind(address: IpAddress | null, port: number): number
  /** Fixes the peer: only its datagrams are received, its ICMP errors are reported. 0 or -ENETUNREACH... */
  connect(address: IpAddress, port: number): number
  disconnect(): void
  /** Bytes sent, or -EAGAIN (no room), -EMSGSIZE, -EDESTADDRREQ, -EACCES (broadcast), -ENETUNREACH, or the pending error. */
  send(bytes: Uint8Array, address?: IpAddress | null, port?: number): number
  /** Fills `out` (whose page reference is the caller's now) and answers the length, which may be 0; -EAGAIN; or the pending error. */
  receive(out: UdpDatagram): number
  /** Bytes that `receive` could take now, over all datagrams. */
  readonly receiveQueued: number
  setOption(name: 'broadcast', value: boolean): number
  setOption(name: 'receiveBuffer' | 'ttl' | 'trafficClass', value: number): number
  close(): void
}

export interface Udp {
  open(): UdpEndpoint
  endpoints(): Iterable<UdpEndpoint>
  dispatch(): boolean
  /** The device has room again. */
  onWritable(): void
  shutdown(errno: number): void
}
