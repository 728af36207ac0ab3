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
  readonly owner: DeadlineOwner

  constructor(heap: DeadlineHeap, owner: DeadlineOwner, slots: number) {
    this.heap = heap
    this.owner = owner
    if (slots > MAX_SLOTS) throw new RangeError('too many deadlines of one owner')
    this.count = slots
  }

  /** The time under which the heap filed this table: never later than the earliest slot. */
  get filed(): number {
    return this.heap.filed(this)
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
    this.release()
    this.heap.remove(this)
  }

  /** No deadline stands: nothing need be kept of them. For the heap. */
  release(): void {
    this.slots = NONE
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
  /** When each of them was filed under, at the same places. */
  private readonly times: number[] = []

  get size(): number {
    return this.heap.length
  }

  /** The time under which `table` stands here, NEVER if it does not. */
  filed(table: Deadlines): number {
    return table.position < 0 ? NEVER : this.times[table.position]
  }

  /** The next deadline of anybody, NEVER if there is none. Corrects tables that were filed too early. */
  next(): number {
    while (this.heap.length > 0) {
      const head = this.heap[0]
      const earliest = head.earliest()
      if (earliest === this.times[0]) return earliest
      this.refile(head, earliest)
    }
    return NEVER
  }

  /** Calls `onDeadline` for everything that is due at `now`, in the order of the times. */
  expire(now: number): void {
    while (this.heap.length > 0) {
      const head = this.heap[0]
      if (this.times[0] > now) return
      const earliest = head.earliest()
      if (earliest <= now) head.fire(now)
      if (head.position >= 0) this.refile(head, head.earliest())
    }
  }

  file(table: Deadlines, at: number): void {
    if (table.position < 0) {
      table.position = this.heap.length
      this.heap.push(table)
      this.times.push(at)
    }
    this.up(table, table.position, at)
  }

  remove(table: Deadlines): void {
    const at = table.position
    if (at < 0) return
    table.position = -1
    const last = this.heap.pop() as Deadlines
    const time = this.times.pop() as number
    if (last === table) return
    this.up(last, at, time)
    this.down(last, last.position, time)
  }

  private refile(table: Deadlines, at: number): void {
    if (at === NEVER) {
      this.remove(table)
      table.release()
      return
    }
    this.up(table, table.position, at)
    this.down(table, table.position, at)
  }

  /** `table`, filed under `time`, takes place `from` or one nearer to the head. */
  private up(table: Deadlines, from: number, time: number): void {
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.times[parent] <= time) break
      this.put(this.heap[parent], at, this.times[parent])
      at = parent
    }
    this.put(table, at, time)
  }

  /** `table`, filed under `time`, takes place `from` or one further from the head. */
  private down(table: Deadlines, from: number, time: number): void {
    const { heap, times } = this
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && times[child + 1] < times[child]) child++
      if (times[child] >= time) break
      this.put(heap[child], at, times[child])
      at = child
    }
    this.put(table, at, time)
  }

  private put(table: Deadlines, at: number, time: number): void {
    this.heap[at] = table
    this.times[at] = time
    table.position = at
  }
}
