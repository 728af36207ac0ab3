// What the lab and its processes say to each other, over the channel that Node gives a child. One question at a time, one
// answer to each.

import type { Method, Switches } from './cells.ts'

/** Descriptors that the sender and the soakers get beside the standard ones. */
export const SOAK_FD = 3
export const FILE_FD = 4

export const ADDRESS = '192.0.2.2'
export const KERNEL = '192.0.2.1'
export const PORT = 5001
export const TAP = 'pwlab0'

/** To the sender: with the switches so, send `bytes` by `method` to the next connection. */
export interface SendJob extends Switches {
  method: Method
  bytes: number
}

/** What the sender says when it is up. */
export interface SenderReady {
  /** `FeatureSet.changeable` of its card. */
  changeable: number
}

/** What one transfer took, from before its first byte until the receiver had read the last. */
export interface SendResult {
  seconds: number
  /** Processor seconds of the sending process, all its threads. */
  user: number
  system: number
  /** Processor seconds that the soakers did not get; null without soakers. Needs their rates. */
  soak: { before: SoakReading[]; after: SoakReading[] } | null
  /** Bytes of payload copied, by where: the read system call, the mapping, the send queue, the card. */
  copied: { read: number; mapping: number; queue: number; card: number }
  summed: number
  /** Frames written to the TAP, and the segments that they stand for on a wire. */
  frames: number
  segments: number
  systemCalls: { write: number; read: number; file: number }
  retransmitted: number
  /** The stack's congestion control. */
  congestion: string
}

/** To the receiver: connect and read `bytes`; with `hash`, their SHA-256. */
export interface ReceiveJob {
  bytes: number
  hash: boolean
}

export interface ReceiveResult {
  bytes: number
  digest: string | null
  user: number
  system: number
}

/** What a soaker had counted, and when (microseconds of the monotonic clock). */
export interface SoakReading {
  at: number
  count: number
}

/** An answer over the channel. */
export type Answer<T> = { ok: T } | { error: string }
