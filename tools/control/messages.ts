// What is said over the control socket. A connection carries one request; the answers follow, the last one has `end` or
// `error`; the client closes to stop an answer that has no end of its own.

import type { EthtoolAnswer, EthtoolRequest } from '../ethtool/messages.ts'
import type { LinkAnswer, LinkRequest } from '../ip-link/messages.ts'
import type { Status } from '../serve/status.ts'

/** What runs behind a control socket. */
export interface Identity {
  /** Name of the card. */
  tap: string
  pid: number
  /** Inode of the network namespace of the process. */
  netns: string
  addresses: string[]
  driver: string
}

export interface Requests {
  hello: Record<string, never>
  status: Record<string, never>
  nstat: NstatRequest
  ss: { all: boolean }
  ping: PingRequest
  capture: { snaplen: number; count: number }
  ethtool: EthtoolRequest
  link: LinkRequest
}

export interface NstatRequest {
  /** Absolute values (`-a`) instead of what was counted since the last call. */
  absolute: boolean
  /** Also counters that are zero (`-z`). */
  zeros: boolean
  /** This call does not count as one (`-s`). */
  noUpdate: boolean
}

export interface PingRequest {
  address: string
  /** 0: until the client leaves. */
  count: number
  /** Seconds. */
  interval: number
  /** Seconds to wait for the last answer. */
  timeout: number
  /** Bytes of payload. */
  size: number
  /** 0: the default. */
  ttl: number
}

/** One event of a ping, in the order in which it happened. `rtt` is microseconds. */
export type PingEvent =
  | { ping: 'reply'; from: string; sequence: number; ttl: number; bytes: number; rtt: number; duplicate: boolean }
  | { ping: 'error'; from: string; sequence: number; message: string }
  | { ping: 'sent'; sequence: number }

/** The end of a capture: frames that were written, and that a slow reader made the stack leave out. */
export interface CaptureEnd {
  captured: number
  dropped: number
}

export interface Answers {
  hello: Identity
  status: Status
  nstat: Record<string, number>
  ss: SocketLine[]
  ping: { transmitted: number }
  capture: CaptureEnd
  ethtool: EthtoolAnswer
  link: LinkAnswer
}

export type RequestName = keyof Requests

/** A line of `ss`, with what `ss -i` adds. Times in microseconds. */
export interface SocketLine {
  state: string
  recvQ: number
  sendQ: number
  local: string
  peer: string
  /** Absent for listeners. */
  info?: Record<string, number | string | boolean>
}

export const REQUEST_NAMES: readonly RequestName[] = [
  'hello',
  'status',
  'nstat',
  'ss',
  'ping',
  'capture',
  'ethtool',
  'link',
]
