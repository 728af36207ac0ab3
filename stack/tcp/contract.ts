// TCP as those above it see it: endpoints with non-blocking calls, results as errno-like values, bytes as page
// references. packetdrill, a browser and Node's net all build on this and on nothing else of stack/tcp.
//
// No call here sends anything by itself: it changes state and asks for a poll; segments leave in `pollTransmit`.
// No callback comes from within a call or from within ingress: `dispatch` makes them, between ingress and transmit.

import type { IpAddress } from '../base/ip-address.ts'
import type { Page, PageRef } from '../buffer/page.ts'
import type { Interface } from '../network/interface.ts'

/** Data, an end of file, an error or (listener) a connection can be taken. */
export const READABLE = 1
/** `send` would take bytes, or would answer with an error. For a connecting endpoint: the attempt has ended, well or not. */
export const WRITABLE = 2
/** An error is pending: `takeError` has it. */
export const ERROR = 4
/** Both directions are shut: the FIN of the peer came and ours was acknowledged, or the connection was aborted. */
export const HANGUP = 8
/** The peer's FIN came (POLLRDHUP). */
export const READ_HANGUP = 16
/** Bytes that were sent have been acknowledged since the last dispatch. */
export const ACKNOWLEDGED = 32

/** RFC 9293 3.3.2, spelled as `ss` does. */
export type TcpState =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT'

/** Settable on an endpoint, inherited by accepted ones from their listener; defaults from the stack. Times in microseconds. */
export interface TcpOptions {
  /** TCP_NODELAY. Default false. */
  noDelay: boolean
  /** TCP_CORK: full segments only, at most 200 ms. Default false. */
  cork: boolean
  /** SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. Default false, 2 h, 75 s, 9. */
  keepAlive: boolean
  keepIdle: number
  keepInterval: number
  keepCount: number
  /** SO_LINGER: -1 off; 0: close aborts with RST; more: microseconds that `close` lingers before it aborts. Default -1. */
  linger: number
  /** TCP_USER_TIMEOUT: 0 off. */
  userTimeout: number
  /** TCP_LINGER2: how long an orphan stays in FIN-WAIT-2. Default 60 s. */
  finWait2: number
  /** TCP_SYNCNT, and the limit of data retransmissions (tcp_retries2). Default 6 and 15. */
  synRetries: number
  retries: number
  /** SO_SNDBUF and SO_RCVBUF in bytes of payload. Default 4 MiB and 6 MiB. The receive buffer decides the window scale, so that it should be set before the handshake. */
  sendBuffer: number
  receiveBuffer: number
  /** TCP_MAXSEG: upper bound for the MSS in both directions, 0: none. */
  maxSegment: number
  /** TCP_CONGESTION. Default cubic. */
  congestion: 'cubic' | 'reno'
  /** TCP_QUICKACK: acknowledge at once. Default false. */
  quickAck: boolean
  /** Whether to offer: timestamps, SACK, window scaling. Default true. */
  timestamps: boolean
  sack: boolean
  windowScaling: boolean
  /** tcp_slow_start_after_idle. Default true. */
  slowStartAfterIdle: boolean
  /**
   * SYN cookies of a listener (RFC 4987, Linux's tcp_syncookies 1, 2, 0): when its queue of half-open connections is full,
   * for every SYN, or never. Default auto.
   */
  synCookies: 'auto' | 'always' | 'never'
  /** IP_TTL and IP_TOS. Default 64 and 0. */
  ttl: number
  trafficClass: number
}

/** As `ss -ti` and `struct tcp_info`. Times in microseconds, sizes in bytes, windows in segments where Linux has segments. */
export interface TcpInfo {
  state: TcpState
  local: { address: IpAddress; port: number }
  remote: { address: IpAddress; port: number }
  /** Advertised by us and to us. */
  rcvMss: number
  sndMss: number
  pmtu: number
  rto: number
  rtt: number
  rttvar: number
  minRtt: number
  cwnd: number
  ssthresh: number
  congestion: string
  caState: 'Open' | 'Disorder' | 'CWR' | 'Recovery' | 'Loss'
  sndWnd: number
  rcvWnd: number
  sndScale: number
  rcvScale: number
  timestamps: boolean
  sack: boolean
  unacked: number
  sacked: number
  lost: number
  retrans: number
  totalRetrans: number
  backoff: number
  probes: number
  bytesSent: number
  bytesAcked: number
  bytesRetrans: number
  bytesReceived: number
  segsOut: number
  segsIn: number
  dataSegsOut: number
  dataSegsIn: number
  /** Bytes in the send queue not yet sent, bytes in the receive queue not yet taken (ss: Send-Q, Recv-Q halves). */
  notSent: number
  sendQueue: number
  receiveQueue: number
  outOfOrder: number
  /** Why sending waits, as far as it does. */
  limitedBy: 'none' | 'application' | 'cwnd' | 'receive-window' | 'device'
}

/** Who hears of an endpoint's readiness: a function, or an object that spares each endpoint a closure. */
export type Readiness = ((events: number) => void) | { onReadiness(events: number): void }

