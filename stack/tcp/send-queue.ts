// What the application has sent and the peer not yet acknowledged: page references by sequence number, from SND.UNA on.
// Owns one reference per piece. Copies go to the tail; references stay references; a retransmission points at the same
// pages. Does not know what was sent.

import { after, distance } from '../base/sequence.ts'
import { type Frame, MAX_REFS } from '../buffer/frame.ts'
import type { Page } from '../buffer/page.ts'
import type { PageFill } from './page-fill.ts'
import { RingHolder } from './piece-ring.ts'

export class SendQueue extends RingHolder {
  /** Sequence numbers of the first byte and behind the last one. */
  start: number
  end: number
  /** The piece, counted from the head, in which the last gathering ended. */
  private cursor = 0

  constructor(sequence = 0) {
    super()
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
    let { ring } = this
    const last = (this.head + this.size - 1) & ring.mask
    if (this.size > 0 && ring.pages[last] === page && ring.offsets[last] + ring.lengths[last] === offset) {
      ring.lengths[last] += length
      page.release()
    } else {
      if (this.size > ring.mask) ring = this.grow()
      const at = (this.head + this.size) & ring.mask
      ring.starts[at] = this.end
      ring.lengths[at] = length
      ring.offsets[at] = offset
      ring.pages[at] = page
      this.size++
    }
    this.end = (this.end + length) | 0
  }

  /**
   * Adds references of at most `length` bytes from `sequence` on to the frame. How many bytes: fewer at the end of the
   * queue, or when all references of the frame are in use.
   */
  gather(sequence: number, length: number, frame: Frame): number {
    const { ring } = this
    let at = this.find(sequence)
    let done = 0
    while (done < length && at < this.size && frame.refs < MAX_REFS) {
      const index = (this.head + at) & ring.mask
      const skip = distance((sequence + done) | 0, ring.starts[index])
      const n = Math.min(ring.lengths[index] - skip, length - done)
      frame.addRef((ring.pages[index] as Page).retain(), ring.offsets[index] + skip, n)
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
    const { ring } = this
    const copy = new SendQueue(this.start)
    for (let i = 0; i < this.size; i++) {
      const at = (this.head + i) & ring.mask
      const piece = ring.pages[at] as Page
      if (piece !== page) {
        copy.append(piece.retain(), ring.offsets[at], ring.lengths[at])
      } else if (copy.copy(page.bytes, ring.offsets[at], ring.lengths[at], fill) < ring.lengths[at]) {
        copy.clear()
        return false
      }
    }
    this.clear()
    this.start = copy.start
    this.end = copy.end
    this.cursor = 0
    this.takeOver(copy)
    return true
  }

  /** Lets go of everything before `sequence`. */
  release(sequence: number): void {
    while (this.size > 0) {
      const { head: index, ring } = this
      const end = (ring.starts[index] + ring.lengths[index]) | 0
      if (after(end, sequence)) {
        const skip = distance(sequence, ring.starts[index])
        if (skip > 0) {
          ring.starts[index] = sequence
          ring.offsets[index] += skip
          ring.lengths[index] -= skip
        }
        break
      }
      const page = ring.pages[index] as Page
      ring.pages[index] = null
      this.head = (index + 1) & ring.mask
      this.size--
      if (this.cursor > 0) this.cursor--
      if (this.size === 0) this.onDrained()
      page.release()
    }
    if (after(sequence, this.start)) this.start = after(sequence, this.end) ? this.end : sequence
  }

  clear(): void {
    this.release(this.end)
  }

  /** The piece that holds `sequence`, counted from the head; `size` if none does. Near the last one as a rule. */
  private find(sequence: number): number {
    const { ring } = this
    let at = this.cursor < this.size ? this.cursor : 0
    if (this.size > 0 && after(ring.starts[(this.head + at) & ring.mask], sequence)) return this.search(sequence)
    for (let steps = 0; at < this.size; at++, steps++) {
      const index = (this.head + at) & ring.mask
      if (after((ring.starts[index] + ring.lengths[index]) | 0, sequence)) return at
      if (steps === 4) return this.search(sequence)
    }
    return at
  }

  private search(sequence: number): number {
    const { ring } = this
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >> 1
      const index = (this.head + middle) & ring.mask
      if (after((ring.starts[index] + ring.lengths[index]) | 0, sequence)) high = middle
      else low = middle + 1
    }
    return low
  }
}
