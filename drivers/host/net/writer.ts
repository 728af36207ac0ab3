// From a stream's writes to an endpoint's send queue. Copies what fits and keeps the rest until there is room; one
// write (or one batch of many small ones) at a time, as Node's Writable promises. Owns what is not queued yet and the
// callback of its write. What goes by reference (by-reference.ts) queues itself in its turn.

import { EAGAIN } from '../../../stack/base/errno.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import { type ByReference, behindMarker } from './by-reference.ts'

export interface Chunk {
  chunk: Uint8Array | string
  encoding: BufferEncoding
}

const NOTHING: readonly Chunk[] = []

/** The stream, as its writer knows it. */
export interface Lender {
  /** What stands for a large chunk that need not be copied; null: copy it. */
  _lend(endpoint: TcpEndpoint, bytes: Uint8Array): ByReference | null
}

export class Writer {
  /** Bytes of all writes so far, queued or not. */
  bytes = 0
  /** Called when all of the pending write is queued, or with an errno (negative). Set while a write is pending. */
  callback: ((result: number) => void) | null = null
  private readonly scratch: Buffer
  private readonly lender: Lender
  private chunks = NOTHING
  private index = 0
  /** What is left of the chunk before `index`. */
  private rest: Uint8Array | null = null
  /** Bytes by reference before `index`, not all of them queued. */
  private transfer: ByReference | null = null

  constructor(scratch: Buffer, lender: Lender) {
    this.scratch = scratch
    this.lender = lender
  }

  /** Bytes of the pending write that are not queued. Strings not reached yet count with their length. */
  get pending(): number {
    let bytes = this.rest?.length ?? this.transfer?.remaining ?? 0
    for (let i = this.index; i < this.chunks.length; i++) bytes += this.chunks[i].chunk.length
    return bytes
  }

  /** Chunks of the pending write that were not reached; `bytes` does not count them yet. */
  get unreached(): readonly Chunk[] {
    return this.index < this.chunks.length ? this.chunks.slice(this.index) : NOTHING
  }

  /** One write. 1: all of it is queued. 0: the rest waits for `flush`. Negative: the endpoint's errno. */
  write(endpoint: TcpEndpoint, chunk: Uint8Array | string, encoding: BufferEncoding): number {
    return this.put(endpoint, chunk, encoding)
  }

  /** Many writes as one. */
  writeMany(endpoint: TcpEndpoint, chunks: readonly Chunk[]): number {
    this.chunks = chunks
    this.index = 0
    return this.run(endpoint)
  }

  /** Goes on with the pending write. */
  flush(endpoint: TcpEndpoint): void {
    if (!this.callback) return
    const result = this.run(endpoint)
    if (result !== 0) this.finish(result)
  }

  /** The stream is destroyed. */
  abandon(free: () => void): boolean {
    return this.transfer?.abandon?.(free) ?? false
  }

  /** Ends the pending write, if there is one. */
  finish(result: number): void {
    const { callback } = this
    this.clear()
    this.callback = null
    callback?.(result)
  }

  private run(endpoint: TcpEndpoint): number {
    if (this.rest) {
      const result = this.send(endpoint, this.rest, this.rest.length, false)
      if (result <= 0) return result
    }
    if (this.transfer) {
      const result = this.pump(endpoint, this.transfer)
      if (result <= 0) return result
    }
    while (this.index < this.chunks.length) {
      const { chunk, encoding } = this.chunks[this.index++]
      const result = this.put(endpoint, chunk, encoding)
      if (result <= 0) return result
    }
    this.clear()
    return 1
  }

  private put(endpoint: TcpEndpoint, chunk: Uint8Array | string, encoding: BufferEncoding): number {
    return typeof chunk === 'string' ? this.sendText(endpoint, chunk, encoding) : this.count(endpoint, chunk)
  }

  private pump(endpoint: TcpEndpoint, transfer: ByReference): number {
    this.transfer = transfer
    const before = transfer.queued
    const result = transfer.pump(endpoint)
    if (!transfer.isWrite) this.bytes += transfer.queued - before
    if (result === 1) this.transfer = null
    else if (result < 0) this.clear()
    return result
  }

  private count(endpoint: TcpEndpoint, bytes: Uint8Array): number {
    if (bytes.length === 0) {
      const transfer = behindMarker(bytes)
      if (transfer) return this.pump(endpoint, transfer)
    }
    this.bytes += bytes.length
    const loan = this.lender._lend(endpoint, bytes)
    if (loan) return this.pump(endpoint, loan)
    return this.send(endpoint, bytes, bytes.length, false)
  }

  private sendText(endpoint: TcpEndpoint, text: string, encoding: BufferEncoding): number {
    // No encoding makes more than three bytes of a UTF-16 unit.
    if (text.length * 3 > this.scratch.length) return this.count(endpoint, Buffer.from(text, encoding))
    const length = this.scratch.write(text, encoding)
    this.bytes += length
    return this.send(endpoint, this.scratch, length, true)
  }

  /** `borrowed`: the bytes are in the scratch buffer, and what is left must be copied out of it. */
  private send(endpoint: TcpEndpoint, bytes: Uint8Array, length: number, borrowed: boolean): number {
    this.rest = null
    if (length === 0) return 1
    const sent = endpoint.send(bytes, 0, length)
    if (sent === length) return 1
    if (sent < 0 && sent !== -EAGAIN) {
      this.clear()
      return sent
    }
    const rest = bytes.subarray(Math.max(sent, 0), length)
    this.rest = borrowed ? Buffer.from(rest) : rest
    return 0
  }

  private clear(): void {
    this.chunks = NOTHING
    this.index = 0
    this.rest = null
    this.transfer = null
  }
}
