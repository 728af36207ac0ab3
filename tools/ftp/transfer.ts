// What goes over a data connection: bytes of a file, lines, or an upload; and the reply that says how it ended. Stream mode
// (RFC 959 3.4.1): the end of the connection is the end of the file.

import { type FileHandle, mkdir } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream'
import { type FileRoot, TEMPORARY_PREFIX } from '../serve/file-root.ts'
import { FileSink } from '../serve/file-sink.ts'
import { sendFileInto, Writer } from '../serve/send-file.ts'
import { isDivertible, StagedSink } from '../serve/staged-sink.ts'
import { refusalOf, type UploadService } from '../serve/upload.ts'
import { quotePath } from './ftp-path.ts'
import { fromNetworkLines, LineEnds } from './line-ends.ts'

/** Type A: lines end in CR LF on the wire. Type I: bytes as they are. */
export type TransferType = 'A' | 'I'

/** A code and its text. */
export type Reply = readonly [code: number, text: string]

const COPY_SIZE = 1024 * 1024
const LINES_SIZE = 256 * 1024

const COMPLETE: Reply = [226, 'Transfer complete.']
const BROKEN: Reply = [426, 'The data connection was closed before the end.']

/** Which bytes of which file go out, and how. The handle stays the caller's. */
export interface Sending {
  handle: FileHandle
  start: number
  size: number
  type: TransferType
}

export async function sendFile(socket: Socket, { handle, start, size, type }: Sending): Promise<Reply> {
  try {
    const sent = type === 'A' ? await sendLines(socket, handle, size) : await sendBytes(socket, handle, start, size)
    return sent && (await ends(socket)) ? COMPLETE : BROKEN
  } catch {
    // A reset rather than an orderly end: what the client has is not the file.
    socket.resetAndDestroy()
    return [451, 'The file cannot be read to its end.']
  }
}

function sendBytes(socket: Socket, handle: FileHandle, start: number, size: number): Promise<boolean> {
  return start >= size ? Promise.resolve(true) : sendFileInto(socket, handle, start, size - 1)
}

/** The whole file with each line ended by CR LF: through a buffer, since these bytes are in no page of the file. */
async function sendLines(socket: Socket, handle: FileHandle, size: number): Promise<boolean> {
  const writer = new Writer(socket, socket)
  const buffer = Buffer.allocUnsafeSlow(Math.min(size, LINES_SIZE))
  const lines = new LineEnds()
  try {
    for (let at = 0; at < size; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, size - at), at)
      if (bytesRead === 0) throw new Error('the file became shorter while it was sent')
      if (!(await writer.write(lines.toNetwork(buffer.subarray(0, bytesRead))))) return false
      at += bytesRead
    }
    return true
  } finally {
    writer.forget()
  }
}

export async function sendText(socket: Socket, text: string, done: Reply = COMPLETE): Promise<Reply> {
  if (socket.destroyed) return BROKEN
  socket.write(text)
  return (await ends(socket)) ? done : BROKEN
}

/** Where an upload goes, and what of the old file stays before it: so many bytes, or all. */
export interface Destination {
  root: FileRoot
  uploads: UploadService
  names: readonly string[]
  keep: number | 'all'
  type: TransferType
}

/** Why this cannot be a file's place, or null. Asked before any byte comes. */
export async function destinationTrouble({ root, names, keep }: Destination): Promise<Reply | null> {
  if (!isName(names.at(-1))) return [553, 'No file can have this name.']
  const folder = await root.open(names.slice(0, -1))
  if (!('handle' in folder)) return [550, 'There is no such folder.']
  await folder.handle.close()
  if (!folder.directory) return [550, 'This is a file, not a folder.']
  const existing = await root.open(names)
  if (!('handle' in existing))
    return keep === 0 || keep === 'all' ? null : [554, 'There is no such file to go on with.']
  await existing.handle.close()
  if (existing.directory) return [550, 'A folder has this name.']
  if (keep !== 'all' && keep > existing.stats.size) return [554, 'The file is shorter than that.']
  return null
}

