// net.Socket's face over a TCP endpoint: a Duplex with Node's events, properties and errors. Owns the stream's side only
// (what is read when, what waits to be written, when to close); all protocol state is the endpoint's. Not an instance of
// node:net's Socket, so that tls and http2 wrap it as a stream and never look for a handle of libuv.

import { AsyncResource } from 'node:async_hooks'
import { addAbortSignal, Duplex } from 'node:stream'
import { EAGAIN, ENOTCONN } from '../../../stack/base/errno.ts'
import {
  ERROR,
  HANGUP,
  READ_HANGUP,
  READABLE,
  type TcpEndpoint,
  type TcpInfo,
  WRITABLE,
} from '../../../stack/tcp/contract.ts'
import { Hold } from '../keeper.ts'
import type { Timeout } from '../timeouts.ts'
import { Addresses, type SocketAddress } from './addresses.ts'
import { type ConnectOptions, checkSocketOptions, normalizeArguments, type SocketOptions } from './arguments.ts'
import { type Attempt, startConnect } from './connector.ts'
import type { SocketContext } from './context.ts'
import { codedError, socketClosed, streamDestroyed, systemError } from './errors.ts'
import { bufferIntake, type Intake, StreamIntake } from './intake.ts'
import { validateDuration, validateFunction } from './validate.ts'
import { type Chunk, Writer } from './writer.ts'

/** Whoever accepted the socket and counts it: our Server, or one of Node's. */
export interface SocketOwner {
  _connections: number
  _emitCloseIfDrained(): void
}

type Done = (error?: Error | null) => void

const READ_EVENTS = READABLE | READ_HANGUP | ERROR | HANGUP
const WRITE_EVENTS = WRITABLE | ERROR | HANGUP

export class Socket extends Duplex {
  connecting = false
  /** The server that accepted it, null for a client. */
  server: unknown = null
  _server: SocketOwner | null = null
  /** Milliseconds, as `setTimeout` was told. */
  timeout: number | undefined
  readonly #context: SocketContext
  readonly #scope = new AsyncResource('PAGEWIRETCP')
  readonly #addresses = new Addresses()
  readonly #hold: Hold
  readonly #writer: Writer
  readonly #intake: Intake
  #endpoint: TcpEndpoint | null = null
  #attempt: Attempt | null = null
  /** A write that waits for the connection. */
  #beforeConnect: readonly Chunk[] = []
  #timeout: Timeout | null = null
  #noDelay: boolean
  #keepAlive: boolean
  /** Whole seconds, as TCP_KEEPIDLE. */
  #keepAliveDelay: number
  #pulling = false
  #resetting = false
  /** What was pending of a write when the time-out was looked at last. */
  #pendingSeen = 0

  constructor(context: SocketContext, given?: SocketOptions) {
    const options = checkSocketOptions(given)
    const { signal, ...stream } = options
    super({
      ...stream,
      allowHalfOpen: Boolean(options.allowHalfOpen),
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    })
    this.#context = context
    this.#hold = new Hold(context.keeper)
    this.#writer = new Writer(context.scratch)
    this.#intake = bufferIntake(options.onread) ?? new StreamIntake(this, context.reader)
    this.#noDelay = Boolean(options.noDelay)
    this.#keepAlive = Boolean(options.keepAlive)
    this.#keepAliveDelay = ~~((options.keepAliveInitialDelay ?? 0) / 1000)
    this.on('end', onEnd)
    if (signal) addAbortSignal(signal, this)
  }

  // ---- opening and closing

  connect(options: ConnectOptions, listener?: () => void): this
  connect(port: number, host: string, listener?: () => void): this
  connect(port: number, listener?: () => void): this
  connect(path: string, listener?: () => void): this
  connect(...values: unknown[]): this {
    const { options, callback } = normalizeArguments<ConnectOptions>(values)
    if (callback) this.once('connect', callback)
    if (this.write !== Socket.prototype.write) this.write = Socket.prototype.write
    if (this.destroyed) this.#reopen()
    this.#open()
    this.connecting = true
    this._unrefTimer()
    this.#attempt = startConnect(this, this.#context, options)
    return this
  }

