// What goes over a data connection: bytes of a file, lines, or an upload; and the reply that says how it ended. Stream mode
// (RFC 959 3.4.1): the end of the connection is the end of the file.

import type { FileHandle } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { type FileRoot, TEMPORARY_PREFIX } from '../serve/file-root.ts'
import { FileSink } from '../serve/file-sink.ts'
import { sendFileInto } from '../serve/send-file.ts'
import { refusalOf, type UploadService } from '../serve/upload.ts'

/** A code and its text. */
export type Reply = readonly [code: number, text: string]

const COPY_SIZE = 1024 * 1024

const COMPLETE: Reply = [226, 'Transfer complete.']
const BROKEN: Reply = [426, 'The data connection was closed before the end.']

/** Sends the file from byte `start` on. The handle stays the caller's. */
export async function sendBytes(socket: Socket, handle: FileHandle, start: number, size: number): Promise<Reply> {
  try {
    const sent = start >= size || (await sendFileInto(socket, handle, start, size - 1))
    return sent && (await ends(socket)) ? COMPLETE : BROKEN
  } catch {
    // A reset rather than an orderly end: what the client has is not the file.
    socket.resetAndDestroy()
    return [451, 'The file cannot be read to its end.']
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
}

/** Why this cannot be a file's place, or null. Asked before any byte comes. */
export async function destinationTrouble({ root, names, keep }: Destination): Promise<Reply | null> {
  const name = names.at(-1)
  if (name === undefined || name.startsWith(TEMPORARY_PREFIX) || Buffer.byteLength(name) > 255)
    return [553, 'No file can have this name.']
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
  const { root, uploads, names, keep } = destination
  const folder = await root.open(names.slice(0, -1))
  if (!('handle' in folder)) {
    socket.destroy()
    return [550, 'There is no such folder.']
  }
  try {
    // By the open folder itself, so that one that is exchanged for a link in between leads nowhere.
    const base =
      process.platform === 'linux' ? `/proc/self/fd/${folder.handle.fd}` : join(root.path, ...names.slice(0, -1))
    await uploads.place(join(base, names[names.length - 1]), async (handle) => {
      if (keep !== 0) await copyBeginning(root, names, keep, handle)
      const { finished } = new FileSink(handle, socket)
      socket.resume()
      await finished
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
