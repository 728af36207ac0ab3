// Bulk transfer as the benchmark's client asks for it: it sends a count (8 bytes, big-endian), gets so many bytes, and closes.
// Owns one connection's count and the ways in which bytes leave: by reference from memory or from a file, by `write`, or
// as Node's streams do it.

import { createReadStream } from 'node:fs'
import type { Socket } from '../../drivers/index.ts'

export type BulkWay =
  | { kind: 'zero-copy'; memory: Buffer }
  | { kind: 'write'; memory: Buffer }
  | { kind: 'send-file'; file: string; size: number }
  | { kind: 'stream'; file: string; size: number; chunk?: number }

const COUNT = 8
/** Pieces by reference that are on their way at a time: what the send buffer holds, and the next. */
const AHEAD = 2

/** Serves one connection. */
export function serveBulk(socket: Socket, way: BulkWay): void {
  readCount(socket, (count) => {
    send(socket, way, count).then(
      () => socket.end(),
      // The client left, or the file changed: the connection has ended with that.
      () => socket.destroy(),
    )
  })
}

function readCount(socket: Socket, then: (count: number) => void): void {
  const head = Buffer.alloc(COUNT)
  let got = 0
  const onData = (bytes: Buffer) => {
    got += bytes.copy(head, got)
    if (got < COUNT) return
    socket.off('data', onData)
    // The end of the connection is still to be noticed.
    socket.resume()
    then(Number(head.readBigUInt64BE(0)))
  }
  socket.on('data', onData)
}

async function send(socket: Socket, way: BulkWay, count: number): Promise<void> {
  for (let left = count; left > 0 && !socket.destroyed; ) left -= await sendSome(socket, way, left)
}

/** As much of `left` bytes as this way sends at a time. */
async function sendSome(socket: Socket, way: BulkWay, left: number): Promise<number> {
  switch (way.kind) {
    case 'zero-copy':
      return sendMemory(socket, way.memory, left)
    case 'write':
      return writeMemory(socket, way.memory, left)
    case 'send-file':
      return socket.sendFile(way.file, { end: Math.min(left, way.size) - 1 })
    case 'stream':
      return stream(socket, way.file, Math.min(left, way.size), way.chunk)
  }
}

/** All of it, a few pieces ahead of the acknowledgments. */
async function sendMemory(socket: Socket, memory: Buffer, count: number): Promise<number> {
  let left = count
  const sendPieces = async () => {
    while (left > 0) {
      const length = Math.min(left, memory.length)
      left -= length
      await socket.writeZeroCopy(length === memory.length ? memory : memory.subarray(0, length))
    }
  }
  await Promise.all(Array.from({ length: AHEAD }, sendPieces))
  return count
}

/** As much as the stream takes before it asks to wait. */
function writeMemory(socket: Socket, memory: Buffer, count: number): Promise<number> {
  let written = 0
  for (;;) {
    const length = Math.min(count - written, memory.length)
    const more = socket.write(length === memory.length ? memory : memory.subarray(0, length))
    written += length
    if (written === count) return Promise.resolve(written)
    if (!more) break
  }
  return new Promise((resolve, reject) => {
    const onClose = () => reject(new Error('closed'))
    socket.once('close', onClose)
    socket.once('drain', () => {
      socket.off('close', onClose)
      resolve(written)
    })
  })
}

/** `chunk`: bytes of each read; Node's own number when undefined. */
function stream(socket: Socket, file: string, length: number, chunk: number | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    const source = createReadStream(file, { end: length - 1, ...(chunk === undefined ? {} : { highWaterMark: chunk }) })
    const onClose = () => {
      source.destroy()
      reject(new Error('closed'))
    }
    socket.once('close', onClose)
    source.once('error', reject)
    source.once('end', () => {
      socket.off('close', onClose)
      resolve(length)
    })
    source.pipe(socket, { end: false })
  })
}
