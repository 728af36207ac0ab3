// Copies of small things put one after another into shared pages, so that many datagrams need one page and not one
// each. Owns the page that is being filled; each taker owns one reference of its own.

import type { Page } from './page.ts'
import type { PagePool } from './page-pool.ts'

export class PageFiller {
  /** Where in the page the last `take` found its place. */
  offset = 0
  private readonly pool: PagePool
  private page: Page | null = null
  private fill = 0

  constructor(pool: PagePool) {
    this.pool = pool
  }

  /**
   * Room for `length` bytes (at most a page) at `offset` of the page that comes back, of which the caller owns a
   * reference. Null: the pool is at its limit.
   */
  take(length: number): Page | null {
    // Nobody points at what was filled any more.
    if (this.page?.count === 1) this.fill = 0
    if (this.page === null || this.fill + length > this.page.length) {
      this.close()
      this.page = this.pool.allocate()
      if (this.page === null) return null
    }
    this.offset = this.fill
    // The next begins on a multiple of 16.
    this.fill += (length + 15) & ~15
    return this.page.retain()
  }

  /** Lets go of the page that is being filled; the next `take` begins a new one. */
  close(): void {
    this.page?.release()
    this.page = null
    this.fill = 0
  }
}
