// Data that came before its turn (RFC 9293 3.10.7.4, seventh): pieces sorted by sequence number, without overlap (what
// came first stays), bounded in number so that tiny segments cannot blow it up; the receive window bounds the bytes.
// Owns one reference per piece. What the peer is told of it is sack-blocks.ts.

import { after, before, distance } from '../base/sequence.ts'
import type { Frame } from '../buffer/frame.ts'
import type { Page } from '../buffer/page.ts'
import type { PagePool } from '../buffer/page-pool.ts'
import type { Counters } from '../counters.ts'
import { PageFill } from './page-fill.ts'
import { type PieceSink, takePayload } from './payload.ts'
import type { PieceList } from './piece-list.ts'

/** The most pieces. Segments of one burst lie together and are one piece, so that this is a bound on holes. */
export const MAX_PIECES = 1024

export class Reassembly implements PieceSink {
  /** Bytes that are held. */
  bytes = 0
  private readonly starts: number[] = []
  private readonly ends: number[] = []
  private readonly pages: Page[] = []
  private readonly offsets: number[] = []
  private readonly fill: PageFill
  private readonly limit: number
  /** Where the next piece of the segment in hand goes. */
  private cursor = 0
  private sequence = 0

  constructor(pool: PagePool, counters: Counters, limit = MAX_PIECES) {
    this.fill = new PageFill(pool, counters, true)
    this.limit = limit
  }

  get pieces(): number {
    return this.starts.length
  }

  /**
   * Takes what is new of bytes [sequence, end), which lie in the frame from `from` on. How many bytes were taken: 0 when
   * all were held already; fewer than were new when a limit was reached. The frame stays the caller's.
   */
  insert(frame: Frame, from: number, sequence: number, end: number): number {
    let at = this.search(sequence)
    let next = sequence
    let taken = 0
    while (before(next, end)) {
      const held = at < this.starts.length
      if (held && !after(this.starts[at], next)) {
        if (after(this.ends[at], next)) next = this.ends[at]
        at++
        continue
      }
      const stop = held && before(this.starts[at], end) ? this.starts[at] : end
      const length = distance(stop, next)
      this.cursor = at
      this.sequence = next
      const n = this.roomAt(at, next) ? takePayload(frame, from + distance(next, sequence), length, this, this.fill) : 0
      taken += n
      if (n < length) break
      next = stop
      at = this.cursor
    }
    return taken
  }

  /** Whether all of [sequence, end) is held. */
  holds(sequence: number, end: number): boolean {
    let next = sequence
    for (let at = this.search(sequence); at < this.starts.length && !after(this.starts[at], next); at++) {
      if (after(this.ends[at], next)) next = this.ends[at]
      if (!before(next, end)) return true
    }
    return false
  }

  /** Moves what follows `rcvNxt` without a gap to `list`; the new RCV.NXT. */
  drain(rcvNxt: number, list: PieceList): number {
    let next = rcvNxt
    let count = 0
    while (count < this.starts.length && !after(this.starts[count], next)) {
      const skip = distance(next, this.starts[count])
      const length = distance(this.ends[count], next)
      this.bytes -= distance(this.ends[count], this.starts[count])
      if (length > 0) {
        list.append(this.pages[count], this.offsets[count] + skip, length)
        next = this.ends[count]
      } else {
        this.pages[count].release()
      }
      count++
    }
    if (count > 0) this.forget(count)
    if (this.starts.length === 0) this.fill.release()
    return next
  }

  clear(): void {
    for (let i = 0; i < this.pages.length; i++) this.pages[i].release()
    this.forget(this.pages.length)
    this.bytes = 0
    this.fill.release()
  }

  /** A piece of the segment in hand: joined to the one before it when it lies behind it in the same page. */
  append(page: Page, offset: number, length: number): void {
    const at = this.cursor
    const end = (this.sequence + length) | 0
    this.bytes += length
    const previous = at - 1
    if (previous >= 0 && this.ends[previous] === this.sequence && this.pages[previous] === page) {
      const gap = distance(this.ends[previous], this.starts[previous])
      if (this.offsets[previous] + gap === offset) {
        this.ends[previous] = end
        this.sequence = end
        page.release()
        return
      }
    }
    this.starts.splice(at, 0, this.sequence)
    this.ends.splice(at, 0, end)
    this.pages.splice(at, 0, page)
    this.offsets.splice(at, 0, offset)
    this.sequence = end
    this.cursor++
  }

  /** A new piece may come at `at`; at the limit only one that goes on where another ends. */
  private roomAt(at: number, sequence: number): boolean {
    return this.starts.length < this.limit || (at > 0 && this.ends[at - 1] === sequence)
  }

  /** The first piece that ends after `sequence`. */
  private search(sequence: number): number {
    let low = 0
    let high = this.starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (after(this.ends[middle], sequence)) high = middle
      else low = middle + 1
    }
    return low
  }

  private forget(count: number): void {
    this.starts.splice(0, count)
    this.ends.splice(0, count)
    this.pages.splice(0, count)
    this.offsets.splice(0, count)
  }
}
