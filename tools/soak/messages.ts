// What the soak's processes say to each other.

import type { FaultRates, TcpOptions } from '../../drivers/index.ts'
import type { Operation } from './plan.ts'

export const STACK = '10.77.0.2'
export const KERNEL = '10.77.0.1'
export const PREFIX = 16
export const TAP = 'pwsoak0'
export const FLOOD_TAP = 'pwflood0'

/** Conversations: a line of JSON, then what it asks for. */
export const TALK_PORT = 7000
/** Node's `http` on the stack. */
export const HTTP_PORT = 7001
/** Says back what it hears. */
export const ECHO_PORT = 7002
/** Does not read until it is told to. */
export const DEAF_PORT = 7003

export interface StackSetup {
  seed: string
  tcp?: Partial<TcpOptions>
  /** Of the TAP and its ring. */
  tap?: { sendBuffer?: number; ringSize?: number; receivePages?: number }
  /** What happens to frames, both ways. */
  faults?: FaultRates
  /** Pages that the stack may have out. */
  limits?: { headerPages?: number; transmitPages?: number }
}

export type StackQuestion =
  | { kind: 'open'; setup: StackSetup }
  /** As it is now. */
  | { kind: 'sample' }
  /** After a collection of garbage. */
  | { kind: 'settle' }
  /** Those who did not read read on. */
  | { kind: 'listen-up' }

export interface Sample {
  /** Seconds of the process's life. */
  at: number
  rss: number
  heap: number
  external: number
  /** Processor seconds of the process. */
  cpu: number
  /** Frames and pages of the stack that are out, and receive pages of the TAP. */
  frames: number
  transmitPages: number
  receivePages: number
  endpoints: number
  timeWaits: number
  /** Sockets that the servers hold. */
  sockets: number
  counters: Record<string, number>
  card: Record<string, number>
  /** Codes of errors that sockets of the servers ended with. */
  errors: Record<string, number>
  /** Content that was not what it should have been. */
  wrong: string[]
}

export type ClientQuestion =
  /** From this address, or from any. */
  | { kind: 'open'; count: number; address: string | null; atOnce: number }
  /** A byte there and back on each of those that are open. */
  | { kind: 'probe'; atOnce: number }
  | { kind: 'close' }
  /** Operations by seed until the time is over, or so many of them. */
  | {
      kind: 'traffic'
      seed: string
      seconds: number
      count: number
      parallel: number
      mostBytes: number
      limit: number
      tolerate: string[]
    }
  /** Asks for `bytes` on each of `readers` connections and does not read; writes to `writers` connections that nobody reads. */
  | { kind: 'stall'; readers: number; writers: number; bytes: number; seed: string }
  /** Reads at last, and waits until all is well. */
  | { kind: 'read-on' }
  /** Connections one after the other with a few bytes there and back, from the client's own address or each from the next of these. */
  | { kind: 'honest'; seconds: number; limit: number; seed: string; addresses?: string[] }
  /** Asks for more than is ever read, so that the stack has something that is not acknowledged. */
  | { kind: 'hang'; count: number; address: string; bytes: number }

export interface ClientSetup {
  /** Of the block. */
  seed: string
}

export interface Opened {
  opened: number
  failed: number
  /** The first error. */
  error: string
  seconds: number
  /** Milliseconds to open one. */
  median: number
  worst: number
}

/** What became of operations. */
export interface Tally {
  done: number
  bytes: number
  by: Record<string, number>
  failed: number
  /** Errors that were expected and belong to the machine's own end. */
  tolerated: number
  /** What was wrong, with the operation; the first few. */
  troubles: string[]
  /** Milliseconds. */
  median: number
  worst: number
}

/** Of honest visits. */
export interface VisitTally extends Tally {
  /** Connected within a second, which is before a SYN is repeated. */
  atOnce: number
}

export type TalkRequest = Pick<Operation, 'name' | 'origin' | 'bytes' | 'until'>

/** `rate`: SYNs per second; 0: as fast as it goes. */
export type FloodQuestion = { kind: 'start'; seed: string; rate: number } | { kind: 'stop' }

export interface FloodAnswer {
  sent: number
  seconds: number
}

export function emptyTally(): Tally {
  return { done: 0, bytes: 0, by: {}, failed: 0, tolerated: 0, troubles: [], median: 0, worst: 0 }
}
