// The settable options of an endpoint with Linux's defaults, and which values are taken. Owns no behaviour: the
// mechanisms read the values.

import type { TcpOptions } from './contract.ts'

const SECOND = 1_000_000

/** Linux's defaults. Times in microseconds. */
export const DEFAULT_OPTIONS: Readonly<TcpOptions> = {
  noDelay: false,
  cork: false,
  keepAlive: false,
  keepIdle: 7200 * SECOND,
  keepInterval: 75 * SECOND,
  keepCount: 9,
  linger: -1,
  userTimeout: 0,
  finWait2: 60 * SECOND,
  synRetries: 6,
  retries: 15,
  sendBuffer: 4 * 1024 * 1024,
  receiveBuffer: 6 * 1024 * 1024,
  maxSegment: 0,
  congestion: 'cubic',
  quickAck: false,
  timestamps: true,
  sack: true,
  windowScaling: true,
  slowStartAfterIdle: true,
  synCookies: 'auto',
  ttl: 64,
  trafficClass: 0,
}

/** Ranges of the numeric options, inclusive. */
const RANGES: Partial<Record<keyof TcpOptions, readonly [number, number]>> = {
  keepIdle: [SECOND, 32767 * SECOND],
  keepInterval: [SECOND, 32767 * SECOND],
  keepCount: [1, 127],
  linger: [-1, 65535 * SECOND],
  userTimeout: [0, 2 ** 31 * 1000],
  finWait2: [0, 600 * SECOND],
  synRetries: [1, 127],
  retries: [1, 127],
  sendBuffer: [2048, 2 ** 30],
  receiveBuffer: [1024, 2 ** 30],
  maxSegment: [0, 65535],
  ttl: [1, 255],
  trafficClass: [0, 255],
}

/** Whether `value` may be given to `name`. Anything may be handed in: it comes from outside. */
export function isOptionValue(name: keyof TcpOptions, value: unknown): boolean {
  if (!Object.hasOwn(DEFAULT_OPTIONS, name)) return false
  if (name === 'congestion') return value === 'cubic' || value === 'reno'
  if (name === 'synCookies') return value === 'auto' || value === 'always' || value === 'never'
  const range = RANGES[name]
  if (!range) return typeof value === 'boolean'
  if (name === 'maxSegment' && value !== 0 && typeof value === 'number' && value < 88) return false
  return typeof value === 'number' && Number.isInteger(value) && value >= range[0] && value <= range[1]
}

/** `base` with those of `changes` that are given; null when one of them is unknown or out of range. */
export function mergeOptions(base: Readonly<TcpOptions>, changes?: Partial<TcpOptions>): TcpOptions | null {
  const merged = { ...base }
  if (!changes) return merged
  for (const name of Object.keys(changes) as (keyof TcpOptions)[]) {
    const value = changes[name]
    if (value === undefined) continue
    if (!isOptionValue(name, value)) return null
    Object.assign(merged, { [name]: value })
  }
  return merged
}
