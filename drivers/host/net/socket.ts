// net.Socket's face over a TCP endpoint: Node's signatures, events, properties and errors around endpoint-stream.ts. Owns
// opening and closing as an application sees them; all protocol state is the endpoint's. Not an instance of node:net's
// Socket, so that tls and http2 wrap it as a stream and never look for a handle of libuv.

import type { FileHandle } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { EALREADY, EISCONN } from '../../../stack/base/errno.ts'
import type { TcpEndpoint, TcpInfo } from '../../../stack/tcp/contract.ts'
import type { Closable } from '../open-list.ts'
import type { Timeout } from '../timeouts.ts'
import { Addresses, type SocketAddress } from './addresses.ts'
import { CheckedOptions, type ConnectOptions, normalizeArguments, type SocketOptions } from './arguments.ts'
import { markerOf } from './by-reference.ts'
import { Attempt } from './connector.ts'
import type { SocketContext } from './context.ts'
import { type Done, EndpointStream } from './endpoint-stream.ts'
import { codedError, socketClosed, streamDestroyed } from './errors.ts'
import { FileTransfer, type SendFileOptions } from './file-transfer.ts'
import { MemoryTransfer } from './memory-transfer.ts'
import type { SocketSettings } from './socket-settings.ts'
import type { Transfer, TransferOwner } from './transfer.ts'
import { validateDuration, validateFile, validateFunction, validateNumber, validateRange } from './validate.ts'
import type { Chunk } from './writer.ts'

/** Whoever accepted the socket and counts it: our Server, or one of Node's. */
export interface SocketOwner {
  _connections: number
  _emitCloseIfDrained(): void
}

export class Socket extends EndpointStream implements Closable, TransferOwner {
  /** The server that accepted it, null for a client. */
  server: unknown = null
  _server: SocketOwner | null = null
  /** Milliseconds, as `setTimeout` was told. */
  timeout: number | undefined
  _attempted: string[] | null = null
  private _addresses: Addresses | null = null
  _openPlace = -1
  private _settings: SocketSettings
  private _attempt: Attempt | null = null
  private _timeout: Timeout | null = null
  private _resetting = false
  /** `unref` was called: it does not keep the process alive. */
  private _unrefd = false
  /** There is, or was, a connection: who its peer was can be asked for. */
  private _connected = false
  /** What was pending of a write when the time-out was looked at last. */
  private _pendingSeen = 0

  constructor(context: SocketContext, given?: SocketOptions | CheckedOptions) {
    const options = given instanceof CheckedOptions ? given : new CheckedOptions(given)
    super(context, options)
    this._settings = options.settings
    this.on('end', onEnd)
    if (options.signal) addAbortSignal(options.signal, this)
  }

  // ---- opening

  connect(options: ConnectOptions, listener?: () => void): this
  connect(port: number, host: string, listener?: () => void): this
  connect(port: number, listener?: () => void): this
  connect(path: string, listener?: () => void): this
  connect(...values: unknown[]): this {
    const { options, callback } = normalizeArguments<ConnectOptions>(values)
    if (callback) this.once('connect', callback)
    if (this.write !== Socket.prototype.write) this.write = Socket.prototype.write
    if (this.destroyed) this._reopen()
    this._attempt = new Attempt(this, this._context, options)
    this._open()
    this.connecting = true
    this._unrefTimer()
    this._attempt.start()
    return this
  }

  private _open(): void {
    const { open, keeper } = this._context
    if (!this._unrefd && !open.has(this)) keeper.hold()
    open.add(this)
  }

  private _reopen(): void {
    ;(this as unknown as { _undestroy(): void })._undestroy()
    this._addresses = null
    this._connected = false
    this._attempted = null
    this._intake.wanted = false
    this._intake.bytes = 0
    this._writer.bytes = 0
  }

  /** For the connector: why another connect is refused. */
  get _busy(): number {
    if (!this._endpoint) return 0
    return this._connected ? EISCONN : EALREADY
  }

  /** For the connector: the connect is on its way. */
  _opened(endpoint: TcpEndpoint): void {
    this._settings.apply(endpoint)
    this._attach(endpoint)
  }

  protected override _afterConnect(endpoint: TcpEndpoint): void {
    const errno = endpoint.takeError()
    this.connecting = false
    if (errno !== 0) {
      this._attempt?.failed(errno)
      return
    }
    this._connected = true
    this._unrefTimer()
    this.emit('connect')
    this.emit('ready')
    if (this.readable && !this.isPaused()) this.read(0)
  }

