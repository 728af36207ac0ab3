// The many signatures of node:net's connect and listen, brought to one shape, and the checks of what they take.

import type { LookupFunction, OnReadOpts } from 'node:net'
import type { DuplexOptions } from 'node:stream'
import type { TcpOptions } from '../../../stack/tcp/contract.ts'
import { invalidValue } from './errors.ts'
import { SocketSettings } from './socket-settings.ts'
import { checkSignal, validateNumber } from './validate.ts'

/** What `new Socket` takes. */
export interface SocketOptions {
  allowHalfOpen?: boolean | undefined
  readableHighWaterMark?: number | undefined
  writableHighWaterMark?: number | undefined
  highWaterMark?: number | undefined
  noDelay?: boolean | undefined
  keepAlive?: boolean | undefined
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined
  signal?: AbortSignal | undefined
  onread?: OnReadOpts | null | undefined
}

/** What `connect` takes, beyond the socket's own options. */
export interface ConnectOptions extends SocketOptions {
  port?: number | string | undefined
  host?: string | undefined
  localAddress?: string | undefined
  localPort?: number | undefined
  family?: number | string | undefined
  hints?: number | undefined
  lookup?: LookupFunction | undefined
  /** Milliseconds: `setTimeout` before the connect. */
  timeout?: number | undefined
  blockList?: { check(address: string, family: 'ipv4' | 'ipv6'): boolean } | undefined
  /** pagewire's own: options of the TCP endpoint, such as `congestion` or `receiveBuffer`. */
  tcp?: Partial<TcpOptions> | undefined
  path?: string | undefined
}

export interface ListenOptions {
  port?: number | string | null | undefined
  host?: string | undefined
  backlog?: number | undefined
  signal?: AbortSignal | undefined
  path?: string | undefined
  fd?: number | undefined
  exclusive?: boolean | undefined
  reusePort?: boolean | undefined
  ipv6Only?: boolean | undefined
}

export type Callback = (...values: unknown[]) => void

/** `(options[, ...][, callback])`, `(port[, host][, ...][, callback])` or `(path[, ...][, callback])`. */
export function normalizeArguments<O>(values: readonly unknown[]): { options: O; callback: Callback | null } {
  const first = values[0]
  const last = values[values.length - 1]
  const callback = typeof last === 'function' ? (last as Callback) : null
  if (typeof first === 'object' && first !== null) return { options: first as O, callback }
  const options: { path?: string; port?: unknown; host?: string } = {}
  if (values.length === 0) return { options: options as O, callback }
  if (typeof first === 'string' && toPort(first) === null) options.path = first
  else {
    options.port = typeof first === 'function' ? undefined : first
    if (typeof values[1] === 'string') options.host = values[1]
  }
  return { options: options as O, callback }
}

function toPort(text: string): number | null {
  const value = Number(text)
  return text.trim() !== '' && value >= 0 ? value : null
}

/** The options of a socket, checked and brought to what its parts take. A server makes them once for all that it accepts. */
export class CheckedOptions {
  readonly stream: DuplexOptions
  readonly settings: SocketSettings
  readonly onread: OnReadOpts | null
  readonly signal: AbortSignal | undefined

  /** Throws as Node does. */
  constructor(given: SocketOptions = {}) {
    for (const name of ['objectMode', 'readableObjectMode', 'writableObjectMode'] as const) {
      const value = (given as Record<string, unknown>)[name]
      if (value) throw invalidValue(`options.${name}`, value, 'is not supported')
    }
    let { keepAliveInitialDelay } = given
    if (keepAliveInitialDelay !== undefined) {
      keepAliveInitialDelay = Math.max(validateNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay'), 0)
    }
    checkSignal(given.signal)
    this.settings = SocketSettings.of({ ...given, keepAliveInitialDelay })
    this.onread = given.onread ?? null
    this.signal = given.signal
    this.stream = {
      ...(given as DuplexOptions),
      signal: undefined as never,
      allowHalfOpen: Boolean(given.allowHalfOpen),
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    }
  }
}
