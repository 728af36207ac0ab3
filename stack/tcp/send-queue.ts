// What the application has sent and the peer not yet acknowledged: page references by sequence number, from SND.UNA on.
// Owns one reference per piece. Copies go to the tail; references stay references; a retransmission points at the same
// pages. Does not know what was sent.

import { after, distance } from '../base/sequence.ts'
import { type Frame, MAX_REFS } from '../buffer/frame.ts'
import type { Page } from '../buffer/page.ts'
import type { PageFill } from './page-fill.ts'

const FIRST_CAPACITY = 2
/** What a list points at that was never used. Never written. */
const NO_PAGES: (Page | null)[] = []
const NO_NUMBERS: number[] = []

export class SendQueue {
  /** Sequence numbers of the first byte and behind the last one. */
  start: number
  end: number
  /** Pieces in the queue. */
  size = 0
  private head = 0
  private mask = -1
  private starts: number[] = NO_NUMBERS
  private lengths: number[] = NO_NUMBERS
  private offsets: number[] = NO_NUMBERS
  private pages: (Page | null)[] = NO_PAGES
  /** The piece, counted from the head, in which the last gathering ended. */
  private cursor = 0

  constructor(sequence = 0) {
    this.start = sequence
    this.end = sequence
  }

  /** Bytes in the queue. */
  get bytes(): number {
    return distance(this.end, this.start)
  }

  /** The sequence number of the first byte, before anything is queued. */
  begin(sequence: number): void {
    this.start = sequence
    this.end = sequence
  }

  /** Copies bytes [from, from + length) to the tail, in pages of `fill`. How many: fewer when its pool is at its limit. */
  copy(bytes: Uint8Array, from: number, length: number, fill: PageFill): number {
    let done = 0
    while (done < length) {
      const n = fill.put(bytes, from + done, length - done)
      if (n === 0) break
      this.append((fill.page as Page).retain(), fill.at, n)
      done += n
    }
    return done
  }

  /** Takes over one reference of `page`. */
  append(page: Page, offset: number, length: number): void {
    const last = (this.head + this.size - 1) & this.mask
    if (this.size > 0 && this.pages[last] === page && this.offsets[last] + this.lengths[last] === offset) {
      this.lengths[last] += length
      page.release()
    } else {
      if (this.size > this.mask) this.grow()
      const at = (this.head + this.size) & this.mask
      this.starts[at] = this.end
      this.lengths[at] = length
      this.offsets[at] = offset
      this.pages[at] = page
      this.size++
    }
    this.end = (this.end + length) | 0
  }

  /**
   * Adds references of at most `length` bytes from `sequence` on to the frame. How many bytes: fewer at the end of the
   * queue, or when all references of the frame are in use.
   */
  gather(sequence: number, length: number, frame: Frame): number {
    let at = this.find(sequence)
    let done = 0
    while (done < length && at < this.size && frame.refs < MAX_REFS) {
      const index = (this.head + at) & this.mask
      const skip = distance((sequence + done) | 0, this.starts[index])
      const n = Math.min(this.lengths[index] - skip, length - done)
      frame.addRef((this.pages[index] as Page).retain(), this.offsets[index] + skip, n)
      done += n
      this.cursor = at
      at++
    }
    return done
  }

  /**
   * Copies the pieces that lie in `page`, to pages of `fill`, and lets go of it. False when the pool of `fill` is at its limit:
   * then nothing has changed.
   */
  unshare(page: Page, fill: PageFill): boolean {
    const copy = new SendQueue(this.start)
    for (let i = 0; i < this.size; i++) {
      const at = (this.head + i) & this.mask
      const piece = this.pages[at] as Page
      if (piece !== page) {
        copy.append(piece.retain(), this.offsets[at], this.lengths[at])
      } else if (copy.copy(page.bytes, this.offsets[at], this.lengths[at], fill) < this.lengths[at]) {
        copy.clear()
        return false
      }
    }
    this.clear()
    this.adopt(copy)
    return true
  }

  private adopt(other: SendQueue): void {
    this.start = other.start
    this.end = other.end
    this.size = other.size
    this.head = other.head
    this.mask = other.mask
    this.starts = other.starts
    this.lengths = other.lengths
    this.offsets = other.offsets
    this.pages = other.pages
    this.cursor = 0
  }

  /** Lets go of everything before `sequence`. */
  release(sequence: number): void {
    while (this.size > 0) {
      const index = this.head
      const end = (this.starts[index] + this.lengths[index]) | 0
      if (after(end, sequence)) {
        const skip = distance(sequence, this.starts[index])
        if (skip > 0) {
          this.starts[index] = sequence
          this.offsets[index] += skip
          this.lengths[index] -= skip
        }
        break
      }
      const page = this.pages[index] as Page
      this.pages[index] = null
      this.head = (index + 1) & this.mask
      this.size--
      if (this.cursor > 0) this.cursor--
      page.release()
    }
    if (after(sequence, this.start)) this.start = after(sequence, this.end) ? this.end : sequence
  }

  clear(): void {
    this.release(this.end)
  }

  /** The piece that holds `sequence`, counted from the head; `size` if none does. Near the last one as a rule. */
  private find(sequence: number): number {
    let at = this.cursor < this.size ? this.cursor : 0
    if (this.size > 0 && after(this.starts[(this.head + at) & this.mask], sequence)) return this.search(sequence)
    for (let steps = 0; at < this.size; at++, steps++) {
      const index = (this.head + at) & this.mask
      if (after((this.starts[index] + this.lengths[index]) | 0, sequence)) return at
      if (steps === 4) return this.search(sequence)
    }
    return at
  }

  private search(sequence: number): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >> 1
      const index = (this.head + middle) & this.mask
      if (after((this.starts[index] + this.lengths[index]) | 0, sequence)) high = middle
      else low = middle + 1
    }
    return low
  }

  private grow(): void {
    const capacity = this.mask < 0 ? FIRST_CAPACITY : (this.mask + 1) * 2
    const starts: number[] = new Array(capacity).fill(0)
    const lengths: number[] = new Array(capacity).fill(0)
    const offsets: number[] = new Array(capacity).fill(0)
    const pages: (Page | null)[] = new Array(capacity).fill(null)
    for (let i = 0; i < this.size; i++) {
      const from = (this.head + i) & this.mask
      starts[i] = this.starts[from]
      lengths[i] = this.lengths[from]
      offsets[i] = this.offsets[from]
      pages[i] = this.pages[from]
    }
    this.starts = starts
    this.lengths = lengths
    this.offsets = offsets
    this.pages = pages
    this.head = 0
    this.mask = capacity - 1
  }
}
