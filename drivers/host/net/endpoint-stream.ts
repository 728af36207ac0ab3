// A Duplex over a TCP endpoint: the moving of bytes in both directions, with back-pressure in both. Owns what is read when
// and what waits to be written; opening, closing and all that Node's Socket has besides are socket.ts's.

import { AsyncResource } from 'node:async_hooks'
import type { OnReadOpts } from 'node:net'
import { Duplex } from 'node:stream'
import { EAGAIN, ENOTCONN } from '../../../stack/base/errno.ts'
import { ERROR, HANGUP, READ_HANGUP, READABLE, type TcpEndpoint, WRITABLE } from '../../../stack/tcp/contract.ts'
import type { CheckedOptions } from './arguments.ts'
import type { ByReference } from './by-reference.ts'
import type { SocketContext } from './context.ts'
import { codedError, socketClosed, streamDestroyed, systemError } from './errors.ts'
import { bufferIntake, DivertedIntake, type Intake, StreamIntake } from './intake.ts'
import { LEAST_LOAN } from './loans.ts'
import { type Chunk, Writer } from './writer.ts'

export type Done = (error?: Error | null) => void

const READ_EVENTS = READABLE | READ_HANGUP | ERROR | HANGUP
const WRITE_EVENTS = WRITABLE | ERROR | HANGUP

export abstract class EndpointStream extends Duplex {
  connecting = false
  /** Whose asynchronous context the application's listeners run in. */
  protected readonly _scope = new AsyncResource('PAGEWIRETCP')
  protected readonly _context: SocketContext
  /** There is none before the first write: many a connection only waits. */
  private _madeWriter: Writer | null = null
  protected _intake: Intake
  protected _endpoint: TcpEndpoint | null = null
  /** A write that waits for the connection. */
  protected _beforeConnect: readonly Chunk[] = NOTHING
  private _pulling = false
  /** The other side's FIN was told. */
  private _ended = false

  constructor(context: SocketContext, options: CheckedOptions) {
    super(options.stream)
    this._context = context
    this._intake = bufferIntake(options.onread) ?? new StreamIntake(this, context.reader)
  }

  protected get _writer(): Writer {
    this._madeWriter ??= new Writer(this._context.scratch, this)
    return this._madeWriter
  }

  /** A write that waited for its memory, or for a file, may go on. */
  abstract _resumeTransfer(): void
  /** Something moved in either direction. */
  abstract _unrefTimer(): void
  /** A connect has ended, well or not. */
  protected abstract _afterConnect(endpoint: TcpEndpoint): void

  protected _attach(endpoint: TcpEndpoint): void {
    this._endpoint = endpoint
    this._ended = false
    endpoint.onReadiness = this
  }

  /** Takes the endpoint away: nothing is read or written any more. */
  protected _detach(): void {
    if (this._endpoint) this._endpoint.onReadiness = null
    this._endpoint = null
    const writer = this._madeWriter
    if (!writer) return
    const finish = () => setImmediate(() => writer.finish(0))
    if (!writer.abandon(finish) && writer.callback) finish()
  }

  /** For the endpoint. */
  onReadiness(events: number): void {
    this._scope.runInAsyncScope(this._takeEvents, this, events)
  }

  private _takeEvents(events: number): void {
    if (this.connecting) {
      if (events & WRITE_EVENTS && this._endpoint) this._afterConnect(this._endpoint)
      return
    }
    try {
      if (events & READ_EVENTS) this._pull()
    } finally {
      if (events & WRITE_EVENTS && this._endpoint) this._madeWriter?.flush(this._endpoint)
    }
  }

  // ---- reading

  /** The stream asks to be filled, but nothing comes before `_pull`. */
  protected _beginReading(): void {
    this._pulling = true
    this.read(0)
    this._pulling = false
  }

  override _read(): void {
    if (this.connecting || !this._endpoint) {
      this.once('connect', () => this._read())
      return
    }
    // A diversion that was stopped goes on when it is told to, not when the stream wants bytes.
    if (!(this._intake instanceof DivertedIntake)) this._intake.wanted = true
    this._pull()
  }

  /** Takes from the endpoint as long as more is wanted. */
  protected _pull(): void {
    const intake = this._intake
    if (this._pulling || !intake.wanted) return
    this._pulling = true
    let threw = true
    try {
      while (intake.wanted && this._endpoint) {
        const result = intake.step(this._endpoint)
        if (result <= 0) {
          this._onNoData(result)
          break
        }
        this._unrefTimer()
      }
      threw = false
    } finally {
      this._pulling = false
      // A listener threw: the rest is still to be told, if the process goes on.
      if (threw) process.nextTick(() => this._pull())
    }
  }

