// A pool of equal pages. Two forms: pages that are slices of a slab (transmit and header pages, never shown to an
// application), and pages that are each an ArrayBuffer of its own (receive pages, whose view may leave for good).

import { type Memory, Page, type PageHome, type Region } from './page.ts'

export interface PagePoolOptions {
  /** Bytes of a page. */
  pageSize: number
  /** Pages that are made at once when the pool is empty; they share one region unless `detachable`. */
  slab: number
  /** The most pages that may be out at a time; beyond it `allocate` answers null. */
  limit: number
  /** Each page is an ArrayBuffer of its own, so that `surrender` can give it to the application. */
  detachable?: boolean
}

export class PagePool implements PageHome {
  readonly pageSize: number
  readonly limit: number
  /** Pages that are out and not yet back: zero at the end of every test. */
  outstanding = 0
  /** Pages given to the application, and those of them that came back by its leave. */
  surrendered = 0
  reclaimed = 0
  private readonly memory: Memory
  private readonly slab: number
  /** Whether a page may be surrendered. */
  readonly detachable: boolean
  private readonly free: Page[] = []
  private readonly regions = new Map<number, Region>()
  private closed = false

  constructor(memory: Memory, options: PagePoolOptions) {
    this.memory = memory
    this.pageSize = options.pageSize
    this.slab = options.slab
    this.limit = options.limit
    this.detachable = options.detachable ?? false
  }

  /** More than half of the pages are out. */
  get isScarce(): boolean {
    return this.outstanding > this.limit >> 1
  }

  /** A page with one reference that the caller owns, or null at the limit. Its bytes are whatever they were. */
  allocate(): Page | null {
    if (this.outstanding >= this.limit || this.closed) return null
    if (this.free.length === 0) this.grow()
    const page = this.free.pop() as Page
    page.count = 1
    this.outstanding++
    return page
  }

  recycle(page: Page): void {
    this.outstanding--
    if (this.closed) this.forget(page)
    else this.free.push(page)
  }

  /**
   * Gives the page's memory to the application: the page leaves the pool and its region leaves the registry, so that
   * nothing native points at it. Only `reclaim` brings it back. Only for a detachable pool and the single owner of the page.
   */
  surrender(page: Page): Uint8Array {
    if (!this.detachable || page.count !== 1 || page.home !== this) throw new Error('page cannot be surrendered')
    page.count = 0
    page.home = null
    this.outstanding--
    this.surrendered++
    this.forget(page)
    return page.bytes
  }

  /**
   * Takes back the memory of a page that was surrendered: nobody looks at it any more. False when it is not wanted: the
   * pool is closed or full of free pages, or the memory was transferred meanwhile. It belongs to the collector then, as before.
   */
  reclaim(buffer: ArrayBuffer): boolean {
    if (this.closed || !this.detachable || this.free.length >= this.limit) return false
    if (buffer.byteLength !== this.pageSize) return false
    const region = this.memory.adopt(buffer)
    this.regions.set(region.id, region)
    this.free.push(new Page(this, region.id, region.buffer, 0, this.pageSize))
    this.reclaimed++
    return true
  }

  /** Lets go of all free pages now and of the others as they come back. No view becomes invalid. */
  close(): void {
    if (this.closed) return
    this.closed = true
    for (const page of this.free) if (this.detachable) this.forget(page)
    this.free.length = 0
    if (!this.detachable && this.outstanding === 0) this.forgetAll()
  }

  private grow(): void {
    if (this.detachable) {
      const region = this.memory.allocate(this.pageSize)
      this.regions.set(region.id, region)
      this.free.push(new Page(this, region.id, region.buffer, 0, this.pageSize))
      return
    }
    const region = this.memory.allocate(this.pageSize * this.slab)
    this.regions.set(region.id, region)
    for (let i = this.slab - 1; i >= 0; i--) {
      this.free.push(new Page(this, region.id, region.buffer, i * this.pageSize, this.pageSize))
    }
  }

  private forget(page: Page): void {
    if (!this.detachable) {
      if (this.outstanding === 0) this.forgetAll()
      return
    }
    const region = this.regions.get(page.region)
    if (!region) return
    this.regions.delete(page.region)
    this.memory.release(region)
  }

  private forgetAll(): void {
    for (const region of this.regions.values()) this.memory.release(region)
    this.regions.clear()
  }
}
