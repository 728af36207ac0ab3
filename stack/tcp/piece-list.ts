// A queue of page references with a byte count: appended at the tail, taken at the head. Owns one reference of each
// page in it. Pieces that lie one behind the other in a page become one. A ring that grows and stays; nothing is
// allocated while it suffices.

import type { Page, PageRef } from '../buffer/page.ts'

const FIRST_CAPACITY = 2
/** What a list points at that was never used. Never written. */
const NO_PAGES: (Page | null)[] = []
const NO_NUMBERS: number[] = []

export class PieceList {
  /** Bytes in the list. */
  bytes = 0
  /** Pieces in the list. */
  size = 0
  private head = 0
  private mask = -1
  private pages: (Page | null)[] = NO_PAGES
  private offsets: number[] = NO_NUMBERS
  private lengths: number[] = NO_NUMBERS

  /** Takes over one reference of `page`. */
  append(page: Page, offset: number, length: number): void {
    this.bytes += length
    const last = (this.head + this.size - 1) & this.mask
    if (this.size > 0 && this.pages[last] === page && this.offsets[last] + this.lengths[last] === offset) {
      this.lengths[last] += length
      page.release()
      return
    }
    if (this.size > this.mask) this.grow()
    const at = (this.head + this.size) & this.mask
    this.pages[at] = page
    this.offsets[at] = offset
    this.lengths[at] = length
    this.size++
  }

  /** Bytes of the first piece; 0 when empty. */
  get nextLength(): number {
    return this.size === 0 ? 0 : this.lengths[this.head]
  }

  /** Moves at most `max` bytes of the first piece to `out`, with a reference of its own. How many; 0 when empty. */
  take(max: number, out: PageRef): number {
    if (this.size === 0) return 0
    const head = this.head
    const page = this.pages[head] as Page
    out.page = page
    out.offset = this.offsets[head]
    if (this.lengths[head] > max) {
      page.retain()
      out.length = max
      this.advance(max)
      return max
    }
    const length = this.lengths[head]
    out.length = length
    this.bytes -= length
    this.drop()
    return length
  }

  /** Copies up to `length` bytes to `bytes` at `at` and lets go of them. How many. */
  copyTo(bytes: Uint8Array, at: number, length: number): number {
    let done = 0
    while (done < length && this.size > 0) {
      const page = this.pages[this.head] as Page
      const available = this.lengths[this.head]
      const offset = this.offsets[this.head]
      const n = Math.min(length - done, available)
      page.copyTo(bytes, at + done, offset, n)
      done += n
      if (n < available) {
        this.advance(n)
      } else {
        this.bytes -= n
        this.drop()
        page.release()
      }
    }
    return done
  }

  clear(): void {
    while (this.size > 0) {
      const page = this.pages[this.head] as Page
      this.drop()
      page.release()
    }
    this.bytes = 0
  }

  /** Cuts `n` bytes off the front of the first piece. */
  private advance(n: number): void {
    this.offsets[this.head] += n
    this.lengths[this.head] -= n
    this.bytes -= n
  }

  /** Takes the first piece off the list without releasing its page. */
  private drop(): void {
    this.pages[this.head] = null
    this.head = (this.head + 1) & this.mask
    this.size--
  }

  private grow(): void {
    const capacity = this.mask < 0 ? FIRST_CAPACITY : (this.mask + 1) * 2
    const pages: (Page | null)[] = new Array(capacity).fill(null)
    const offsets: number[] = new Array(capacity).fill(0)
    const lengths: number[] = new Array(capacity).fill(0)
    for (let i = 0; i < this.size; i++) {
      const from = (this.head + i) & this.mask
      pages[i] = this.pages[from]
      offsets[i] = this.offsets[from]
      lengths[i] = this.lengths[from]
    }
    this.pages = pages
    this.offsets = offsets
    this.lengths = lengths
    this.head = 0
    this.mask = capacity - 1
  }
}
