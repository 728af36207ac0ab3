// Pages of files that are the kernel's own page cache, mapped by the addon. JavaScript never sees the bytes: a page is a
// region id for the ring and for the addon's guarded routines. One page is one mapped window, made resident off the event
// loop, and unmapped, off the event loop too, when its last reference is dropped.

import type { FileHandle } from 'node:fs/promises'
import { type Addon, type NativeMappedFile, PIECE_WORDS } from '../../native/index.ts'
import { Page, type PageHome, type Region } from '../../stack/buffer/page.ts'
import type { NativeMemory } from '../tap/addon.ts'
import { fileError } from './file-error.ts'
import type { FileSource, FileStore } from './store.ts'

/** Large enough that mapping costs little beside sending, small enough that the first bytes need not wait for many. */
const WINDOW = 2 * 1024 * 1024
/**
 * Of address space, not of memory: the pages are the kernel's own, which it takes back when it needs them. What is kept
 * is their place in the page tables, 2 KiB for each MiB.
 */
const BUDGET = 4 * 1024 * 1024 * 1024

export class MappedStore implements FileStore, PageHome {
  readonly name = 'mapped'
  readonly pageSize = WINDOW
  readonly budget = BUDGET
  /** Windows that are mapped: zero when no page is out. */
  windows = 0
  private readonly addon: Addon
  private readonly memory: NativeMemory
  /** A list of one piece for copying out of a window. */
  private readonly list: Region
  private readonly piece: Int32Array

  constructor(addon: Addon, memory: NativeMemory) {
    this.addon = addon
    this.memory = memory
    this.list = memory.allocate(PIECE_WORDS * 4)
    this.piece = new Int32Array(this.list.buffer)
  }

  async open(handle: FileHandle): Promise<FileSource> {
    const native = new this.addon.MappedFile()
    const error = native.open(handle.fd)
    if (error < 0) throw fileError('open', error)
    return new MappedSource(this.addon, this, native)
  }

  recycle(page: Page): void {
    this.windows--
    this.addon.unregisterRegion(page.region)
  }

  copy(page: Page, offset: number, length: number, bytes: Uint8Array, at: number): boolean {
    this.piece[0] = page.region
    this.piece[1] = page.regionOffset + offset
    this.piece[2] = length
    return this.addon.copy(this.list.id, 1, bytes, at) === 0
  }

  close(): void {
    this.memory.release(this.list)
  }
}

class MappedSource implements FileSource {
  readonly key: string
  readonly size: number
  private readonly addon: Addon
  private readonly store: MappedStore
  private readonly native: NativeMappedFile

  constructor(addon: Addon, store: MappedStore, native: NativeMappedFile) {
    this.addon = addon
    this.store = store
    this.native = native
    this.key = native.key()
    this.size = native.size()
  }

  hasChanged(): boolean {
    return this.native.changed() !== 0
  }

  load(offset: number, length: number, done: (page: Page | null, errno: number) => void): void {
    const error = this.native.map(offset, length, (region) => {
      if (region < 0) done(null, -region)
      else {
        this.store.windows++
        done(new Page(this.store, region, null, 0, length), 0)
      }
    })
    if (error < 0) queueMicrotask(() => done(null, -error))
  }

  isResident(page: Page): boolean {
    return this.addon.regionResident(page.region) === 1
  }

  close(): void {
    this.native.close()
  }
}
