// How received bytes get into a socket: pushed into the stream piece by piece, or copied into a buffer of the
// application's (the `onread` option). Owns whether more is wanted and the count of bytes; the socket drives it.

import type { OnReadOpts } from 'node:net'
import type { Readable } from 'node:stream'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { Reader } from './reader.ts'

export interface Intake {
  /** False while the application is behind: the bytes stay in the endpoint, whose window closes. */
  wanted: boolean
  bytes: number
  /** Only pause, resume and read of the socket start and stop it, not the stream's own queue. */
  readonly manual: boolean
  /** Takes and hands over one piece. Its length, or what `TcpEndpoint.receive` answered when there was none. */
  step(endpoint: TcpEndpoint): number
}

/** The stream's queue takes Buffers until it is full. */
export class StreamIntake implements Intake {
  wanted = false
  bytes = 0
  private readonly reader: Reader
  private readonly stream: Readable

  constructor(stream: Readable, reader: Reader) {
    this.stream = stream
    this.reader = reader
  }

  get manual(): boolean {
    return false
  }

  step(endpoint: TcpEndpoint): number {
    if (isDiscarding(this.stream)) {
      const length = this.reader.discard(endpoint)
      if (length > 0) this.bytes += length
      return length
    }
    const piece = this.reader.take(endpoint)
    if (typeof piece === 'number') return piece
    this.bytes += piece.length
    if (!this.stream.push(piece)) this.wanted = false
    return piece.length
  }
}

/** `resume()` and nobody listens: the stream would throw each Buffer away, so none is made. */
function isDiscarding(stream: Readable): boolean {
  if (!stream.readableFlowing || stream.readableLength > 0 || stream.readableEncoding !== null) return false
  return stream.listenerCount('data') === 0 && stream.listenerCount('readable') === 0
}

/** The application's own buffer (or the one it gives each time) is filled; its callback says whether to go on. */
export class BufferIntake implements Intake {
  wanted = false
  bytes = 0
  readonly manual = true
  private readonly options: OnReadOpts

  constructor(options: OnReadOpts) {
    this.options = options
  }

  step(endpoint: TcpEndpoint): number {
    const { buffer, callback } = this.options
    const bytes = typeof buffer === 'function' ? buffer() : buffer
    const length = endpoint.receiveInto(bytes, 0, this.most(bytes))
    if (length <= 0) return length
    this.bytes += length
    if (callback(length, bytes) === false) this.wanted = false
    this.took(length)
    return length
  }

  protected most(bytes: Uint8Array): number {
    return bytes.length
  }

  protected took(_length: number): void {}
}

/** As `BufferIntake`, for the next `left` bytes only; `over` is called behind them. */
export class DivertedIntake extends BufferIntake {
  private left: number
  private readonly over: () => void

  constructor(options: OnReadOpts, length: number, over: () => void) {
    super(options)
    this.left = length
    this.over = over
  }

  protected override most(bytes: Uint8Array): number {
    return Math.min(bytes.length, this.left)
  }

  protected override took(length: number): void {
    this.left -= length
    if (this.left > 0) return
    // The loop that drives this intake must not ask it once more: for no bytes the answer would look like the end.
    this.wanted = false
    this.over()
  }
}

/** The `onread` option, or null when it is none: as in Node, a wrong one is ignored. */
export function bufferIntake(options: OnReadOpts | null | undefined): BufferIntake | null {
  if (options === null || typeof options !== 'object' || typeof options.callback !== 'function') return null
  const { buffer } = options
  return buffer instanceof Uint8Array || typeof buffer === 'function' ? new BufferIntake(options) : null
}
