// An upload of one file: received under a temporary name beside its place and renamed when it is whole, so that nobody ever
// sees half of it, and an upload that breaks off leaves nothing. What a killed process leaves is swept away at the next
// start.

import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { answer } from './answers.ts'
import { type FileRoot, TEMPORARY_PREFIX } from './file-root.ts'
import { FileSink } from './file-sink.ts'
import { evaluatePreconditions, type Validators, validatorsOf } from './preconditions.ts'
import { formatPath, OWN_PATH } from './request-path.ts'
import { divertibleLength, StagedSink } from './staged-sink.ts'

/** Uploads go to `/upload/NAME` and are served as `/NAME`. */
export const UPLOAD_PATH = 'upload'

/** A refusal: a status and what to say about it. */
export interface Refusal {
  status: number
  detail: string
}

/** Takes uploads into the root folder itself. */
export class UploadService {
  private readonly folder: string
  /** Temporary paths of uploads in progress. */
  private readonly inProgress = new Set<string>()

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Removes what a killed process left in the folder. Throws the file system's error when it cannot be written. */
  static async open(root: FileRoot): Promise<UploadService> {
    await access(root.path, constants.W_OK)
    const service = new UploadService(root.path)
    await service.sweep()
    return service
  }

  /** Why this PUT cannot be, before any of its body came; null when it can. */
  async refusal(request: IncomingMessage, names: readonly string[]): Promise<Refusal | null> {
    const [, name] = names
    if (names.length !== 2 || name === OWN_PATH || name.startsWith(TEMPORARY_PREFIX)) {
      return { status: 404, detail: `upload to /${UPLOAD_PATH}/NAME` }
    }
    if (Buffer.byteLength(name) > 255) return { status: 414, detail: 'the name is longer than 255 bytes' }
    if (request.headers['content-range'] !== undefined) {
      return { status: 400, detail: 'Content-Range is not supported in an upload (RFC 9110 14.5)' }
    }
    const existing = await this.existing(name)
    if (existing === 'folder') return { status: 409, detail: `${formatPath(names.slice(1))} is a folder` }
    const verdict = evaluatePreconditions('PUT', request.headers, existing)
    return verdict === 0 ? null : { status: verdict, detail: '' }
  }

  /** Receives the body. Ends the response, or leaves it when the client is gone. Never throws. */
  async receive(
    request: IncomingMessage,
    response: ServerResponse,
    names: readonly string[],
    asksFirst: boolean,
  ): Promise<void> {
    try {
      const before = await this.existing(names[1])
      const validators = await this.place(join(this.folder, names[1]), (handle) =>
        receiveInto(handle, request, () => {
          const length = asksFirst ? divertibleLength(request) : 0
          // The parser will not have seen the body: it cannot go on behind it.
          if (length > 0) response.setHeader('Connection', 'close')
          if (asksFirst) response.writeContinue()
          return length
        }),
      )
      const headers = { ETag: validators.etag }
      const location = formatPath(names.slice(1))
      if (before) answer(response, 204, '', headers)
      else answer(response, 201, location, { ...headers, Location: location })
    } catch (error) {
      const refusal = refusalOf(error)
      if (!request.destroyed) answer(response, refusal.status, refusal.detail)
    }
  }

  /**
   * Has `fill` write a new file, which gets the name `path` once that has resolved. Rejects with the error of `fill` or of
   * the file system, and leaves nothing then. Where `path` lies is the caller's to check.
   */
  async place<T>(path: string, fill: (handle: FileHandle) => Promise<T>): Promise<T> {
    const temporary = join(this.folder, `${TEMPORARY_PREFIX}${process.pid}-${randomBytes(9).toString('hex')}`)
    this.inProgress.add(temporary)
    try {
      const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
      const handle = await open(temporary, flags, 0o644)
      let result: T
      try {
        result = await fill(handle)
      } finally {
        await handle.close()
      }
      await rename(temporary, path)
      return result
    } catch (error) {
      await unlink(temporary).catch(ignore)
      throw error
    } finally {
      this.inProgress.delete(temporary)
    }
  }

  /** Removes what uploads have received so far: the server stops. */
  async discardAll(): Promise<void> {
    await Promise.all(Array.from(this.inProgress, (path) => unlink(path).catch(ignore)))
  }

  private async existing(name: string): Promise<Validators | 'folder' | null> {
    try {
      const stats = await lstat(join(this.folder, name), { bigint: true })
      return stats.isDirectory() ? 'folder' : validatorsOf(stats, Date.now())
    } catch {
      return null
    }
  }

  private async sweep(): Promise<void> {
    for (const name of await readdir(this.folder)) {
      const match = name.startsWith(TEMPORARY_PREFIX) && /^(\d+)-/.exec(name.slice(TEMPORARY_PREFIX.length))
      if (match && !isAlive(Number(match[1]))) await unlink(join(this.folder, name)).catch(ignore)
    }
  }
}

/**
 * The state of the file that was written. `begin` asks the client for the body and answers how many bytes go past the
 * parser. Rejects when the request breaks off or the disk refuses.
 */
async function receiveInto(handle: FileHandle, request: IncomingMessage, begin: () => number): Promise<Validators> {
  const length = begin()
  const sink = length > 0 ? new StagedSink(handle, request, length) : new FileSink(handle, request)
  await sink.finished
  return validatorsOf(await handle.stat({ bigint: true }), Date.now())
}

/** What went wrong with an upload, as HTTP says it. */
export function refusalOf(error: unknown): Refusal {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return { status: 507, detail: 'no room for the file' }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return { status: 403, detail: 'the folder cannot be written' }
  if (code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EEXIST')
    return { status: 409, detail: 'a folder has this name' }
  return { status: 500, detail: code }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function ignore(): void {}
