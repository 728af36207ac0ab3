// The page cache: pages of files, found by (file, page index). Owns one reference of every page in it, shares loads that
// are under way, reads ahead, and lets the least recently used pages go when their bytes exceed the budget; a page that
// somebody else holds stays where it is until that one releases it. Does no I/O: a source loads pages and says whether
// they are still in memory. Pages are never written to.

import type { Page } from './page.ts'

/** Where the pages of one file come from. Offsets and lengths are bytes. */
export interface PageSource {
  /** Bytes of the file, as it was when it was opened. */
  readonly size: number
  /**
   * Brings bytes [offset, offset + length) into a page, whose first byte is `offset`'s; the reference is the taker's. `done`
   * comes exactly once, never from within the call: a page, or null and a positive errno.
   */
  load(offset: number, length: number, done: (page: Page | null, errno: number) => void): void
  /** Whether a page that was loaded can be read without waiting for the disk. */
  isResident(page: Page): boolean
  /** Nothing will be loaded any more. Pages that are out stay valid. */
  close(): void
}

export interface PageCacheOptions {
  /** Bytes of a page of the cache; the last one of a file may be shorter. */
  pageSize: number
  /** Bytes that may be kept. Pages in use elsewhere count, but cannot be let go. */
  budget: number
  /** Pages that are loaded before they are asked for. */
  readAhead: number
}

/** `errno` 0: the page is there. */
export type Waiter = (errno: number) => void

interface Entry {
  file: CachedFile
  index: number
  /** Null while it is being loaded. */
  page: Page | null
  waiters: Waiter[]
  /** Neighbours in the order of use; null at the ends, and while it is being loaded. */
  older: Entry | null
  newer: Entry | null
}

export class PageCache {
  /** Bytes of the pages that are kept. */
  bytes = 0
  /** Loads under way. */
  loading = 0
  hits = 0
  misses = 0
  loads = 0
  evictions = 0
  /** Pages that were kept but had to be loaded again, since they had left memory. */
  reloads = 0
  /** The last load that was under way has ended. */
  onQuiet: (() => void) | null = null
  readonly options: Readonly<PageCacheOptions>
  private readonly files = new Map<string, CachedFile>()
  private oldest: Entry | null = null
  private newest: Entry | null = null

  constructor(options: PageCacheOptions) {
    this.options = options
  }

  /** Files that are known by their key. */
  get fileCount(): number {
    return this.files.size
  }

  /** The file of that key, with one more user; null when there is none. */
  find(key: string): CachedFile | null {
    const file = this.files.get(key)
    if (!file) return null
    file.users++
    return file
  }

  /** A file that is not known yet, with one user. The cache closes the source. */
  add(key: string, source: PageSource): CachedFile {
    if (this.files.has(key)) throw new Error(`the file ${key} is in the cache already`)
    const file = new CachedFile(this, key, source)
    this.files.set(key, file)
    return file
  }

  /** Lets go of a file and its pages: the key is free. Those who use it still may, until they release it. */
  forget(file: CachedFile): void {
    if (this.files.get(file.key) === file) this.files.delete(file.key)
    if (file.forgotten) return
    file.forgotten = true
    for (const entry of [...file.entries.values()]) if (entry.page) this.drop(entry)
    if (file.users === 0) file.close()
  }

  /** Forgets every file. */
  close(): void {
    for (const file of [...this.files.values()]) this.forget(file)
  }

  // For CachedFile.

  /** The page with a reference for the caller, or null when it has to be loaded. */
  take(file: CachedFile, index: number): Page | null {
    const entry = file.entries.get(index)
    if (!entry?.page) {
      this.misses++
      return null
    }
    if (!file.source.isResident(entry.page)) {
      this.reloads++
      this.drop(entry)
      return null
    }
    this.hits++
    if (entry !== this.newest) {
      this.unlink(entry)
      this.link(entry)
    }
    return entry.page.retain()
  }

  load(file: CachedFile, index: number, waiter: Waiter | null): void {
    const known = file.entries.get(index)
    if (known) {
      if (waiter) known.waiters.push(waiter)
      return
    }
    const waiters = waiter ? [waiter] : []
    const entry: Entry = { file, index, page: null, waiters, older: null, newer: null }
    file.entries.set(index, entry)
    this.loading++
    this.loads++
    const offset = index * this.options.pageSize
    const length = Math.min(this.options.pageSize, file.size - offset)
    file.source.load(offset, length, (page, errno) => this.onLoaded(entry, page, errno))
  }

  private onLoaded(entry: Entry, page: Page | null, errno: number): void {
    this.loading--
    const { waiters } = entry
    entry.waiters = []
    if (!page) {
      entry.file.entries.delete(entry.index)
    } else {
      entry.page = page
      this.bytes += page.length
      this.link(entry)
      // While the waiters are told, the page is theirs to take.
      page.retain()
    }
    for (const waiter of waiters) waiter(page ? 0 : errno)
    if (entry.file.forgotten && entry.page) this.drop(entry)
    page?.release()
    this.trim()
    if (this.loading === 0) this.onQuiet?.()
  }

  /** Lets pages go, the least recently used first, until the rest fits the budget. */
  private trim(): void {
    for (let entry = this.oldest; entry && this.bytes > this.options.budget; ) {
      const next: Entry | null = entry.newer
      if ((entry.page as Page).count === 1) {
        this.evictions++
        this.drop(entry)
      }
      entry = next
    }
  }

  private drop(entry: Entry): void {
    const page = entry.page as Page
    this.unlink(entry)
    entry.page = null
    entry.file.entries.delete(entry.index)
    this.bytes -= page.length
    page.release()
  }

  private link(entry: Entry): void {
    entry.older = this.newest
    entry.newer = null
    if (this.newest) this.newest.newer = entry
    else this.oldest = entry
    this.newest = entry
  }

  private unlink(entry: Entry): void {
    if (entry.older) entry.older.newer = entry.newer
    else this.oldest = entry.newer
    if (entry.newer) entry.newer.older = entry.older
    else this.newest = entry.older
    entry.older = entry.newer = null
  }
}

/** A file in the cache. Every user calls `release` once. */
export class CachedFile {
  users = 1
  readonly key: string
  readonly size: number
  readonly source: PageSource
  /** By page index. Of the cache. */
  readonly entries = new Map<number, Entry>()
  forgotten = false
  private readonly cache: PageCache
  private closed = false

  constructor(cache: PageCache, key: string, source: PageSource) {
    this.cache = cache
    this.key = key
    this.size = source.size
    this.source = source
  }

  /**
   * Page `index` (bytes from `index` times the page size on), with a reference for the caller; null when it is not in memory:
   * then `load` it.
   */
  take(index: number): Page | null {
    return this.cache.take(this, index)
  }

  /** Tells `waiter` when the page can be taken (from within, it surely can), or why it cannot. One load for all who wait. */
  load(index: number, waiter: Waiter): void {
    this.cache.load(this, index, waiter)
  }

  /** Starts loading the pages from `index` on to `last` that are not there, as many as the cache reads ahead. */
  readAhead(index: number, last: number): void {
    const end = Math.min(last, index + this.cache.options.readAhead - 1)
    for (let i = index; i <= end; i++) if (!this.entries.has(i)) this.cache.load(this, i, null)
  }

  release(): void {
    this.users--
    if (this.users === 0 && this.forgotten) this.close()
  }

  /** For the cache. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.source.close()
  }
}