  private _onNoData(result: number): void {
    if (result === -EAGAIN) return
    this._intake.wanted = false
    if (result === 0) {
      this._ended = true
      this._unrefTimer()
      this.push(null)
      this.read(0)
    } else this.destroy(systemError('read', result))
  }

  override read(size?: number): unknown {
    if (!(this._intake instanceof DivertedIntake)) this._resumeManual()
    return super.read(size)
  }

  override pause(): this {
    if (this._intake.manual) this._intake.wanted = false
    return super.pause()
  }

  override resume(): this {
    this._resumeManual()
    return super.resume()
  }

  /**
   * The next `length` received bytes are copied into the buffers that `onread` gives (as with the option of that name: a
   * callback that answers false stops until `resume`) and do not enter the stream, which goes on behind them. So a
   * large body costs no memory of its own. What the stream has taken before stays in it. RangeError for a length that is
   * no positive integer, TypeError while a diversion is on or for a wrong `onread`. pagewire's own.
   */
  divert(length: number, onread: OnReadOpts): void {
    if (!Number.isSafeInteger(length) || length <= 0) throw new RangeError('divert: the length must be 1 or more')
    if (!bufferIntake(onread)) throw new TypeError('divert: onread must have a buffer and a callback')
    const before = this._intake
    if (before instanceof DivertedIntake) throw new TypeError('divert: a diversion is on already')
    const diverted = new DivertedIntake(onread, length, () => {
      before.bytes = diverted.bytes
      before.wanted = true
      this._intake = before
      process.nextTick(() => this._pull())
    })
    diverted.bytes = before.bytes
    diverted.wanted = true
    this._intake = diverted
    process.nextTick(() => this._pull())
  }

  private _resumeManual(): void {
    if (!this._intake.manual || this._intake.wanted || this._ended || this.connecting || !this._endpoint) return
    this._intake.wanted = true
    process.nextTick(() => this._pull())
  }

  // ---- writing

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, callback: Done): void {
    if (this.connecting) this._writeLater([{ chunk, encoding }], callback)
    else if (!this._endpoint) callback(socketClosed())
    else this._afterWrite(this._writer.write(this._endpoint, chunk, encoding), callback)
  }

  override _writev(chunks: readonly Chunk[], callback: Done): void {
    if (this.connecting) this._writeLater(chunks, callback)
    else if (!this._endpoint) callback(socketClosed())
    else this._afterWrite(this._writer.writeMany(this._endpoint, chunks), callback)
  }

  /** For the writer. */
  _lend(endpoint: TcpEndpoint, bytes: Uint8Array): ByReference | null {
    return bytes.length < LEAST_LOAN ? null : this._context.loans.lend(this, endpoint, bytes)
  }

  private _writeLater(chunks: readonly Chunk[], callback: Done): void {
    this._beforeConnect = chunks
    const onClose = () => callback(closedBeforeConnection())
    this.once('connect', () => {
      this.off('close', onClose)
      this._beforeConnect = NOTHING
      this._writev(chunks, callback)
    })
    this.once('close', onClose)
  }

  private _afterWrite(result: number, callback: Done): void {
    this._unrefTimer()
    if (result === 1) callback()
    else if (result < 0) callback(systemError('write', result))
    else {
      this._writer.callback = (end) => {
        if (end === 1) {
          this._onLastQueued()
          callback()
        } else callback(end < 0 ? systemError('write', end) : streamDestroyed('write'))
      }
    }
  }

  /** `end` was called and nothing waits behind what was queued now: the FIN goes with it and not one segment later. */
  private _onLastQueued(): void {
    const { writableBuffer } = this as unknown as { writableBuffer?: readonly unknown[] }
    if (this.writableEnded && !writableBuffer?.some((each) => each !== null)) this._endpoint?.shutdown('write')
  }

  override _final(callback: Done): void {
    if (this.connecting) {
      this.once('connect', () => this._final(callback))
      return
    }
    const result = this._endpoint?.shutdown('write') ?? 0
    const error = result < 0 && result !== -ENOTCONN ? systemError('shutdown', result) : null
    // As in Node: `finish` comes after the ticks and promises of this turn.
    setImmediate(() => this._scope.runInAsyncScope(callback, null, error))
  }
}

const NOTHING: readonly Chunk[] = []

const closedBeforeConnection = () =>
  codedError(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', 'Socket closed before the connection was established')
