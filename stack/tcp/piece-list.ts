// A queue of page references with a byte count: appended at the tail, taken at the head. Owns one reference of each
// page in it. Pieces that lie one behind the other in a page become one. Their slots are a ring that is borrowed while there
// is something in the list.

import type { Page, PageRef } from '../buffer/page.ts'
import { RingHolder } from './piece-ring.ts'

export class PieceList extends RingHolder {
  /** Bytes in the list. */
  bytes = 0

  /** Takes over one reference of `page`. */
  append(page: Page, offset: number, length: number): void {
    this.bytes += length
    let { ring } = this
    if (this.size > 0) {
      const last = (this.head + this.size - 1) & ring.mask
      if (ring.pages[last] === page && ring.offsets[last] + ring.lengths[last] === offset) {
        ring.lengths[last] += length
        page.release()
        return
      }
    }
    if (this.size > ring.mask) ring = this.grow()
    const at = (this.head + this.size) & ring.mask
    ring.pages[at] = page
    ring.offsets[at] = offset
    ring.lengths[at] = length
    this.size++
  }

  /** Bytes of the first piece; 0 when empty. */
  get nextLength(): number {
    return this.size === 0 ? 0 : this.ring.lengths[this.head]
  }

  /** Moves at most `max` bytes of the first piece to `out`, with a reference of its own. How many; 0 when empty. */
  take(max: number, out: PageRef): number {
    if (this.size === 0) return 0
    const { head, ring } = this
    const page = ring.pages[head] as Page
    out.page = page
    out.offset = ring.offsets[head]
    if (ring.lengths[head] > max) {
      page.retain()
      out.length = max
      this.advance(max)
      return max
    }
    const length = ring.lengths[head]
    out.length = length
    this.bytes -= length
    this.drop()
    return length
  }

  /** Copies up to `length` bytes to `bytes` at `at` and lets go of them. How many. */
  copyTo(bytes: Uint8Array, at: number, length: number): number {
    let done = 0
    while (done < length && this.size > 0) {
      const page = this.ring.pages[this.head] as Page
      const available = this.ring.lengths[this.head]
      const offset = this.ring.offsets[this.head]
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
      const page = this.ring.pages[this.head] as Page
      this.drop()
      page.release()
    }
    this.bytes = 0
  }

  /** Cuts `n` bytes off the front of the first piece. */
  private advance(n: number): void {
    this.ring.offsets[this.head] += n
    this.ring.lengths[this.head] -= n
    this.bytes -= n
  }

  /** Takes the first piece off the list without releasing its page. */
  private drop(): void {
    const { ring } = this
    ring.pages[this.head] = null
    this.head = (this.head + 1) & ring.mask
    this.size--
    if (this.size === 0) this.onDrained()
  }
}
