// What the peer is told of data that came before its turn: selective acknowledgments (RFC 2018), the newest block
// first, and duplicates (RFC 2883) once. Owns up to four edges, not the data.

import { after, before } from '../base/sequence.ts'

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

  /** How many blocks the next segment has to say, of at most `room`. */
  waiting(room: number): number {
    return Math.min(this.count + (this.duplicate ? 1 : 0), room)
  }

  /** Writes at most `room` blocks as they stand in the option; how many. A duplicate is told once. */
  emit(view: DataView, at: number, room: number): number {
    let n = 0
    let to = at
    if (this.duplicate && room > 0) {
      view.setInt32(to, this.duplicateLeft)
      view.setInt32(to + 4, this.duplicateRight)
      to += 8
      n++
      this.duplicate = false
    }
    for (let i = 0; i < this.count && n < room; i++, n++) {
      view.setInt32(to, this.left[i])
      view.setInt32(to + 4, this.right[i])
      to += 8
    }
    return n
  }

  clear(): void {
    this.count = 0
    this.duplicate = false
  }
}
