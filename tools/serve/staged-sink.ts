// A request's body into an open file, past the HTTP parser: a socket of the stack's own copies it straight into a few
// buffers that are written and filled again, so that an upload of any size makes no garbage and the collector never stops the
// loop while a sender waits for its acknowledgment. Only where nothing of the body came yet (the client waits for 100
// Continue) and its length is known; the connection ends after the answer, since the parser never saw the body.

import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { OnReadOpts } from 'node:net'

/** Bytes of one buffer, and how many one upload has: one is filled, one is written, one is ready. */
const STAGE = 1024 * 1024
const STAGES = 4

/** What a socket of the stack's own has beyond Node's. */
interface DivertingSocket {
  divert(length: number, onread: OnReadOpts): void
}

/** The body's length if it can be taken past the parser, else 0. */
export function divertibleLength(request: IncomingMessage): number {
  const length = Number(request.headers['content-length'] ?? 0)
  const { socket } = request
  if (!('divert' in socket) || request.headers['transfer-encoding'] !== undefined) return 0
  if (request.readableLength > 0 || socket.readableLength > 0 || request.complete) return 0
  return length >= STAGE ? length : 0
}

export class StagedSink {
  /** Resolves when the whole body is in the file. Rejects when it breaks off, or with the disk's error. */
  readonly finished: Promise<void>
  private readonly handle: FileHandle
  private readonly request: IncomingMessage
  private readonly stages = Array.from({ length: STAGES }, () => Buffer.allocUnsafeSlow(STAGE))
  /** Bytes that came, and that are in the file. */
  private came = 0
  private written = 0
  private readonly length: number
  private settle!: (error: unknown) => void
  private writing: Promise<void> = Promise.resolve()

  constructor(handle: FileHandle, request: IncomingMessage, length: number) {
    this.handle = handle
    this.request = request
    this.length = length
    const { socket } = request
    this.finished = new Promise<void>((resolve, reject) => {
      this.settle = (error) => {
        this.settle = () => {}
        request.off('close', this.onClose)
        socket.off('close', this.onClose)
        if (error) reject(error)
        else resolve()
      }
    })
    request.on('close', this.onClose)
    socket.on('close', this.onClose)
    const onread = { buffer: () => this.space(), callback: (bytes: number) => this.took(bytes) }
    ;(socket as unknown as DivertingSocket).divert(length, onread)
  }

  private readonly onClose = (): void => this.settle(new Error('the client is gone'))

  /** Where the next bytes go: the rest of the buffer that is being filled. */
  private space(): Uint8Array {
    return this.stages[Math.floor(this.came / STAGE) % STAGES].subarray(this.came % STAGE)
  }

  /** False while no buffer is free: the client is held back. */
  private took(bytes: number): boolean {
    this.came += bytes
    if (this.came % STAGE === 0 || this.came === this.length) {
      const end = this.came
      this.writing = this.writing.then(() => this.write(end))
    }
    return this.came < this.written - (this.written % STAGE) + STAGE * STAGES
  }

  /** Writes up to `end`, which lies in the buffer after what is written. Never rejects. */
  private async write(end: number): Promise<void> {
    try {
      while (this.written < end) {
        const stage = this.stages[Math.floor(this.written / STAGE) % STAGES]
        const at = this.written % STAGE
        const { bytesWritten } = await this.handle.write(stage, at, end - this.written, this.written)
        this.written += bytesWritten
      }
      if (this.written === this.length) this.settle(null)
      else this.request.socket.resume()
    } catch (error) {
      this.settle(error)
    }
  }
}
