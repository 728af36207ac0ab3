// The three ways of a file's bytes into a connection. Each sends `bytes` bytes, the file over and over, and resolves when the
// last were queued or acknowledged. Copies that the stack cannot see (read(2), the mapping) are counted here, where they are made.

import type { FileHandle } from 'node:fs/promises'
import type { MappedCopy } from '../../drivers/files/index.ts'
import type { Host, Socket } from '../../drivers/index.ts'
import type { Method } from './cells.ts'

/** As much as one read or copy brings: less than what a socket takes as a loan and does not copy. */
export const CHUNK = 128 * 1024
/** Chunks of `mmap+write` that may wait for their acknowledgement: as much as the send buffer holds. */
const CHUNKS = 32

/** What all methods send from. */
export interface Source {
  /** Its path, also when it has no name any more. */
  path: string
  handle: FileHandle
  size: number
  mapped: MappedCopy
  /** Bytes that read(2) copied, and how often it was called. */
  readBytes: number
  reads: number
}

type Send = (host: Host, socket: Socket, source: Source, bytes: number) => Promise<void>

export const SENDERS: Record<Method, Send> = {
  'read+write': readAndWrite,
  'mmap+write': mapAndWrite,
  sendfile: sendFile,
}

/** The stretches of the file that make up `bytes` bytes: [offset, length). */
export function* stretches(size: number, bytes: number, most: number): Generator<[offset: number, length: number]> {
  for (let done = 0, at = 0; done < bytes; ) {
    const length = Math.min(most, size - at, bytes - done)
    yield [at, length]
    done += length
    at = (at + length) % size
  }
}

/** The next stretch is read while the last is written, as a stream with two buffers does. */
async function readAndWrite(_host: Host, socket: Socket, source: Source, bytes: number): Promise<void> {
  const buffers = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)]
  let written: Promise<void> = Promise.resolve()
  let turn = 0
  for (const [offset, length] of stretches(source.size, bytes, CHUNK)) {
    const buffer = buffers[turn++ % 2]
    const { bytesRead } = await source.handle.read(buffer, 0, length, offset)
    source.reads++
    source.readBytes += bytesRead
    if (bytesRead !== length) throw new Error('the file became shorter')
    await written
    written = write(socket, buffer.subarray(0, length))
  }
  await written
}

/**
 * What write(2) from a mapping does: one copy, by the processor, from the mapping into the memory that is sent. Here native
 * code makes it, into memory that the card can point at, so that it is the only one.
 */
async function mapAndWrite(host: Host, socket: Socket, source: Source, bytes: number): Promise<void> {
  const buffers = Array.from({ length: CHUNKS }, () => host.alloc(CHUNK))
  const sent: Promise<unknown>[] = buffers.map(() => Promise.resolve())
  let turn = 0
  for (const [offset, length] of stretches(source.size, bytes, CHUNK)) {
    const slot = turn++ % CHUNKS
    await sent[slot]
    const piece = buffers[slot].subarray(0, length)
    source.mapped.copy(offset, piece)
    sent[slot] = socket.writeZeroCopy(piece)
  }
  await Promise.all(sent)
}

async function sendFile(_host: Host, socket: Socket, source: Source, bytes: number): Promise<void> {
  const sent: Promise<number>[] = []
  for (const [start, length] of stretches(source.size, bytes, source.size)) {
    sent.push(socket.sendFile(source.path, { start, end: start + length - 1 }))
  }
  await Promise.all(sent)
}

function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
