// Timers without timers: each owner keeps a small table of named deadlines, the stack keeps one heap of owners by
// their earliest deadline, and the host arms one timer for the head of the heap. Setting a deadline later than the
// one the heap knows costs one store: the heap is corrected lazily, when the owner comes up.

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY

const MAX_SLOTS = 8

/** Whoever has deadlines. `slot` is the index that the owner gave the deadline. */
export interface DeadlineOwner {
  onDeadline(slot: number, now: number): void
}

/** What every table without a deadline points at: most owners have none most of the time. Never written. */
const NONE: number[] = new Array<number>(MAX_SLOTS).fill(NEVER)

/** The deadlines of one owner, at most MAX_SLOTS, in microseconds of the environment's clock. */
export class Deadlines {
  private slots = NONE
  private readonly count: number
  private readonly heap: DeadlineHeap
  /** Where this table stands in the heap, -1 when it is not there. Kept by the heap. */
  position = -1
  /** The time under which the heap filed this table: never later than the earliest slot. Kept by the heap. */
  filed = NEVER
  readonly owner: DeadlineOwner

  constructor(heap: DeadlineHeap, owner: DeadlineOwner, slots: number) {
    this.heap = heap
    this.owner = owner
    if (slots > MAX_SLOTS) throw new RangeError('too many deadlines of one owner')
    this.count = slots
  }

  get(slot: number): number {
    return this.slots[slot]
  }

  isSet(slot: number): boolean {
    return this.slots[slot] !== NEVER
  }

  /** Sets a deadline; one that stands already is moved. */
  set(slot: number, at: number): void {
    if (this.slots === NONE) this.slots = new Array<number>(this.count).fill(NEVER)
    this.slots[slot] = at
    if (at < this.filed) this.heap.file(this, at)
  }

  /** Sets the deadline only if it would come earlier than it stands. */
  setEarlier(slot: number, at: number): void {
    if (at < this.slots[slot]) this.set(slot, at)
  }

  clear(slot: number): void {
    if (this.slots !== NONE) this.slots[slot] = NEVER
  }

  clearAll(): void {
    this.slots = NONE
    this.heap.remove(this)
  }

  /** The earliest deadline, NEVER if there is none. */
  earliest(): number {
    let min = NEVER
    for (let i = 0; i < this.count; i++) if (this.slots[i] < min) min = this.slots[i]
    return min
  }

  /** Fires what is due, each slot once, cleared before its call; a handler may set it anew. */
  fire(now: number): void {
    for (let i = 0; i < this.count; i++) {
      if (this.slots[i] <= now) {
        this.clear(i)
        this.owner.onDeadline(i, now)
      }
    }
  }
}

/** A binary heap of deadline tables by the time under which each was filed. One per stack. */
export class DeadlineHeap {
  private readonly heap: Deadlines[] = []

  get size(): number {
    return this.heap.length
  }

  /** The next deadline of anybody, NEVER if there is none. Corrects tables that were filed too early. */
  next(): number {
    while (this.heap.length > 0) {
      const head = this.heap[0]
      const earliest = head.earliest()
      if (earliest === head.filed) return earliest
      this.refile(head, earliest)
    }
    return NEVER
  }

  /** Calls `onDeadline` for everything that is due at `now`, in the order of the times. */
  expire(now: number): void {
    while (this.heap.length > 0) {
      const head = this.heap[0]
      if (head.filed > now) return
      const earliest = head.earliest()
      if (earliest <= now) head.fire(now)
      if (head.position >= 0) this.refile(head, head.earliest())
    }
  }

  file(table: Deadlines, at: number): void {
    table.filed = at
    if (table.position < 0) {
      table.position = this.heap.length
      this.heap.push(table)
    }
    this.up(table.position)
  }

  remove(table: Deadlines): void {
    const at = table.position
    if (at < 0) return
    table.position = -1
    table.filed = NEVER
    const last = this.heap.pop() as Deadlines
    if (last === table) return
    this.heap[at] = last
    last.position = at
    this.up(at)
    this.down(last.position)
  }

  private refile(table: Deadlines, at: number): void {
    if (at === NEVER) {
      this.remove(table)
      return
    }
    table.filed = at
    this.up(table.position)
    this.down(table.position)
  }

  private up(from: number): void {
    const heap = this.heap
    const table = heap[from]
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent].filed <= table.filed) break
      heap[at] = heap[parent]
      heap[at].position = at
      at = parent
    }
    heap[at] = table
    table.position = at
  }

  private down(from: number): void {
    const heap = this.heap
    const table = heap[from]
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && heap[child + 1].filed < heap[child].filed) child++
      if (heap[child].filed >= table.filed) break
      heap[at] = heap[child]
      heap[at].position = at
      at = child
    }
    heap[at] = table
    table.position = at
  }
}