  /** For the server: takes over an accepted endpoint. `_start` follows when `connection` was emitted. */
  _accept(endpoint: TcpEndpoint, server: SocketOwner, paused: boolean): void {
    this.server = server
    this._server = server
    this._connected = true
    this._open()
    this._settings.apply(endpoint)
    this._attach(endpoint)
    // What is there already goes straight to the listeners that `connection` adds.
    if (paused) this.pause()
    else this._beginReading()
  }

  _start(): void {
    this._pull()
  }

  // ---- closing

  override _destroy(error: Error | null, callback: Done): void {
    this.connecting = false
    this._timeout?.set(0)
    const endpoint = this._endpoint
    const opened = endpoint || this._attempt
    this._attempt = null
    this._detach()
    if (endpoint) {
      if (this._connected) this._ends.remote(endpoint)
      if (this._resetting) endpoint.abort()
      else endpoint.close()
    }
    callback(error)
    // As a closed handle in Node: after the ticks and promises of this turn.
    if (opened) setImmediate(() => this._scope.runInAsyncScope(this._emitClose, this, Boolean(error)))
    else process.nextTick(() => this.emit('close'))
    this._resetting = false
    if (this._context.open.delete(this) && !this._unrefd) this._context.keeper.drop()
    if (this._server) {
      this._server._connections--
      this._server._emitCloseIfDrained()
    }
  }

  private _emitClose(hadError: boolean): void {
    this.emit('close', hadError)
  }

  /** Closes with a RST instead of a FIN. */
  resetAndDestroy(): this {
    if (this.connecting) this.once('connect', () => this._reset())
    else if (this._endpoint) this._reset()
    else this.destroy(socketClosed())
    return this
  }

  private _reset(): void {
    this._resetting = true
    this.destroy()
  }

  /** Destroys when all that was written is queued. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  /** The host closes: what was written is still sent. */
  closeWithHost(now: boolean): void {
    if (now || this.pending) this.destroy()
    else this.destroySoon()
  }

  // ---- by reference

  /**
   * Sends a file, or bytes `start` to `end` of it (both included, as in `createReadStream`), in its turn among the writes and
   * without copying: TCP points at the pages of the file. Resolves with the number of bytes when all were acknowledged
   * and nothing refers to the pages. Rejects with `bytesSent` (bytes that were queued): AbortError when `signal` says so,
   * what the disk or the network said, or ESTALE when the file became shorter or was modified meanwhile; then the
   * connection is reset too. A file that cannot be opened leaves the connection as it is. pagewire's own.
   */
  sendFile(file: string | URL | FileHandle, options: SendFileOptions = {}): Promise<number> {
    validateFile(file)
    validateRange(options.start, options.end)
    if (this.destroyed || this.writableEnded) return Promise.reject(this._cannotSend('sendFile'))
    return this._transfer(new FileTransfer(this, this._context.files, file, options))
  }

  /**
   * Sends memory that `host.alloc` made without copying it; resolves when all was acknowledged and the bytes may be changed
   * again. Other memory is copied, and counted as such: it resolves when it was queued. pagewire's own.
   */
  writeZeroCopy(bytes: Uint8Array): Promise<number> {
    if (!(bytes instanceof Uint8Array)) return Promise.reject(new TypeError('writeZeroCopy takes a Uint8Array'))
    if (this.destroyed || this.writableEnded) return Promise.reject(this._cannotSend('writeZeroCopy'))
    const { shared } = this._context
    if (shared.has(bytes)) return this._transfer(new MemoryTransfer(this, shared, bytes))
    return new Promise((resolve, reject) => {
      this.write(bytes, (error) => (error ? reject(Object.assign(error, { bytesSent: 0 })) : resolve(bytes.length)))
    })
  }

  private _transfer(transfer: Transfer): Promise<number> {
    this.write(markerOf(transfer), (error) => {
      if (error) transfer.fail(this.errored ?? error)
    })
    return transfer.promise
  }

  private _cannotSend(what: string): Error {
    return Object.assign(streamDestroyed(what), { bytesSent: 0 })
  }

  _resumeTransfer(): void {
    const endpoint = this._endpoint
    if (endpoint && !this.connecting) this._scope.runInAsyncScope(() => this._writer.flush(endpoint))
  }

  _failTransfer(error: Error): void {
    this._resetting = true
    this.destroy(error)
  }

  // ---- time-outs and options