export interface TcpEndpoint {
  readonly state: TcpState
  readonly localAddress: IpAddress
  readonly localPort: number
  readonly remoteAddress: IpAddress
  readonly remotePort: number
  /** Called by `dispatch` with the bits that are new since its last call. An exception in it goes to the caller of `poll`, after all others were told. */
  onReadiness: Readiness | null
  /** Which bits hold now. */
  readiness(): number
  /** SO_ERROR: the pending error (positive errno) and 0 afterwards. */
  takeError(): number
  /**
   * Copies bytes [offset, offset + length) into the send queue. How many were taken (at least 1, as many as fit the send
   * buffer), or -EAGAIN (full, or still connecting), -EPIPE (shut down), or the pending error.
   */
  send(bytes: Uint8Array, offset: number, length: number): number
  /**
   * Queues a reference instead of a copy; all or nothing. On success `length` comes back and the endpoint owns the
   * reference until the bytes are acknowledged. Otherwise as `send`, and the caller keeps it.
   */
  sendPage(page: Page, offset: number, length: number): number
  /**
   * Copies what of a page waits in the send queue, which then no longer refers to it; frames on their way may, until they are sent.
   * False when there is no memory for it now: nothing has happened. Without `all` half of the transmit pages stay for others.
   */
  reclaim(page: Page, all?: boolean): boolean
  /** The peer is on this host: what is queued by reference it refers to until its application has read it. */
  readonly loopback: boolean
  /** Free bytes of the send buffer. */
  readonly sendSpace: number
  /** Stream offsets: bytes ever queued (and not dropped by the end of the connection), and ever acknowledged. */
  readonly bytesQueued: number
  readonly bytesAcknowledged: number
  /**
   * Takes the next contiguous piece, at most `max` bytes: fills `out`, whose page reference is the caller's now. Its
   * length; 0 at the end of the stream; -EAGAIN when nothing is there; -ENOTCONN; or the pending error.
   */
  receive(max: number, out: PageRef): number
  /** Copies instead, as many as are there up to `length`. Results as above. */
  receiveInto(bytes: Uint8Array, offset: number, length: number): number
  /** Bytes that `receive` could take now. */
  readonly receiveQueued: number
  /** Bytes of the next contiguous piece: what `receive` would take at once. */
  readonly receiveNext: number
  /** No more receiving (bytes are discarded), no more sending (FIN after what is queued), or both. 0, -ENOTCONN. */
  shutdown(how: 'read' | 'write' | 'both'): number
  /** The application is done with it: FIN after what is queued, or RST when unread data is there or linger is 0. No callback afterwards. */
  close(): void
  /** RST at once; what was queued is dropped. No callback afterwards. */
  abort(): void
  /** -EINVAL for a value out of range. */
  setOption<K extends keyof TcpOptions>(name: K, value: TcpOptions[K]): number
  getOption<K extends keyof TcpOptions>(name: K): TcpOptions[K]
  info(): TcpInfo
}

export interface TcpListener {
  readonly localAddress: IpAddress | null
  readonly localPort: number
  readonly backlog: number
  /** Connections waiting to be accepted, and half-open ones. */
  readonly acceptQueue: number
  readonly synQueue: number
  onReadiness: ((events: number) => void) | null
  accept(): TcpEndpoint | null
  /** Half-open and unaccepted connections are reset. */
  close(): void
}

export interface TcpConnectOptions {
  localAddress?: IpAddress | null
  localPort?: number
  options?: Partial<TcpOptions>
}

export interface TcpListenOptions {
  /** null: every address of both families. */
  address: IpAddress | null
  /** 0: any free one. */
  port: number
  /** Length of the accept queue, 1 to 65535. Default 511 as in Node. */
  backlog?: number
  options?: Partial<TcpOptions>
}

export interface Tcp {
  /** Defaults for new endpoints. */
  readonly defaults: TcpOptions
  /** Starts an active open: an endpoint in SYN-SENT, or a negative errno (EADDRINUSE, EADDRNOTAVAIL, ENETUNREACH, EINVAL, EACCES). */
  connect(address: IpAddress, port: number, options?: TcpConnectOptions): TcpEndpoint | number
  listen(options: TcpListenOptions): TcpListener | number
  /** All endpoints but TIME-WAIT records, and the listeners: what `ss` lists. */
  endpoints(): Iterable<TcpEndpoint>
  listeners(): Iterable<TcpListener>
  /** TIME-WAIT records that are kept. */
  readonly timeWaits: number
  /** Between ingress and transmit: makes the callbacks. True if any was made. */
  dispatch(): boolean
  /** Sends what may be sent now. */
  pollTransmit(now: number): void
  /** The device has room again. */
  onWritable(): void
  /**
   * The device of an interface was taken away for good: connections over it end with ENETDOWN, since nothing can ever
   * come for them. Listeners stay.
   */
  onGone(port: Interface): void
  /** Aborts everything with `errno` as the pending error (0: silently): the stack is closed. */
  shutdown(errno: number): void
}
