// Plain memory in the place of the addon's arena: a registry of regions for ports that have no native side. Owns the
// ids and says which are registered, so that a port can refuse a page that was released, as the addon does.

import type { Memory, Region } from '../../stack/buffer/page.ts'

export interface PlainMemory extends Memory {
  /** Regions that are registered now, and their bytes. */
  readonly regions: number
  readonly bytes: number
  /** Whether bytes [offset, offset + length) lie in a registered region. */
  covers(region: number, offset: number, length: number): boolean
}

/** A new registry. Ids count from 1 and are never used again. */
export function plainMemory(): PlainMemory {
  return new PlainArena()
}

class PlainArena implements PlainMemory {
  bytes = 0
  private readonly sizes = new Map<number, number>()
  private lastId = 0

  get regions(): number {
    return this.sizes.size
  }

  allocate(byteLength: number): Region {
    return this.adopt(new ArrayBuffer(byteLength))
  }

  adopt(buffer: ArrayBuffer): Region {
    const id = ++this.lastId
    this.sizes.set(id, buffer.byteLength)
    this.bytes += buffer.byteLength
    return { id, buffer }
  }

  release(region: Region): void {
    if (this.sizes.delete(region.id)) this.bytes -= region.buffer.byteLength
  }

  covers(region: number, offset: number, length: number): boolean {
    const size = this.sizes.get(region)
    return size !== undefined && offset >= 0 && length >= 0 && offset + length <= size
  }
}
