// A request's body, or all that a connection brings, into an open file: while one batch of what came is being written, the next is collected, so that network
// and disk work side by side; beyond a limit the client is held back. When the disk refuses, the connection is left
// alive, unlike `pipeline` would leave it, so that the client can be told why.

import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/** Bytes that may be collected while others are being written, before the client is held back. */
const BATCH = 2 * 1024 * 1024
/** IOV_MAX of Linux. */
const MOST_PIECES = 1024

export class FileSink {
  /** Resolves when the whole body is in the file. Rejects when it breaks off, or with the disk's error. */
  readonly finished: Promise<void>
  private readonly handle: FileHandle
  private readonly request: IncomingMessage | Duplex
  private readonly socket: Duplex
  private collected: Buffer[] = []
  private bytes = 0
  private writing = false
  private ended = false
  private settle!: (error: unknown) => void

  constructor(handle: FileHandle, request: IncomingMessage | Duplex) {
    this.handle = handle
    this.request = request
    const socket = 'socket' in request ? request.socket : request
    this.socket = socket
    this.finished = new Promise<void>((resolve, reject) => {
      this.settle = (error) => {
        this.settle = () => {}
        request.off('data', this.onData).off('end', this.onEnd).off('close', this.onClose)
        socket.off('close', this.onClose)
        // What still comes is of no use to anybody, but must be read before an answer can be heard.
        request.resume()
        if (error) reject(error)
        else resolve()
      }
    })
    request.on('data', this.onData).on('end', this.onEnd).on('close', this.onClose)
    socket.on('close', this.onClose)
    if (request.destroyed || socket.destroyed) this.onClose()
  }

  private readonly onData = (chunk: Buffer): void => {
    this.collected.push(chunk)
    this.bytes += chunk.length
    if (!this.writing) void this.write()
    else if (this.bytes >= BATCH || this.collected.length >= MOST_PIECES) this.request.pause()
  }

  private readonly onEnd = (): void => {
    this.ended = true
    if (!this.writing) this.settle(null)
  }

  private readonly onClose = (): void => {
    const { request } = this
    if (!('complete' in request ? request.complete : request.readableEnded))
      this.settle(new Error('the client is gone'))
  }

  /** What is in the file need not stay in memory: a socket of the stack's own takes its pages back. */
  private giveBack(batch: readonly Buffer[]): void {
    const socket: { recycle?(bytes: Uint8Array): boolean } = this.socket as object
    if (socket.recycle) for (const chunk of batch) socket.recycle(chunk)
  }

  /** Writes batch after batch until nothing is left. Never rejects. */
  private async write(): Promise<void> {
    this.writing = true
    try {
      while (this.bytes > 0) {
        const batch = this.collected
        this.collected = []
        this.bytes = 0
        this.request.resume()
        await writeAll(this.handle, batch)
        this.giveBack(batch)
      }
      this.writing = false
      if (this.ended) this.settle(null)
    } catch (error) {
      this.settle(error)
    }
  }
}

async function writeAll(handle: FileHandle, buffers: Buffer[]): Promise<void> {
  let left = buffers.slice()
  while (left.length > 0) {
    let { bytesWritten } = await handle.writev(left.slice(0, MOST_PIECES))
    let whole = 0
    while (whole < left.length && bytesWritten >= left[whole].length) bytesWritten -= left[whole++].length
    left = left.slice(whole)
    if (left.length > 0 && bytesWritten > 0) left[0] = left[0].subarray(bytesWritten)
  }
}
