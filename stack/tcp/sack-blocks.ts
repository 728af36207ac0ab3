// What the peer is told of data that came before its turn: selective acknowledgments (RFC 2018), the newest block
// first, and duplicates (RFC 2883) once. Owns up to four edges, not the data.

import { after, before } from '../base/sequence.ts'
import type { TcpOptions } from '../wire/tcp.ts'

/** Without timestamps four blocks fit the options; with them three. */
const MAX_BLOCKS = 4

export class SackBlocks {
  /** Blocks without the duplicate. */
  count = 0
  private readonly left = new Int32Array(MAX_BLOCKS)
  private readonly right = new Int32Array(MAX_BLOCKS)
  private duplicate = false
  private duplicateLeft = 0
  private duplicateRight = 0

  /** Bytes [left, right) came out of order: the block that holds them goes first. */
  add(left: number, right: number): void {
    let l = left
    let r = right
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (before(this.right[i], l) || after(this.left[i], r)) {
        this.left[kept] = this.left[i]
        this.right[kept++] = this.right[i]
        continue
      }
      if (before(this.left[i], l)) l = this.left[i]
      if (after(this.right[i], r)) r = this.right[i]
    }
    if (kept === MAX_BLOCKS) kept--
    for (let i = kept; i > 0; i--) {
      this.left[i] = this.left[i - 1]
      this.right[i] = this.right[i - 1]
    }
    this.left[0] = l
    this.right[0] = r
    this.count = kept + 1
  }

  /** Everything before `rcvNxt` is acknowledged now. */
  onAdvance(rcvNxt: number): void {
    let kept = 0
    for (let i = 0; i < this.count; i++) {
      if (!after(this.right[i], rcvNxt)) continue
      this.left[kept] = after(this.left[i], rcvNxt) ? this.left[i] : rcvNxt
      this.right[kept++] = this.right[i]
    }
    this.count = kept
  }

  /** Bytes [left, right) came a second time. */
  addDuplicate(left: number, right: number): void {
    this.duplicate = true
    this.duplicateLeft = left
    this.duplicateRight = right
  }

  get hasDuplicate(): boolean {
    return this.duplicate
  }

  /** Fills the SACK blocks of `options`, at most `room` of them; how many. `onSent` follows when the segment has left. */
  fill(options: TcpOptions, room: number): number {
    let n = 0
    if (this.duplicate && room > 0) {
      options.sack[0] = this.duplicateLeft
      options.sack[1] = this.duplicateRight
      n++
    }
    for (let i = 0; i < this.count && n < room; i++, n++) {
      options.sack[2 * n] = this.left[i]
      options.sack[2 * n + 1] = this.right[i]
    }
    options.sackBlocks = n
    return n
  }

  /** A segment with the blocks has left: a duplicate is told once. */
  onSent(): void {
    this.duplicate = false
  }

  clear(): void {
    this.count = 0
    this.duplicate = false
  }
}
