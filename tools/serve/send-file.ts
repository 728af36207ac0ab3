// Sends bytes of an open file into an HTTP response or a connection. On a socket of the stack's own by reference, header and
// file in the same segments; on others (TLS, a response that waits behind another) through buffers: reads large pieces
// while those before are being taken, waits for the socket (back-pressure), and stops when the client is gone. Buffers
// come from a small pool, so that many transfers one after another leave memory flat.

import type { FileHandle } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex, Writable } from 'node:stream'

/** Bytes of one read. Large enough that a trip to the thread pool costs little, small enough to stay near the cache. */
export const READ_SIZE = 1024 * 1024
/** Reads of one transfer that are under way, done, or being taken by the socket. */
const DEPTH = 3

/** Buffers kept for the next transfer. */
const KEPT_BUFFERS = 32
const kept: Buffer[] = []

/** A buffer and the read that fills it. */
interface Slot {
  buffer: Buffer
  reading: Promise<number>
}

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
  if (start > end) return true
  const socket = ownSocket(response)
  if (socket) return sendByReference(response, socket, handle, start, end)
  return sendByCopy(response, response.req.socket, handle, start, end)
}

/** As `sendFile`, into a connection. Ends when all is acknowledged, or taken where the socket is not the stack's own. */
export async function sendFileInto(socket: Duplex, handle: FileHandle, start: number, end: number): Promise<boolean> {
  if (start > end) return true
  if (!('sendFile' in socket)) return sendByCopy(socket, socket, handle, start, end)
  try {
    await (socket as FileSocket).sendFile(handle, { start, end })
    return true
  } catch (error) {
    if (socket.destroyed) return false
    throw error
  }
}

/** A socket that sends files itself. */
interface FileSocket extends Socket {
  sendFile(file: FileHandle, range: { start: number; end: number }): Promise<number>
}

/** The response's socket when bytes may be put on it right behind the header, and it can send files. */
function ownSocket(response: ServerResponse): FileSocket | null {
  const { socket } = response
  if (!socket || socket.destroyed || response.chunkedEncoding || !('sendFile' in socket)) return null
  return socket as FileSocket
}

/** As `sendFile`. Ends when all is queued: what follows then follows at once. */
async function sendByReference(
  response: ServerResponse,
  socket: FileSocket,
  handle: FileHandle,
  start: number,
  end: number,
): Promise<boolean> {
  socket.cork()
  if (!response.headersSent) response.writeHead(response.statusCode)
  response.flushHeaders()
  const before = socket.bytesWritten
  let failure: unknown = null
  socket.sendFile(handle, { start, end }).catch((error) => {
    failure = error
  })
  // Its turn comes when the file is queued.
  const queued = new Promise<boolean>((resolve) => socket.write(EMPTY, (error) => resolve(!error)))
  socket.uncork()
  const alive = await queued
  if (failure && !socket.destroyed) throw failure
  if (alive && socket.bytesWritten - before !== end - start + 1) {
    throw new Error('the file became shorter while it was sent')
  }
  return alive && !socket.destroyed
}

const EMPTY = Buffer.alloc(0)

/** As `sendFile`, into any stream that is a connection, or goes over one. */
async function sendByCopy(
  stream: Writable,
  connection: Duplex,
  handle: FileHandle,
  start: number,
  end: number,
): Promise<boolean> {
  const writer = new Writer(stream, connection)
  const slots: Slot[] = []
  let ahead = start
  const read = (buffer: Buffer): Promise<number> => {
    const at = ahead
    const wanted = Math.min(buffer.length, end - at + 1)
    ahead += wanted
    const reading = readWhole(handle, buffer, wanted, at)
    // Whoever awaits it hears of an error; until then nobody has to.
    reading.catch(ignore)
    return reading
  }
  let alive = false
  try {
    while (slots.length < DEPTH && ahead <= end) {
      const buffer = takeBuffer(end - ahead + 1)
      slots.push({ buffer, reading: read(buffer) })
    }
    for (let at = start, turn = 0; at <= end; turn = (turn + 1) % slots.length) {
      const slot = slots[turn]
      const bytes = await slot.reading
      if (!(await writer.write(slot.buffer.subarray(0, bytes)))) return false
      at += bytes
      if (ahead <= end) slot.reading = read(slot.buffer)
    }
    alive = true
    return true
  } finally {
    writer.forget()
    // The handle is the caller's to close, the buffers are the next one's: no read may be under way then. A dead
    // connection may still hold a buffer: that one is not used again.
    await Promise.allSettled(slots.map(({ reading }) => reading))
    if (alive) for (const { buffer } of slots) giveBuffer(buffer)
  }
}

/** Fills `wanted` bytes of the buffer; `wanted`. */
async function readWhole(handle: FileHandle, buffer: Buffer, wanted: number, at: number): Promise<number> {
  for (let done = 0; done < wanted; ) {
    const { bytesRead } = await handle.read(buffer, done, wanted - done, at + done)
    if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
    done += bytesRead
  }
  return wanted
}

/** Writes to a stream until its client is gone; no write is waited for longer than that. */
export class Writer {
  private readonly stream: Writable
  /** The connection itself: a pipelined response has none of its own yet, and would not hear of its end. */
  private readonly connection: Duplex
  private gone: boolean
  private leave: ((taken: boolean) => void) | null = null
  private readonly onClose = () => {
    this.gone = true
    this.leave?.(false)
  }

  constructor(stream: Writable, connection: Duplex) {
    this.stream = stream
    this.connection = connection
    this.gone = stream.destroyed || connection.destroyed
    stream.on('close', this.onClose)
    connection.on('close', this.onClose)
  }

  /** True once the socket has taken the bytes: the buffer is free again. */
  write(bytes: Buffer): Promise<boolean> {
    if (this.gone) return Promise.resolve(false)
    return new Promise((resolve) => {
      this.leave = resolve
      this.stream.write(bytes, (error) => resolve(!error && !this.gone))
    })
  }

  forget(): void {
    this.stream.off('close', this.onClose)
    this.connection.off('close', this.onClose)
  }
}

function takeBuffer(wanted: number): Buffer {
  if (wanted <= READ_SIZE / 8) return Buffer.allocUnsafe(wanted)
  return kept.pop() ?? Buffer.allocUnsafeSlow(READ_SIZE)
}

function giveBuffer(buffer: Buffer): void {
  if (buffer.length === READ_SIZE && kept.length < KEPT_BUFFERS) kept.push(buffer)
}

function ignore(): void {}