  /** `timeout` is emitted after so many milliseconds without a byte in or out; 0 stops it. The socket stays open. */
  setTimeout(milliseconds: number, listener?: () => void): this {
    if (this.destroyed) return this
    const duration = validateDuration(milliseconds, 'msecs')
    this.timeout = duration
    if (listener !== undefined) validateFunction(listener, 'callback')
    this._timeout ??= this._context.timeouts.create(() => this._scope.runInAsyncScope(this._onTimeout, this))
    this._timeout.set(duration)
    if (listener && duration === 0) this.removeListener('timeout', listener)
    else if (listener) this.once('timeout', listener)
    return this
  }

  _onTimeout(): void {
    const { pending } = this._writer
    const moves = pending > 0 && pending !== this._pendingSeen
    this._pendingSeen = pending
    if (moves) this._unrefTimer()
    else this.emit('timeout')
  }

  /** Something moved. The name is Node's, whose http calls it. */
  _unrefTimer(): void {
    this._timeout?.refresh()
  }

  /** TCP_NODELAY. */
  setNoDelay(enable = true): this {
    this._settings = this._settings.withNoDelay(this._endpoint, Boolean(enable))
    return this
  }

  /** SO_KEEPALIVE; with a delay of a second (1000) or more also TCP_KEEPIDLE, and as libuv TCP_KEEPINTVL 1 s, TCP_KEEPCNT 10. */
  setKeepAlive(enable = false, initialDelay = 0): this {
    this._settings = this._settings.withKeepAlive(this._endpoint, Boolean(enable), initialDelay)
    return this
  }

  /** IP_TOS: the DSCP and ECN byte of what is sent, 0 to 255. */
  setTypeOfService(value: number): this {
    this._settings = this._settings.withTrafficClass(this._endpoint, validateNumber(value, 'tos'))
    return this
  }

  getTypeOfService(): number {
    return this._endpoint?.getOption('trafficClass') ?? this._settings.trafficClass
  }

  /** It keeps the process alive while it is open. The default. */
  ref(): this {
    if (this._unrefd && this._context.open.has(this)) this._context.keeper.hold()
    this._unrefd = false
    return this
  }

  unref(): this {
    if (!this._unrefd && this._context.open.has(this)) this._context.keeper.drop()
    this._unrefd = true
    return this
  }

  // ---- what can be asked

  /** As `ss -ti` shows the connection; null when there is none. pagewire's own. */
  info(): TcpInfo | null {
    return this._endpoint?.info() ?? null
  }

  /**
   * Gives received bytes back: a Buffer that `data` brought, or parts of it, none of them twice. A page whose bytes were
   * all given back takes the next frames without a trip through the collector; nobody may look at it any more. Not to
   * give back is no leak. True if the bytes were in a page of the card. pagewire's own.
   */
  recycle(bytes: Uint8Array): boolean {
    return this._context.reader.giveBack(bytes)
  }

  address(): SocketAddress | Record<string, never> {
    return this._ends.local(this._endpoint) ?? {}
  }

  get localAddress(): string | undefined {
    return this._ends.local(this._endpoint)?.address
  }

  get localPort(): number | undefined {
    return this._ends.local(this._endpoint)?.port
  }

  get localFamily(): string | undefined {
    return this._ends.local(this._endpoint)?.family
  }

  get remoteAddress(): string | undefined {
    return this.connecting ? undefined : this._ends.remote(this._endpoint)?.address
  }

  get remotePort(): number | undefined {
    return this.connecting ? undefined : this._ends.remote(this._endpoint)?.port
  }

  get remoteFamily(): string | undefined {
    return this.connecting ? undefined : this._ends.remote(this._endpoint)?.family
  }

  /** Addresses that were tried, as `192.0.2.1:80`. */
  get autoSelectFamilyAttemptedAddresses(): string[] {
    this._attempted ??= []
    return this._attempted
  }

  private get _ends(): Addresses {
    this._addresses ??= new Addresses()
    return this._addresses
  }

  get bytesRead(): number {
    return this._intake.bytes
  }

  /** Bytes of all writes, also of those that still wait in the stream. */
  get bytesWritten(): number {
    const { writableBuffer } = this as unknown as { writableBuffer?: readonly Chunk[] }
    const { bytes, unreached } = this._writer
    return bytes + byteLength(unreached) + byteLength(writableBuffer ?? []) + byteLength(this._beforeConnect)
  }

  get bufferSize(): number {
    return this.writableLength
  }

  get pending(): boolean {
    return this.connecting || !this._endpoint
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

function byteLength(chunks: readonly Chunk[]): number {
  let bytes = 0
  for (const { chunk, encoding } of chunks) {
    bytes += typeof chunk === 'string' ? Buffer.byteLength(chunk, encoding) : chunk.length
  }
  return bytes
}
