// Pages: reference-counted memory that frames, queues and applications point at. Owns the count and the way back to
// where a page came from; owns no allocation policy (a pool does) and no file knowledge (a page cache does).

/**
 * Registered memory that a port's hardware may read or write: what a descriptor's region id names. An implementation
 * (the addon's arena, or plain memory for a simulation) gives the ids.
 */
export interface Memory {
  /**
   * New memory of its own ArrayBuffer, `byteLength` bytes, not necessarily zeroed, registered under a region id.
   * Throws RangeError when the host has no memory.
   */
  allocate(byteLength: number): Region
  /** Takes memory in that was allocated here and released since: under a new id. */
  adopt(buffer: ArrayBuffer): Region
  /** Takes the region out of the registry. The ArrayBuffer lives on as long as somebody holds a view of it. */
  release(region: Region): void
}

export interface Region {
  readonly id: number
  readonly buffer: ArrayBuffer
}

/** Where a page goes when its last reference is dropped. */
export interface PageHome {
  recycle(page: Page): void
  /** Pages are running out: whoever could do without keeping one should copy what he needs. */
  readonly isScarce?: boolean
  /** Copies bytes of a page that only native code may touch; false when they cannot be read any more. */
  copy?(page: Page, offset: number, length: number, bytes: Uint8Array, at: number): boolean
}

/**
 * A stretch of one region. `count` is the number of owners; whoever is handed a page owns one reference and must hand
 * it on or release it. `bytes` and `view` span exactly this page; both are made once. For memory that only native code
 * may touch (a mapped file) both are empty.
 */
export class Page {
  readonly region: number
  /** Offset of the page's first byte within its region. */
  readonly regionOffset: number
  readonly length: number
  readonly bytes: Uint8Array
  readonly view: DataView
  /** False when only native code may touch the bytes: `bytes` and `view` are then empty. */
  readonly touchable: boolean
  home: PageHome | null
  count = 1
  /** The page whose memory this one stands for, as long as it is lent; null: its memory is its own. */
  of: Page | null = null

  constructor(home: PageHome | null, region: number, buffer: ArrayBuffer | null, regionOffset: number, length: number) {
    this.home = home
    this.region = region
    this.regionOffset = regionOffset
    this.length = length
    this.touchable = buffer !== null
    this.bytes = buffer ? new Uint8Array(buffer, regionOffset, length) : EMPTY
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
  }

  retain(): this {
    this.count++
    return this
  }

  /** Copies bytes [offset, offset + length) to `bytes` from `at` on, wherever they are; false when they cannot be read. */
  copyTo(bytes: Uint8Array, at: number, offset: number, length: number): boolean {
    if (!this.touchable) return this.home?.copy?.(this, offset, length, bytes, at) ?? false
    copyBytes(this.bytes, offset, length, bytes, at)
    return true
  }

  release(): void {
    if (--this.count === 0) {
      this.home?.recycle(this)
    } else if (this.count < 0) {
      throw new Error('page released more often than retained')
    }
  }
}

const EMPTY = new Uint8Array(0)
/** Up to here a loop costs less than the view of the source that `set` asks for, which is also left to the collector. */
const LOOP = 64

/** Copies bytes [offset, offset + length) of `from` to `to` from `at` on. */
export function copyBytes(from: Uint8Array, offset: number, length: number, to: Uint8Array, at: number): void {
  if (length > LOOP) {
    to.set(from.subarray(offset, offset + length), at)
    return
  }
  for (let i = 0; i < length; i++) to[at + i] = from[offset + i]
}

/** (page, offset, length): one scatter-gather entry. `offset` counts from the page's start. */
export interface PageRef {
  page: Page
  offset: number
  length: number
}
