// Sends bytes of an open file into an HTTP response: the one function to replace when files go out by reference. Reads
// large pieces while the piece before is being taken, waits for the socket (back-pressure), and stops when the client is
// gone. Buffers come from a small pool, so that many transfers one after another leave memory flat.

import type { FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Bytes of one read. Large enough that a trip to the thread pool costs little, small enough to stay near the cache. */
export const READ_SIZE = 1024 * 1024

/** Buffers kept for the next transfer. */
const KEPT_BUFFERS = 16
const kept: Buffer[] = []

/**
 * Sends bytes `start` to `end` (both included). True when all were taken, false when the client is gone. Throws when the
 * file cannot be read or has become shorter: the response can then only be destroyed.
 */
export async function sendFile(
  response: ServerResponse,
  handle: FileHandle,
  start: number,
  end: number,
): Promise<boolean> {
  const writer = new Writer(response)
  const buffers: Buffer[] = []
  let written: Promise<boolean> | null = null
  let alive = false
  try {
    let turn = 0
    for (let at = start; at <= end; turn ^= 1) {
      const wanted = Math.min(READ_SIZE, end - at + 1)
      buffers[turn] ??= takeBuffer(end - start + 1)
      const { bytesRead } = await handle.read(buffers[turn], 0, wanted, at)
      if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
      // What was written one turn ago must have been taken before its buffer is read into again.
      if (written && !(await written)) return false
      written = writer.write(buffers[turn].subarray(0, bytesRead))
      at += bytesRead
    }
    alive = written === null || (await written)
    return alive
  } finally {
    writer.forget()
    // A dead connection may still hold a buffer: that one is not used again.
    if (alive) for (const buffer of buffers) giveBuffer(buffer)
  }
}

/** Writes to a response until its client is gone; no write is waited for longer than that. */
class Writer {
  private readonly response: ServerResponse
  /** The connection itself: a pipelined response has none of its own yet, and would not hear of its end. */
  private readonly socket: Socket
  private gone: boolean
  private leave: ((taken: boolean) => void) | null = null
  private readonly onClose = () => {
    this.gone = true
    this.leave?.(false)
  }

  constructor(response: ServerResponse) {
    this.response = response
    this.socket = response.req.socket
    this.gone = response.destroyed || this.socket.destroyed
    response.on('close', this.onClose)
    this.socket.on('close', this.onClose)
  }

  /** True once the socket has taken the bytes: the buffer is free again. */
  write(bytes: Buffer): Promise<boolean> {
    if (this.gone) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.leave = resolve
      this.response.write(bytes, (error) => resolve(!error && !this.gone))
    })
  }

  forget(): void {
    this.response.off('close', this.onClose)
    this.socket.off('close', this.onClose)
  }
}

function takeBuffer(wanted: number): Buffer {
  if (wanted <= READ_SIZE / 8) return Buffer.allocUnsafe(wanted)
  return kept.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE)
}

function giveBuffer(buffer: Buffer): void {
  if (buffer.length === READ_SIZE && kept.length < KEPT_BUFFERS) kept.push(buffer)
}
