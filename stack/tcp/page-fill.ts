// A page that is being filled: small pieces are copied one behind the other, so that few pages hold many of them. Owns one
// reference of the page in progress; every piece that was put holds one of its own. Counts what it copies.

import { copyBytes, type Page } from '../buffer/page.ts'
import type { PagePool } from '../buffer/page-pool.ts'
import type { Counters } from '../counters.ts'

export class PageFill {
  /** The page in progress: after `put`, where the piece lies. */
  page: Page | null = null
  /** Offset of the piece that was put last. */
  at = 0
  private used = 0
  private readonly pool: PagePool
  private readonly counters: Counters
  private readonly incoming: boolean

  /** `incoming`: what is copied here was received; otherwise it is to be sent. They are counted apart. */
  constructor(pool: PagePool, counters: Counters, incoming: boolean) {
    this.pool = pool
    this.counters = counters
    this.incoming = incoming
  }

  /**
   * Copies as much of bytes [from, from + length) as fits the page in progress, or a new page when it is full. How many
   * bytes, 0 when the pool is at its limit. The piece is (`page`, `at`, result); it holds no reference yet.
   */
  put(bytes: Uint8Array, from: number, length: number): number {
    let page = this.page
    if (page && page.count === 1) this.used = 0
    if (!page || this.used === page.length) {
      page?.release()
      page = this.pool.allocate()
      this.page = page
      this.used = 0
      if (!page) return 0
    }
    const n = Math.min(length, page.length - this.used)
    this.at = this.used
    this.used += n
    if (this.incoming) this.counters.TcpPagewireCopiedIn += n
    else this.counters.TcpPagewireCopiedOut += n
    if (from === 0 && n === bytes.length) page.bytes.set(bytes, this.at)
    else copyBytes(bytes, from, n, page.bytes, this.at)
    return n
  }

  /** Lets the page in progress go when no piece of it is left anywhere. */
  releaseUnused(): void {
    if (this.page !== null && this.page.count === 1) this.release()
  }

  release(): void {
    this.page?.release()
    this.page = null
    this.used = 0
  }
}
