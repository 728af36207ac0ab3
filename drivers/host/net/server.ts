// net.Server's face over a TCP listener: Node's signatures, events and errors. The accepting itself is the acceptor's.

import { EventEmitter } from 'node:events'
import { isIP } from 'node:net'
import { ENETDOWN } from '../../../stack/base/errno.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import type { TcpListener, TcpOptions } from '../../../stack/tcp/contract.ts'
import type { Closable } from '../open-list.ts'
import { type AcceptingServer, Acceptor, type SocketConstructor } from './acceptor.ts'
import type { SocketAddress } from './addresses.ts'
import { type ListenOptions, normalizeArguments, type SocketOptions } from './arguments.ts'
import type { SocketContext } from './context.ts'
import { invalidType, invalidValue, listenError, serverAlreadyListening, serverNotRunning } from './errors.ts'
import { resolveName } from './lookup.ts'
import type { Socket } from './socket.ts'
import { checkSignal, validateNumber, validatePort } from './validate.ts'

export interface ServerOptions extends Omit<SocketOptions, 'signal' | 'onread'> {
  pauseOnConnect?: boolean | undefined
  blockList?: { check(address: string, family: 'ipv4' | 'ipv6'): boolean } | undefined
  /** pagewire's own: options of the TCP endpoints, inherited by each accepted one. */
  tcp?: Partial<TcpOptions> | undefined
}

const BACKLOG = 511

export class Server extends EventEmitter implements AcceptingServer, Closable {
  _openPlace = -1
  maxConnections: number | undefined
  allowHalfOpen: boolean
  pauseOnConnect: boolean
  noDelay: boolean
  keepAlive: boolean
  /** Seconds. */
  keepAliveInitialDelay: number
  highWaterMark?: number
  blockList: ServerOptions['blockList']
  _connections = 0
  readonly #context: SocketContext
  readonly #SocketClass: SocketConstructor
  readonly #tcp: Partial<TcpOptions> | undefined
  #acceptor: Acceptor | null = null
  #unref = false
  /** Grows with each listen and close, so that a late answer of a lookup is recognized. */
  #generation = 0

  constructor(
    context: SocketContext,
    SocketClass: SocketConstructor,
    given?: ServerOptions | ((socket: Socket) => void),
    connectionListener?: (socket: Socket) => void,
  ) {
    super()
    const options = typeof given === 'function' ? {} : checkOptions(given)
    const listener = typeof given === 'function' ? given : connectionListener
    if (typeof listener === 'function') this.on('connection', listener)
    this.#context = context
    this.#SocketClass = SocketClass
    this.#tcp = options.tcp
    this.allowHalfOpen = options.allowHalfOpen ?? false
    this.pauseOnConnect = Boolean(options.pauseOnConnect)
    this.noDelay = Boolean(options.noDelay)
    this.keepAlive = Boolean(options.keepAlive)
    this.keepAliveInitialDelay = ~~((options.keepAliveInitialDelay ?? 0) / 1000)
    if (options.highWaterMark !== undefined) this.highWaterMark = options.highWaterMark
    this.blockList = options.blockList
  }

