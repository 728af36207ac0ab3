// What comes over a connection of the stack's own into an open file: copied straight into a few buffers that are written and
// filled again, so that an upload of any size makes no garbage and the collector never stops the loop while a sender waits for
// its acknowledgment. A request's body goes past the HTTP parser so: only where nothing of it came yet (the client waits
// for 100 Continue) and its length is known; the connection ends after the answer, since the parser never saw the body.

import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { OnReadOpts, Socket } from 'node:net'

/** Bytes of one buffer, and how many one upload has: one is filled, one is written, one is ready. */
const STAGE = 1024 * 1024
const STAGES = 4
/** Buffers kept for the next upload. */
const KEPT_STAGES = 8
const kept: Buffer[] = []

/** What a socket of the stack's own has beyond Node's. */
interface DivertingSocket {
  divert(length: number, onread: OnReadOpts): void
}

/** The body's length if it can be taken past the parser, else 0. */
export function divertibleLength(request: IncomingMessage): number {
  const length = Number(request.headers['content-length'] ?? 0)
  if (!isDivertible(request.socket) || request.headers['transfer-encoding'] !== undefined) return 0
  if (request.readableLength > 0 || request.complete) return 0
  return length >= STAGE ? length : 0
}

/** Whether a sink can take what comes next over a connection. */
export function isDivertible(socket: Socket): boolean {
  return 'divert' in socket && socket.readableLength === 0
}

export class StagedSink {
  /** Resolves when all is in the file. Rejects when it breaks off, or with the disk's error. */
  readonly finished: Promise<void>
  private readonly handle: FileHandle
  private readonly source: IncomingMessage | Socket
  private readonly socket: Socket
  private readonly stages: Buffer[] = []
  /** Bytes that came, and that are in the file. */
  private came = 0
  private written = 0
  /** Bytes that are to come; a connection's is known at its end. */
  private length: number
  private settle!: (error: unknown) => void
  private writing: Promise<void> = Promise.resolve()

  /** All that a connection brings, or the body of a request, `length` bytes; behind what the file has. */
  constructor(handle: FileHandle, source: Socket)
  constructor(handle: FileHandle, source: IncomingMessage, length: number)
  constructor(handle: FileHandle, source: IncomingMessage | Socket, length = Number.MAX_SAFE_INTEGER) {
    this.handle = handle
    this.source = source
    this.length = length
    const socket = 'socket' in source ? source.socket : source
    this.socket = socket
    this.finished = new Promise<void>((resolve, reject) => {
      this.settle = (error) => {
        this.settle = () => {}
        source.off('close', this.onClose).off('end', this.onEnd)
        socket.off('close', this.onClose)
        if (error) return reject(error)
        // All that was to come has come: nobody fills them any more.
        while (this.stages.length > 0 && kept.length < KEPT_STAGES) kept.push(this.stages.pop() as Buffer)
        resolve()
      }
    })
    source.on('close', this.onClose)
    if (socket === source) socket.on('end', this.onEnd)
    else socket.on('close', this.onClose)
    const onread = { buffer: () => this.space(), callback: (bytes: number) => this.took(bytes) }
    ;(socket as unknown as DivertingSocket).divert(length, onread)
    if (socket.destroyed) this.onClose()
  }

  private readonly onClose = (): void => {
    // What came before an orderly end is still being written.
    if (this.source !== this.socket || !this.socket.readableEnded) this.settle(new Error('the client is gone'))
  }

  private readonly onEnd = (): void => {
    this.length = this.came
    this.writeLater()
  }

  /** Where the next bytes go: the rest of the buffer that is being filled. */
  private space(): Uint8Array {
    const turn = Math.floor(this.came / STAGE) % STAGES
    this.stages[turn] ??= kept.pop() ?? Buffer.allocUnsafeSlow(STAGE)
    return this.stages[turn].subarray(this.came % STAGE)
  }

  /** False while no buffer is free: the client is held back. */
  private took(bytes: number): boolean {
    this.came += bytes
    if (this.came % STAGE === 0 || this.came === this.length) this.writeLater()
    return this.came < this.written - (this.written % STAGE) + STAGE * STAGES
  }

  private writeLater(): void {
    const end = this.came
    this.writing = this.writing.then(() => this.write(end))
  }

  /** Writes up to `end`, which lies in the buffer after what is written. Never rejects. */
  private async write(end: number): Promise<void> {
    try {
      while (this.written < end) {
        const stage = this.stages[Math.floor(this.written / STAGE) % STAGES]
        const at = this.written % STAGE
        const { bytesWritten } = await this.handle.write(stage, at, end - this.written, null)
        this.written += bytesWritten
      }
      if (this.written === this.length) this.settle(null)
      else this.socket.resume()
    } catch (error) {
      this.settle(error)
    }
  }
}
