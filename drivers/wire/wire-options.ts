// What a simulated wire can be asked for: the options, their defaults and their checks. Owns no behaviour.

import type { PortCapabilities } from '../../nic/port.ts'
import type { PlainMemory } from './memory.ts'

/** Chance from 0 to 1, or a choice by content and by number (0 is the first frame this way); seeded unless a choice. */
export type Chance = number | ((bytes: Uint8Array, index: number) => boolean)

/** One way of the wire. Times in microseconds, rates in bits per second of whole Ethernet frames without preamble and FCS. */
export interface WireWay {
  /** Propagation. Default 0: a frame arrives at the microsecond at which it was sent. */
  delay?: number
  /** The bottleneck. Default: unlimited. Frames that wait for it form the queue. */
  rate?: number
  /** Bounds of that queue: frames, or frames and bytes; what does not fit is dropped at its tail. Default: none. */
  queue?: number | { frames?: number; bytes?: number }
  /** Frames that are sent and never arrive. They take their time on the wire. */
  loss?: Chance
  /** Frames that arrive later by `delay` (default 1000), so that those behind them may pass. */
  reorder?: Chance | { chance: Chance; delay: number }
  /** Frames that arrive twice, one microsecond apart. */
  duplicate?: Chance
  /** Frames of which one bit, behind the Ethernet header, flips on the way. */
  corrupt?: Chance
}

/** One end: its port, and the way from this end to the other. */
export interface WireEnd extends WireWay {
  name?: string
  memory?: PlainMemory
  /** Descriptors of the transmit ring. Default 1024. */
  ringSize?: number
  /** The card's own speed: frames stay on the ring until they are out. Default: a doorbell empties the ring at once. */
  lineRate?: number
  /** Frames that wait to be received; more are dropped and counted. Default 1000, as a TAP's txqueuelen. */
  receiveQueue?: number
}

export interface WireOptions extends WireWay {
  a?: WireEnd
  b?: WireEnd
  /** Largest IP packet, bytes. Default 1500. */
  mtu?: number
  /** What the ports offer to do in hardware: nothing (default), everything, or what is named. */
  offload?: boolean | Partial<PortCapabilities>
  /** Pads frames to the 60 bytes of Ethernet, with bytes that are not zero. Default false, as a TAP. */
  pad?: boolean
  /** Seed of loss, reordering, duplication and corruption. Default 1. */
  seed?: number | string
}

/** A way with its defaults filled in. */
export interface WaySettings {
  delay: number
  rate: number
  queueFrames: number
  queueBytes: number
  loss: Chance
  reorder: Chance
  reorderDelay: number
  duplicate: Chance
  corrupt: Chance
}

const NO_OFFLOAD: PortCapabilities = {
  txChecksum: false,
  scatterGather: false,
  tso4: false,
  tso6: false,
  tsoEcn: false,
  uso: false,
  rxChecksum: false,
  rxGroHw: false,
}

const ALL_OFFLOAD: PortCapabilities = {
  txChecksum: true,
  scatterGather: true,
  tso4: true,
  tso6: true,
  tsoEcn: false,
  uso: false,
  rxChecksum: true,
  rxGroHw: true,
}

export function capabilitiesOf(offload: WireOptions['offload']): PortCapabilities {
  if (offload === true) return ALL_OFFLOAD
  return { ...NO_OFFLOAD, ...(offload || {}) }
}

/** The settings of a way; throws RangeError for what makes no sense. */
export function waySettings(way: WireWay): WaySettings {
  const queue = typeof way.queue === 'number' ? { frames: way.queue } : (way.queue ?? {})
  const reorder = typeof way.reorder === 'object' ? way.reorder : { chance: way.reorder ?? 0, delay: 1000 }
  return {
    delay: atLeast('delay', way.delay ?? 0, 0),
    rate: atLeast('rate', way.rate ?? Number.POSITIVE_INFINITY, 1),
    queueFrames: atLeast('queue.frames', queue.frames ?? Number.POSITIVE_INFINITY, 1),
    queueBytes: atLeast('queue.bytes', queue.bytes ?? Number.POSITIVE_INFINITY, 1),
    loss: chance('loss', way.loss),
    reorder: chance('reorder', reorder.chance),
    reorderDelay: atLeast('reorder.delay', reorder.delay, 0),
    duplicate: chance('duplicate', way.duplicate),
    corrupt: chance('corrupt', way.corrupt),
  }
}

export function atLeast(name: string, value: number, least: number): number {
  if (!(value >= least)) throw new RangeError(`${name} must be ${least} or more: ${value}`)
  return value
}

function chance(name: string, value: Chance = 0): Chance {
  if (typeof value === 'number' && !(value >= 0 && value <= 1)) {
    throw new RangeError(`${name} must be from 0 to 1: ${value}`)
  }
  return value
}