  listen(port?: number | string, host?: string, backlog?: number, listener?: () => void): this
  listen(port?: number | string, host?: string, listener?: () => void): this
  listen(port?: number | string, backlog?: number, listener?: () => void): this
  listen(port?: number | string, listener?: () => void): this
  listen(options: ListenOptions, listener?: () => void): this
  listen(listener?: () => void): this
  listen(...values: unknown[]): this {
    const { options, callback } = normalizeArguments<ListenOptions>(values)
    if (this.#acceptor) throw serverAlreadyListening()
    const backlog = toBacklog(options.backlog) || toBacklog(values[1]) || toBacklog(values[2]) || BACKLOG
    const port = listenPort(options, values)
    checkSignal(options.signal)
    if (callback) this.once('listening', callback)
    this.#closeOnAbort(options.signal)
    const generation = ++this.#generation
    resolveHost(this.#context, options.host, (error, address) => {
      if (generation !== this.#generation) return
      if (error) this.emit('error', error)
      else this.#listen(address, port, backlog)
    })
    return this
  }

  #listen(address: string | null, port: number, backlog: number): void {
    const listener = openListener(this.#context, address, port, backlog, this.#tcp)
    if (listener instanceof Error) {
      process.nextTick(() => this.emit('error', listener))
      return
    }
    this.#acceptor = new Acceptor(this.#context, this, this.#SocketClass, listener)
    this.#context.open.add(this)
    if (this.#unref) this.#acceptor.unref()
    process.nextTick(() => {
      if (this.#acceptor) this.emit('listening')
    })
  }

  #closeOnAbort(signal: AbortSignal | undefined): void {
    if (!signal) return
    const onAbort = () => void this.close()
    if (signal.aborted) {
      process.nextTick(onAbort)
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.once('close', () => signal.removeEventListener('abort', onAbort))
  }

  get listening(): boolean {
    return this.#acceptor !== null
  }

  address(): SocketAddress | null {
    return this.#acceptor?.address() ?? null
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(() => callback(null, this._connections))
    return this
  }

  /** Stops accepting. `close` is emitted when the last connection has ended. */
  close(callback?: (error?: Error) => void): this {
    this.#generation++
    if (typeof callback === 'function') {
      if (this.#acceptor) this.once('close', callback)
      else this.once('close', () => callback(serverNotRunning()))
    }
    this.#acceptor?.close()
    this.#acceptor = null
    this.#context.open.delete(this)
    this._emitCloseIfDrained()
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#acceptor) return
    await new Promise<void>((resolve, reject) => {
      this.close((error) => (error ? reject(error) : resolve()))
    })
  }

  closeWithHost(): void {
    this.close()
  }

  _emitCloseIfDrained(): void {
    if (this.#acceptor || this._connections > 0) return
    process.nextTick(() => this.emit('close'))
  }

  override [EventEmitter.captureRejectionSymbol](error: Error, event: string, ...values: unknown[]): void {
    if (event === 'connection') (values[0] as Socket).destroy(error)
    else this.emit('error', error)
  }

  ref(): this {
    this.#unref = false
    this.#acceptor?.ref()
    return this
  }

  unref(): this {
    this.#unref = true
    this.#acceptor?.unref()
    return this
  }
}

/** A listener, or the error that says why there is none. `address` null: any. */
export function openListener(
  context: SocketContext,
  address: string | null,
  port: number,
  backlog: number,
  options?: Partial<TcpOptions>,
): TcpListener | Error {
  const listener = context.closed
    ? -ENETDOWN
    : context.tcp.listen({
        address: address === null ? null : IpAddress.from(address),
        port,
        backlog: Math.min(backlog, 65535),
        ...(options ? { options } : {}),
      })
  return typeof listener === 'number' ? listenError(listener, address ?? '0.0.0.0', port) : listener
}

/** The address to listen on, at once when it needs no lookup; null for any. */
function resolveHost(
  context: SocketContext,
  host: string | undefined,
  callback: (error: Error | null, address: string | null) => void,
): void {
  if (!host || host === '0.0.0.0' || host === '::') callback(null, null)
  else if (isIP(host)) callback(null, host)
  else resolveName(context.lookup, host, {}, callback)
}

function listenPort(options: ListenOptions, values: readonly unknown[]): number {
  if (options.path) {
    throw invalidValue('options.path', options.path, 'must not be given: there are no UNIX domain sockets on this host')
  }
  if (options.fd !== undefined)
    throw invalidValue('options.fd', options.fd, 'must not be given: there are no descriptors')
  const none = values.length === 0 || typeof values[0] === 'function'
  const { port } = options
  if (none || port === null || (port === undefined && 'port' in options)) return 0
  if (typeof port === 'number' || typeof port === 'string') return validatePort(port, 'options.port')
  throw invalidValue('options', options, 'must have the property "port" or "path"')
}

function toBacklog(value: unknown): number {
  const number = Number(value)
  return (typeof value === 'number' || typeof value === 'string') && number > 0 ? Math.floor(number) : 0
}

function checkOptions(given: unknown): ServerOptions {
  if (given === undefined || given === null) return {}
  if (typeof given !== 'object') throw invalidType('options', 'of type object', given)
  const options: ServerOptions = { ...given }
  if (options.keepAliveInitialDelay !== undefined) {
    options.keepAliveInitialDelay = Math.max(
      0,
      validateNumber(options.keepAliveInitialDelay, 'options.keepAliveInitialDelay'),
    )
  }
  if (options.highWaterMark !== undefined) validateNumber(options.highWaterMark, 'options.highWaterMark')
  if (options.highWaterMark !== undefined && options.highWaterMark < 0) delete options.highWaterMark
  return options
}
