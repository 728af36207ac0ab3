// The folder whose files are served: opens and lists what is inside of it and nothing else. The second wall against
// escapes: a file is judged by where its open descriptor really is, so that neither a symbolic link nor one that is
// swapped in between leads out. Links that stay inside work.

import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'

/** Names with this beginning belong to uploads in progress: they are never listed nor served. */
export const TEMPORARY_PREFIX = '.pagewire-upload-'

/** Folders with more entries than this are listed up to here, unless another limit is asked for. */
export const LISTING_LIMIT = 10_000

export type OpenResult = { handle: FileHandle; stats: BigIntStats; directory: boolean } | { status: 403 | 404 | 503 }

export interface ListingEntry {
  name: string
  directory: boolean
  /** Bytes; 0 for a directory. */
  size: number
  /** Milliseconds since 1970. */
  modified: number
}

export class FileRoot {
  /** The real path, without a slash at its end unless it is `/`. */
  readonly path: string

  private constructor(path: string) {
    this.path = path
  }

  /** Throws the error of the file system, or one with code ENOTDIR. */
  static async open(directory: string): Promise<FileRoot> {
    const path = await realpath(directory)
    if (!(await stat(path)).isDirectory()) {
      throw Object.assign(new Error(`ENOTDIR: not a folder, ${directory}`), { code: 'ENOTDIR' })
    }
    return new FileRoot(path)
  }

  /** Opens a file or folder below the root; the caller closes the handle. Never throws for what a request may ask. */
  async open(names: readonly string[]): Promise<OpenResult> {
    if (names.some((name) => name.startsWith(TEMPORARY_PREFIX))) return { status: 404 }
    const path = join(this.path, ...names)
    let handle: FileHandle | null = null
    try {
      const before = await stat(path)
      // A FIFO would hold a thread, and opening a device can have effects.
      if (!before.isFile() && !before.isDirectory()) return { status: 403 }
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
      const stats = await handle.stat({ bigint: true })
      const servable = stats.isFile() || stats.isDirectory()
      if (servable && this.contains(await whereIs(handle, path))) {
        const result = { handle, stats, directory: stats.isDirectory() }
        handle = null
        return result
      }
      return { status: servable ? 404 : 403 }
    } catch (error) {
      return { status: statusOf(error) }
    } finally {
      await handle?.close()
    }
  }

  /** Whether something has this path, reachable or not. */
  async exists(names: readonly string[]): Promise<boolean> {
    return await lstat(join(this.path, ...names)).then(
      () => true,
      () => false,
    )
  }

  /**
   * The entries of a folder, folders first, by name, `limit` of them at most; null when it cannot be read. Links that lead
   * out are left out.
   */
  async list(
    names: readonly string[],
    limit: number = LISTING_LIMIT,
  ): Promise<{ entries: ListingEntry[]; complete: boolean } | null> {
    const directory = join(this.path, ...names)
    try {
      if (!this.contains(await realpath(directory))) return null
      const all = (await readdir(directory)).filter((name) => !name.startsWith(TEMPORARY_PREFIX))
      const names = all.slice(0, limit)
      const entries: ListingEntry[] = []
      for (let at = 0; at < names.length; at += 64) {
        const batch = await Promise.all(names.slice(at, at + 64).map((name) => this.describe(directory, name)))
        for (const entry of batch) if (entry) entries.push(entry)
      }
      entries.sort((a, b) => Number(b.directory) - Number(a.directory) || (a.name < b.name ? -1 : 1))
      return { entries, complete: names.length === all.length }
    } catch {
      return null
    }
  }

  /** True for the root itself and all that is below it. */
  contains(path: string): boolean {
    if (path === this.path) return true
    return path.startsWith(this.path.endsWith(sep) ? this.path : this.path + sep)
  }

  private async describe(directory: string, name: string): Promise<ListingEntry | null> {
    const path = join(directory, name)
    try {
      const link = (await lstat(path)).isSymbolicLink()
      if (link && !this.contains(await realpath(path))) return null
      const stats = await stat(path)
      if (!stats.isFile() && !stats.isDirectory()) return null
      return { name, directory: stats.isDirectory(), size: stats.isFile() ? stats.size : 0, modified: stats.mtimeMs }
    } catch {
      return null
    }
  }
}

/** Where an open file is now, as the kernel says; elsewhere than on Linux, where its path leads. */
async function whereIs(handle: FileHandle, path: string): Promise<string> {
  if (process.platform === 'linux') return await readlink(`/proc/self/fd/${handle.fd}`)
  return await realpath(path)
}

function statusOf(error: unknown): 403 | 404 | 503 {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EACCES' || code === 'EPERM') return 403
  if (code === 'EMFILE' || code === 'ENFILE') return 503
  return 404
}
