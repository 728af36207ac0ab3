// The files that a host sends from: opens them, finds the same file again by what it is (device, inode, size, modification
// time), and looks before and after each burst whether one that is being sent has changed. Owns the page cache and its store.
// A file that nobody sends is kept for some seconds, so that its pages serve the next one, but not for ever: its
// space on the disk would stay taken after it was deleted.

import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { EINVAL, EISDIR } from '../../stack/base/errno.ts'
import { type CachedFile, PageCache } from '../../stack/buffer/page-cache.ts'
import { fileError } from './file-error.ts'
import type { FileSource, FileStore } from './store.ts'

/** Pages that are read before they are asked for. */
const READ_AHEAD = 4
/** A file that nobody sends is kept so long at least, and twice as long at most, milliseconds. */
const KEEP = 5000

/** Who sends from a file. */
export interface FileUser {
  /** The file is not what it was: nothing of it may be sent any more. */
  onFileChanged(): void
}

export class Files {
  readonly cache: PageCache
  readonly store: FileStore
  /** Times that a file was looked at: a system call each. */
  checks = 0
  private readonly users = new Map<CachedFile, Set<FileUser>>()
  /** Files without users, and whether they had none at the last look already. */
  private readonly idle = new Map<CachedFile, boolean>()
  private timer: NodeJS.Timeout | null = null
  private closed = false

  /** `budget`: bytes of pages that are kept, 0: as the store has it. */
  constructor(store: FileStore, budget = 0) {
    this.store = store
    this.cache = new PageCache({ pageSize: store.pageSize, budget: budget || store.budget, readAhead: READ_AHEAD })
  }

  /** Files that are being sent, and that are kept. */
  get sending(): number {
    return this.users.size
  }

  /** The file for one user, who calls `release`. Rejects with a system error, EISDIR or EINVAL for what is no file. */
  async open(target: string | URL | FileHandle, user: FileUser): Promise<CachedFile> {
    if (typeof target !== 'string' && !(target instanceof URL)) return this.use(await this.store.open(target), user)
    // A FIFO would hold up a thread of the pool until somebody writes to it.
    const handle = await open(target, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const stats = await handle.stat()
      if (stats.isDirectory()) throw fileError('read', EISDIR)
      if (!stats.isFile()) throw fileError('read', EINVAL, 'not a regular file')
      return this.use(await this.store.open(handle), user)
    } finally {
      await handle.close()
    }
  }

  release(file: CachedFile, user: FileUser): void {
    const users = this.users.get(file)
    if (!users?.delete(user)) return
    file.release()
    if (users.size > 0) return
    this.users.delete(file)
    if (file.forgotten) return
    this.idle.set(file, false)
    this.timer ??= setInterval(() => this.sweep(), KEEP).unref()
  }

  /** Looks whether files that are being sent have changed, and tells those who send them. Before and after each burst. */
  check(): void {
    if (this.users.size === 0) return
    for (const [file, users] of this.users) {
      if (file.forgotten) continue
      this.checks++
      if (!(file.source as FileSource).hasChanged()) continue
      this.cache.forget(file)
      for (const user of [...users]) user.onFileChanged()
    }
  }

  /** Resolves when no page is being loaded. */
  quiet(): Promise<void> {
    if (this.cache.loading === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.cache.onQuiet = resolve
    })
  }

  /** Nothing is sent any more. Loads under way end by themselves. */
  close(): void {
    if (this.closed) return
    this.closed = true
    if (this.timer) clearInterval(this.timer)
    this.idle.clear()
    this.cache.close()
    this.store.close()
  }

  private use(source: FileSource, user: FileUser): CachedFile {
    if (this.closed) {
      source.close()
      throw fileError('sendFile', EINVAL, 'the host is closed')
    }
    const known = this.cache.find(source.key)
    if (known) source.close()
    const file = known ?? this.cache.add(source.key, source)
    this.idle.delete(file)
    const users = this.users.get(file)
    if (users) users.add(user)
    else this.users.set(file, new Set([user]))
    return file
  }

  private sweep(): void {
    for (const [file, before] of this.idle) {
      if (before) {
        this.idle.delete(file)
        this.cache.forget(file)
      } else {
        this.idle.set(file, true)
      }
    }
    if (this.idle.size > 0 || !this.timer) return
    clearInterval(this.timer)
    this.timer = null
  }
}
