// What the peer has told by SACK (RFC 2018, RFC 6675): sorted ranges of sequence numbers beyond SND.UNA that it holds.
// Owns the ranges, bounded in number; whether the rest is lost is for loss detection to say.

import { after, before, distance, notAfter } from '../base/sequence.ts'

/** The most ranges; what goes beyond is as if it had not been told. */
export const MAX_RANGES = 1024

export class Scoreboard {
  /** Bytes in all ranges. */
  bytes = 0
  /** After `findHole`: the hole. */
  holeStart = 0
  holeEnd = 0
  private readonly lefts: number[] = []
  private readonly rights: number[] = []

  get ranges(): number {
    return this.lefts.length
  }

  left(index: number): number {
    return this.lefts[index]
  }

  right(index: number): number {
    return this.rights[index]
  }

  /** Behind the last byte that the peer holds; only with ranges. */
  get highest(): number {
    return this.rights[this.rights.length - 1]
  }

  /** The peer holds [left, right), which the caller has found to be in flight. How many bytes are news. */
  add(left: number, right: number): number {
    const first = this.search(left)
    let last = first
    let l = left
    let r = right
    let held = 0
    while (last < this.lefts.length && notAfter(this.lefts[last], right)) {
      if (before(this.lefts[last], l)) l = this.lefts[last]
      if (after(this.rights[last], r)) r = this.rights[last]
      held += distance(this.rights[last], this.lefts[last])
      last++
    }
    const news = distance(r, l) - held
    if (last === first) {
      if (this.lefts.length >= MAX_RANGES) return 0
      this.lefts.splice(first, 0, l)
      this.rights.splice(first, 0, r)
    } else {
      this.lefts[first] = l
      this.rights[first] = r
      if (last - first > 1) {
        this.lefts.splice(first + 1, last - first - 1)
        this.rights.splice(first + 1, last - first - 1)
      }
    }
    this.bytes += news
    return news
  }

  /** Everything before `una` is acknowledged. */
  onAck(una: number): void {
    let count = 0
    while (count < this.lefts.length && before(this.lefts[count], una)) {
      if (after(this.rights[count], una)) {
        this.bytes -= distance(una, this.lefts[count])
        this.lefts[count] = una
        break
      }
      this.bytes -= distance(this.rights[count], this.lefts[count])
      count++
    }
    if (count > 0) {
      this.lefts.splice(0, count)
      this.rights.splice(0, count)
    }
  }

  /** How many bytes before `sequence` the peer holds. */
  bytesBefore(sequence: number): number {
    if (this.lefts.length === 0 || !before(this.lefts[0], sequence)) return 0
    if (!after(this.highest, sequence)) return this.bytes
    let sum = 0
    for (let i = 0; i < this.lefts.length && before(this.lefts[i], sequence); i++) {
      sum += distance(after(this.rights[i], sequence) ? sequence : this.rights[i], this.lefts[i])
    }
    return sum
  }

  /** Whether the peer holds all of [left, right). */
  holds(left: number, right: number): boolean {
    const at = this.search(left)
    return at < this.lefts.length && notAfter(this.lefts[at], left) && !before(this.rights[at], right)
  }

  /** The first bytes in [from, limit) that the peer does not hold: `holeStart`, `holeEnd`. False if there are none. */
  findHole(from: number, limit: number): boolean {
    let start = from
    let at = this.search(from)
    if (at < this.lefts.length && notAfter(this.lefts[at], start)) start = this.rights[at++]
    if (!before(start, limit)) return false
    this.holeStart = start
    this.holeEnd = at < this.lefts.length && before(this.lefts[at], limit) ? this.lefts[at] : limit
    return true
  }

  clear(): void {
    this.lefts.length = 0
    this.rights.length = 0
    this.bytes = 0
  }

  /** The first range that ends at or after `sequence`. */
  private search(sequence: number): number {
    let low = 0
    let high = this.lefts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (before(this.rights[middle], sequence)) low = middle + 1
      else high = middle
    }
    return low
  }
}
