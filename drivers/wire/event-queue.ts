// The events of a simulation: a binary heap by time, and among equals by the order in which they were added, so that
// the same program gives the same order on every engine.

/** Something that will happen. */
export interface SimulationEvent {
  readonly time: number
  /** It will not happen. No effect when it has. */
  cancel(): void
}

class Entry implements SimulationEvent {
  readonly time: number
  readonly order: number
  run: (() => void) | null

  constructor(time: number, order: number, run: () => void) {
    this.time = time
    this.order = order
    this.run = run
  }

  cancel(): void {
    this.run = null
  }
}

export class EventQueue {
  private readonly heap: Entry[] = []
  private added = 0

  add(time: number, run: () => void): SimulationEvent {
    const entry = new Entry(time, this.added++, run)
    this.heap.push(entry)
    this.up(this.heap.length - 1)
    return entry
  }

  /** The time of the first event, infinity if there is none. Cancelled events at the head are let go. */
  next(): number {
    while (this.heap.length > 0 && this.heap[0].run === null) this.shift()
    return this.heap.length > 0 ? this.heap[0].time : Number.POSITIVE_INFINITY
  }

  /** Takes out the first event if it is due at `now`. */
  take(now: number): (() => void) | null {
    if (this.next() > now) return null
    const { run } = this.heap[0]
    this.shift()
    return run
  }

  private shift(): void {
    const last = this.heap.pop() as Entry
    if (this.heap.length === 0) return
    this.heap[0] = last
    this.down(0)
  }

  private up(from: number): void {
    const { heap } = this
    const entry = heap[from]
    let at = from
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!earlier(entry, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = entry
  }

  private down(from: number): void {
    const { heap } = this
    const entry = heap[from]
    let at = from
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && earlier(heap[child + 1], heap[child])) child++
      if (!earlier(heap[child], entry)) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = entry
  }
}

function earlier(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order)
}