  /** For the connector: the connect is on its way (or the reason why it is not). */
  _opened(endpoint: TcpEndpoint): void {
    if (this.#noDelay) endpoint.setOption('noDelay', true)
    if (this.#keepAlive) this.#applyKeepAlive(endpoint)
    this.#attach(endpoint)
  }

  /** For the server: takes over an accepted endpoint. `_start` follows when `connection` was emitted. */
  _accept(endpoint: TcpEndpoint, server: SocketOwner, paused: boolean): void {
    this.server = server
    this._server = server
    this.#attach(endpoint)
    if (paused) this.pause()
    else {
      // The stream asks to be filled, but nothing comes before `connection` was emitted: what is there already
      // then goes straight to the listener.
      this.#pulling = true
      this.read(0)
      this.#pulling = false
    }
  }

  _start(): void {
    this.#pull()
  }

  #attach(endpoint: TcpEndpoint): void {
    this.#endpoint = endpoint
    this.#open()
    endpoint.onReadiness = (events) => {
      this.#scope.runInAsyncScope(this.#onReadiness, this, events)
    }
  }

  #open(): void {
    this.#hold.start()
    this.#context.open.add(this)
  }

  #reopen(): void {
    ;(this as unknown as { _undestroy(): void })._undestroy()
    this.#addresses.forget()
    this.#intake.wanted = false
    this.#intake.bytes = 0
    this.#writer.bytes = 0
  }

  #onReadiness(events: number): void {
    if (this.connecting) {
      if (events & WRITE_EVENTS) this.#afterConnect()
      return
    }
    try {
      if (events & READ_EVENTS) this.#pull()
    } finally {
      if (events & WRITE_EVENTS && this.#endpoint) this.#writer.flush(this.#endpoint)
    }
  }

  #afterConnect(): void {
    const endpoint = this.#endpoint
    const attempt = this.#attempt
    if (!endpoint || !attempt) return
    const errno = endpoint.takeError()
    this.connecting = false
    if (errno !== 0) {
      attempt.failed(errno)
      return
    }
    this._unrefTimer()
    this.emit('connect')
    this.emit('ready')
    if (this.readable && !this.isPaused()) this.read(0)
  }

  override _destroy(error: Error | null, callback: Done): void {
    this.connecting = false
    this.#timeout?.set(0)
    const endpoint = this.#endpoint
    if (endpoint) {
      this.#addresses.remember(endpoint)
      this.#endpoint = null
      endpoint.onReadiness = null
      if (this.#resetting) endpoint.abort()
      else endpoint.close()
      if (this.#writer.callback) process.nextTick(() => this.#writer.finish(0))
      callback(error)
      // As a closed handle in Node: after the ticks and promises of this turn.
      setImmediate(() => this.#scope.runInAsyncScope(this.#emitClose, this, Boolean(error)))
    } else {
      callback(error)
      process.nextTick(() => this.#emitClose(Boolean(error)))
    }
    this.#hold.stop()
    this.#context.open.delete(this)
    if (this._server) {
      this._server._connections--
      this._server._emitCloseIfDrained()
    }
  }

  #emitClose(hadError: boolean): void {
    this.emit('close', hadError)
  }

  /** Ends the sending side; what is queued is sent first. */
  override end(...values: unknown[]): this {
    return super.end(...(values as [])) as this
  }

  /** Closes with a RST instead of a FIN. */
  resetAndDestroy(): this {
    if (!this.#attempt && !this.#endpoint) return this.destroy(socketClosed())
    if (this.connecting) this.once('connect', () => this.#reset())
    else this.#reset()
    return this
  }

  #reset(): void {
    this.#resetting = true
    this.destroy()
  }

  /** Destroys when all that was written is queued. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  closeWithHost(): void {
    this.destroy()
  }

  // ---- reading

  override _read(): void {
    if (this.connecting || !this.#endpoint) {
      this.once('connect', () => this._read())
      return
    }
    this.#intake.wanted = true
    this.#pull()
  }

  /** Takes from the endpoint as long as more is wanted. */
  #pull(): void {
    const intake = this.#intake
    if (this.#pulling || !intake.wanted) return
    this.#pulling = true
    let threw = true
    try {
      while (intake.wanted && this.#endpoint) {
        const result = intake.step(this.#endpoint)
        if (result <= 0) {
          this.#onNoData(result)
          break
        }
        this._unrefTimer()
      }
      threw = false
    } finally {
      this.#pulling = false
      // A listener threw: the rest is still to be told, if the process goes on.
      if (threw) process.nextTick(() => this.#pull())
    }
  }

  #onNoData(result: number): void {
    if (result === -EAGAIN) return
    this.#intake.wanted = false
    if (result === 0) {
      this._unrefTimer()
      this.push(null)
      this.read(0)
    } else this.destroy(systemError('read', result))
  }

  override read(size?: number): unknown {
    this.#resumeManual()
    return super.read(size)
  }

  override pause(): this {
    if (this.#intake?.manual) this.#intake.wanted = false
    return super.pause()
  }

  override resume(): this {
    this.#resumeManual()
    return super.resume()
  }

  #resumeManual(): void {
    if (!this.#intake.manual || this.#intake.wanted || this.connecting || !this.#endpoint) return
    this.#intake.wanted = true
    process.nextTick(() => this.#pull())
  }

  // ---- writing

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, callback: Done): void {
    if (this.connecting) this.#afterConnecting([{ chunk, encoding }], callback)
    else if (!this.#endpoint) callback(socketClosed())
    else this.#afterWrite(this.#writer.write(this.#endpoint, chunk, encoding), callback)
  }

  override _writev(chunks: readonly Chunk[], callback: Done): void {
    if (this.connecting) this.#afterConnecting(chunks, callback)
    else if (!this.#endpoint) callback(socketClosed())
    else this.#afterWrite(this.#writer.writeMany(this.#endpoint, chunks), callback)
  }

  #afterConnecting(chunks: readonly Chunk[], callback: Done): void {
    this.#beforeConnect = chunks
    const onClose = () => callback(closedBeforeConnection())
    this.once('connect', () => {
      this.off('close', onClose)
      this.#beforeConnect = []
      this._writev(chunks, callback)
    })
    this.once('close', onClose)
  }

  #afterWrite(result: number, callback: Done): void {
    this._unrefTimer()
    if (result === 1) callback()
    else if (result < 0) callback(systemError('write', result))
    else {
      this.#pendingSeen = this.#writer.pending
      this.#writer.callback = (end) => {
        this.#pendingSeen = 0
        if (end === 1) callback()
        else callback(end < 0 ? systemError('write', end) : streamDestroyed('write'))
      }
    }
  }

  override _final(callback: Done): void {
    if (this.connecting) {
      this.once('connect', () => this._final(callback))
      return
    }
    const result = this.#endpoint?.shutdown('write') ?? 0
    if (result < 0 && result !== -ENOTCONN) callback(systemError('shutdown', result))
    else callback()
  }

  // ---- time-outs and options

  /** `timeout` is emitted after so many milliseconds without a byte in or out; 0 stops it. The socket stays open. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (this.destroyed) return this
    const duration = validateDuration(milliseconds, 'msecs')
    this.timeout = duration
    if (listener !== undefined) validateFunction(listener, 'callback')
    this.#timeout ??= this.#context.timeouts.create(() => this.#scope.runInAsyncScope(this._onTimeout, this))
    this.#timeout.set(duration)
    if (listener && duration === 0) this.removeListener('timeout', listener)
    else if (listener) this.once('timeout', listener)
    return this
  }

  _onTimeout(): void {
    const pending = this.#writer.pending
    if (pending > 0 && pending !== this.#pendingSeen) {
      // A slow write makes progress.
      this.#pendingSeen = pending
      this._unrefTimer()
    } else this.emit('timeout')
  }

  /** Something moved. The name is Node's, whose http calls it. */
  _unrefTimer(): void {
    this.#timeout?.refresh()
  }

  /** TCP_NODELAY. */
  setNoDelay(enable = true): this {
    this.#noDelay = Boolean(enable)
    this.#endpoint?.setOption('noDelay', this.#noDelay)
    return this
  }

  /** SO_KEEPALIVE; with a delay of a second or more also TCP_KEEPIDLE, and as libuv does TCP_KEEPINTVL 1 s and TCP_KEEPCNT 10. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this.#keepAlive = Boolean(enable)
    this.#keepAliveDelay = ~~(initialDelay / 1000)
    if (this.#endpoint) this.#applyKeepAlive(this.#endpoint)
    return this
  }

  #applyKeepAlive(endpoint: TcpEndpoint): void {
    if (this.#keepAlive && this.#keepAliveDelay > 0) {
      endpoint.setOption('keepIdle', this.#keepAliveDelay * 1_000_000)
      endpoint.setOption('keepInterval', 1_000_000)
      endpoint.setOption('keepCount', 10)
    }
    endpoint.setOption('keepAlive', this.#keepAlive)
  }

  /** It keeps the process alive while it is open. The default. */
  ref(): this {
    this.#hold.ref()
    return this
  }

  unref(): this {
    this.#hold.unref()
    return this
  }

  // ---- what can be asked

  /** As `ss -ti` shows the connection; null when there is none. pagewire's own. */
  info(): TcpInfo | null {
    return this.#endpoint?.info() ?? null
  }

  address(): SocketAddress | Record<string, never> {
    return this.#addresses.local(this.#endpoint) ?? {}
  }

  get localAddress(): string | undefined {
    return this.#addresses.local(this.#endpoint)?.address
  }

  get localPort(): number | undefined {
    return this.#addresses.local(this.#endpoint)?.port
  }

  get localFamily(): string | undefined {
    return this.#addresses.local(this.#endpoint)?.family
  }

  get remoteAddress(): string | undefined {
    return this.connecting ? undefined : this.#addresses.remote(this.#endpoint)?.address
  }

  get remotePort(): number | undefined {
    return this.connecting ? undefined : this.#addresses.remote(this.#endpoint)?.port
  }

  get remoteFamily(): string | undefined {
    return this.connecting ? undefined : this.#addresses.remote(this.#endpoint)?.family
  }

  get bytesRead(): number {
    return this.#intake.bytes
  }

  /** Bytes of all writes, also of those that still wait in the stream. */
  get bytesWritten(): number {
    let bytes = this.#writer.bytes
    const waiting = (this as unknown as { writableBuffer?: Chunk[] }).writableBuffer ?? []
    for (const { chunk, encoding } of waiting) bytes += byteLength(chunk, encoding)
    for (const { chunk, encoding } of this.#beforeConnect) bytes += byteLength(chunk, encoding)
    return bytes
  }

  get bufferSize(): number {
    return this.writableLength
  }

  get pending(): boolean {
    return this.connecting || !this.#endpoint
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }
}

/** A stream that the other side ended and that may not be half-open answers writes with EPIPE. */
function onEnd(this: Socket): void {
  if (!this.allowHalfOpen) this.write = writeAfterEnd
}

function writeAfterEnd(this: Socket, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  if (!this.writableEnded) return Socket.prototype.write.call(this, chunk, encoding as BufferEncoding, callback as Done)
  const done = typeof encoding === 'function' ? encoding : callback
  const error = codedError(Error, 'EPIPE', 'This socket has been ended by the other party')
  if (typeof done === 'function') process.nextTick(done as Done, error)
  this.destroy(error)
  return false
}

const closedBeforeConnection = () =>
  codedError(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established')

function byteLength(chunk: Uint8Array | string, encoding: BufferEncoding): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length
}
