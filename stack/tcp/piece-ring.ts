// The slots of a list of page references: lent to a list while it holds something. Lists that were drained last keep theirs, so
// that a busy connection allocates none and passes none to and fro; by and by those of the others come back, so that an
// idle connection has none. Owns the rings that nobody has, a few of each size, and the list of who kept one.

import type { Page } from '../buffer/page.ts'

const FIRST_CAPACITY = 2
/** Rings that wait for a list, of each size; what comes beyond is left to the collector. */
const MOST_IDLE = 64
/** Larger ones are not kept: log2 of the slots. */
const LARGEST = 12

export class PieceRing {
  /** Slots less one, which are a power of two; -1: none. */
  readonly mask: number
  readonly pages: (Page | null)[]
  readonly offsets: number[]
  readonly lengths: number[]
  /** Sequence numbers of the first bytes, for those who have them. */
  readonly starts: number[]
  /** The next one that nobody has. */
  next: PieceRing | null = null

  constructor(capacity: number) {
    this.mask = capacity - 1
    this.pages = new Array<Page | null>(capacity).fill(null)
    this.offsets = new Array<number>(capacity).fill(0)
    this.lengths = new Array<number>(capacity).fill(0)
    this.starts = new Array<number>(capacity).fill(0)
  }
}

/** What a list without pieces has. Never written. */
const NO_RING = new PieceRing(0)

/** Drained lists that keep their rings: a power of two. */
export const MOST_KEPT = 256

/** A list whose pieces are in a ring. */
export abstract class RingHolder {
  /** Pieces in the list. */
  size = 0
  protected head = 0
  protected ring = NO_RING
  /** It is among those that keep their ring when they are drained. */
  private keeps = false

  /** The last piece was taken: its page is null. */
  protected onDrained(): void {
    if (!this.keeps) this.keep()
  }

  /** Room for more than the full ring has. */
  protected grow(): PieceRing {
    this.ring = largerRing(this.ring, this.head)
    this.head = 0
    return this.ring
  }

  /** The pieces of `other`, which has none then. This one has none. */
  protected takeOver(other: RingHolder): void {
    this.letGo()
    this.size = other.size
    this.head = other.head
    this.ring = other.ring
    other.size = 0
    other.head = 0
    other.ring = NO_RING
  }

  private keep(): void {
    const other = keepers[turn]
    if (other !== null) {
      other.keeps = false
      if (other.size === 0) other.letGo()
    }
    this.keeps = true
    keepers[turn] = this
    turn = (turn + 1) & (MOST_KEPT - 1)
  }

  private letGo(): void {
    const { ring } = this
    this.ring = NO_RING
    this.head = 0
    if (ring !== NO_RING) giveBack(ring)
  }
}

const keepers: (RingHolder | null)[] = new Array<RingHolder | null>(MOST_KEPT).fill(null)
let turn = 0

const idle: (PieceRing | null)[] = new Array<PieceRing | null>(LARGEST + 1).fill(null)
const idleCounts: number[] = new Array<number>(LARGEST + 1).fill(0)

/** A ring with room for more than the full `ring`, whose pieces from `head` on it takes over; that one is given back. */
function largerRing(ring: PieceRing, head: number): PieceRing {
  const held = ring.mask + 1
  const larger = lend(held === 0 ? FIRST_CAPACITY : held * 2)
  for (let i = 0; i < held; i++) {
    const from = (head + i) & ring.mask
    larger.pages[i] = ring.pages[from]
    larger.offsets[i] = ring.offsets[from]
    larger.lengths[i] = ring.lengths[from]
    larger.starts[i] = ring.starts[from]
    ring.pages[from] = null
  }
  if (held > 0) giveBack(ring)
  return larger
}

/** Nothing is in it any more: its pages are null. */
function giveBack(ring: PieceRing): void {
  const size = 31 - Math.clz32(ring.mask + 1)
  if (size > LARGEST || idleCounts[size] === MOST_IDLE) return
  idleCounts[size]++
  ring.next = idle[size]
  idle[size] = ring
}

function lend(capacity: number): PieceRing {
  const size = 31 - Math.clz32(capacity)
  const ring = size > LARGEST ? null : idle[size]
  if (ring === null) return new PieceRing(capacity)
  idleCounts[size]--
  idle[size] = ring.next
  ring.next = null
  return ring
}