/** Receives until the client ends. The file gets its name when it is whole. */
export async function receiveFile(socket: Socket, destination: Destination): Promise<Reply> {
  const { root, uploads, names, keep, type } = destination
  const folder = await root.open(names.slice(0, -1))
  if (!('handle' in folder)) {
    socket.destroy()
    return [550, 'There is no such folder.']
  }
  try {
    await uploads.place(placeIn(folder.handle, root, names), async (handle) => {
      if (keep !== 0) await copyBeginning(root, names, keep, handle)
      await sinkOf(handle, socket, type).finished
    })
    socket.end()
    return COMPLETE
  } catch (error) {
    const gone = socket.destroyed
    socket.destroy()
    if (gone) return BROKEN
    const { status, detail } = refusalOf(error)
    return status === 507 ? [452, 'No room for the file.'] : [status === 500 ? 451 : 550, `Not stored: ${detail}.`]
  } finally {
    await folder.handle.close()
  }
}

/** MKD: a new folder. */
export async function makeFolder(root: FileRoot, names: readonly string[]): Promise<Reply> {
  if (!isName(names.at(-1))) return [553, 'No folder can have this name.']
  const folder = await root.open(names.slice(0, -1))
  if (!('handle' in folder)) return [550, 'There is no folder to make it in.']
  try {
    await mkdir(placeIn(folder.handle, root, names))
    return [257, `${quotePath(names)} was made.`]
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    return [550, exists ? 'There is something of this name.' : 'It cannot be made.']
  } finally {
    await folder.handle.close()
  }
}

/** The path of a new entry, by its open folder itself, so that one that is exchanged for a link in between leads nowhere. */
function placeIn(folder: FileHandle, root: FileRoot, names: readonly string[]): string {
  const base = process.platform === 'linux' ? `/proc/self/fd/${folder.fd}` : join(root.path, ...names.slice(0, -1))
  return join(base, names[names.length - 1])
}

function isName(name: string | undefined): boolean {
  return name !== undefined && !name.startsWith(TEMPORARY_PREFIX) && Buffer.byteLength(name) <= 255
}

/** Takes all that the connection brings, behind what the file has. */
function sinkOf(handle: FileHandle, socket: Socket, type: TransferType): { finished: Promise<void> } {
  if (type === 'A') return new FileSink(handle, pipeline(socket, fromNetworkLines(), ignore))
  if (isDivertible(socket)) return new StagedSink(handle, socket)
  const sink = new FileSink(handle, socket)
  socket.resume()
  return sink
}

/** The first bytes of the file as it is into the new one. A file that is not there has none. */
async function copyBeginning(
  root: FileRoot,
  names: readonly string[],
  keep: number | 'all',
  to: FileHandle,
): Promise<void> {
  const from = await root.open(names)
  if (!('handle' in from)) return
  try {
    const end = keep === 'all' ? Number(from.stats.size) : keep
    const buffer = Buffer.allocUnsafeSlow(Math.min(end, COPY_SIZE))
    for (let at = 0; at < end; ) {
      const { bytesRead } = await from.handle.read(buffer, 0, Math.min(buffer.length, end - at), at)
      if (bytesRead === 0) break
      for (let done = 0; done < bytesRead; ) done += (await to.write(buffer, done, bytesRead - done)).bytesWritten
      at += bytesRead
    }
  } finally {
    await from.handle.close()
  }
}

/** Ends our side; true when all was handed over, false when the connection broke. */
function ends(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('finish', () => resolve(true))
    socket.once('close', () => resolve(socket.writableFinished))
    if (socket.destroyed) resolve(false)
    socket.end()
    // Whatever the client still says is of no use, but its end must be heard.
    socket.resume()
  })
}

function ignore(): void {}
