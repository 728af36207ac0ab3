// Pages of files filled by reads, for hosts without the addon: any memory will do. A read happens in Node's thread pool,
// straight into a page of a pool. Small files get small pages.

import { constants, fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { EBADF, EFAULT, EIO, ENOMEM } from '../../stack/base/errno.ts'
import type { Memory, Page } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import { fileError } from './file-error.ts'
import type { FileSource, FileStore } from './store.ts'

const LARGEST = 256 * 1024
const SIZES = [16 * 1024, 64 * 1024, LARGEST]
const BUDGET = 64 * 1024 * 1024
/** Pages that are out at most, of each size: what sockets hold beyond the budget. */
const LIMIT = 4096

export class ReadStore implements FileStore {
  readonly name = 'read'
  readonly pageSize = LARGEST
  readonly budget = BUDGET
  private readonly pools: readonly PagePool[]

  constructor(memory: Memory) {
    this.pools = SIZES.map((pageSize) => new PagePool(memory, { pageSize, slab: LARGEST / pageSize, limit: LIMIT }))
  }

  /** Pages that are out of the pools. */
  get outstanding(): number {
    return this.pools.reduce((sum, pool) => sum + pool.outstanding, 0)
  }

  async open(handle: FileHandle): Promise<FileSource> {
    const before = identify(handle.fd)
    // A description of its own, of the same file, whatever its name is now.
    const own = await open(`/dev/fd/${handle.fd}`, constants.O_RDONLY | constants.O_NONBLOCK)
    const identity = identify(own.fd)
    if (identity.key === before.key) return new ReadSource(this.pools, own, identity)
    await own.close()
    // The number was closed meanwhile, and perhaps given to another file; or this one has just changed.
    throw fileError('open', EBADF)
  }

  close(): void {
    for (const pool of this.pools) pool.close()
  }
}

interface Identity {
  key: string
  size: number
}

function identify(fd: number): Identity {
  const { dev, ino, size, mtimeNs } = fstatSync(fd, { bigint: true })
  return { key: `${dev}:${ino}:${size}:${mtimeNs}`, size: Number(size) }
}

class ReadSource implements FileSource {
  readonly key: string
  readonly size: number
  private readonly pools: readonly PagePool[]
  private readonly handle: FileHandle
  private reading = 0
  private closing = false

  constructor(pools: readonly PagePool[], handle: FileHandle, identity: Identity) {
    this.pools = pools
    this.handle = handle
    this.key = identity.key
    this.size = identity.size
  }

  hasChanged(): boolean {
    return identify(this.handle.fd).key !== this.key
  }

  load(offset: number, length: number, done: (page: Page | null, errno: number) => void): void {
    const pool = this.pools.find(({ pageSize }) => pageSize >= length)
    const page = this.closing ? null : (pool?.allocate() ?? null)
    if (!page) {
      queueMicrotask(() => done(null, this.closing ? EBADF : ENOMEM))
      return
    }
    this.reading++
    this.fill(page, offset, length).then((errno) => {
      this.reading--
      if (this.closing && this.reading === 0) this.closeHandle()
      if (errno === 0) {
        done(page, 0)
      } else {
        page.release()
        done(null, errno)
      }
    })
  }

  isResident(): boolean {
    return true
  }

  close(): void {
    this.closing = true
    if (this.reading === 0) this.closeHandle()
  }

  /** 0 or an errno; EFAULT when the file ends before, as the mapped store says. */
  private async fill(page: Page, offset: number, length: number): Promise<number> {
    try {
      for (let at = 0; at < length; ) {
        const { bytesRead } = await this.handle.read(page.bytes, at, length - at, offset + at)
        if (bytesRead === 0) return EFAULT
        at += bytesRead
      }
      return 0
    } catch (error) {
      return Math.abs((error as NodeJS.ErrnoException).errno ?? EIO)
    }
  }

  private closeHandle(): void {
    // Nothing was written through it: there is nothing that a failing close could lose.
    this.handle.close().catch(() => {})
  }
}
