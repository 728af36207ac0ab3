// The contract between the files of a host and where their pages come from: the kernel's page cache, mapped by the addon,
// or reads into pages of the stack. Both do the same for a socket.

import type { FileHandle } from 'node:fs/promises'
import type { PageSource } from '../../stack/buffer/page-cache.ts'

/** An open file, as it was when it was opened. */
export interface FileSource extends PageSource {
  /** Device, inode, size and modification time: the same key means the same bytes. */
  readonly key: string
  /** Whether size or modification time are others now. Renaming and unlinking are no change. */
  hasChanged(): boolean
}

export interface FileStore {
  readonly name: 'mapped' | 'read'
  /** Bytes of a page of the cache, a power of two. */
  readonly pageSize: number
  /** Bytes that are kept if nobody says otherwise. */
  readonly budget: number
  /** Opens what the handle stands for; the handle stays the caller's. Rejects with a system error. */
  open(handle: FileHandle): Promise<FileSource>
  /** Lets go of memory; no page is out any more. */
  close(): void
}
