// Time-outs of sockets, in the reactor's time, so that they work on a host's clock and in a simulation alike. One heap
// of deadlines per host, beside the stack's own; owns no meaning of a time-out.

import { DeadlineHeap, type DeadlineOwner, Deadlines, NEVER } from '../../stack/base/deadlines.ts'
import type { Clock } from '../../stack/base/environment.ts'

export class Timeouts {
  private readonly heap = new DeadlineHeap()
  private readonly clock: Clock
  private readonly requestPoll: () => void
  /** What the reactor was told last. */
  private told = NEVER

  /** `requestPoll` makes the reactor ask for the deadline anew. */
  constructor(clock: Clock, requestPoll: () => void) {
    this.clock = clock
    this.requestPoll = requestPoll
  }

  /** A time-out that calls `onExpire` once each time it passes; not running yet. */
  create(onExpire: () => void): Timeout {
    return new Timeout(this, this.heap, onExpire)
  }

  /** Fires what is due. */
  expire(): void {
    if (this.heap.size > 0) this.heap.expire(this.clock.now())
  }

  /** The earliest deadline, which is what the reactor knows from now on. */
  nextDeadline(): number {
    this.told = this.heap.next()
    return this.told
  }

  /** For time-outs only: the deadline that is `milliseconds` from now, made known to the reactor. */
  deadline(milliseconds: number): number {
    const at = this.clock.now() + Math.ceil(milliseconds * 1000)
    if (at < this.told) this.requestPoll()
    return at
  }
}

export class Timeout implements DeadlineOwner {
  /** Milliseconds; 0: off. */
  duration = 0
  private readonly timeouts: Timeouts
  private readonly deadlines: Deadlines
  private readonly onExpire: () => void

  constructor(timeouts: Timeouts, heap: DeadlineHeap, onExpire: () => void) {
    this.timeouts = timeouts
    this.deadlines = new Deadlines(heap, this, 1)
    this.onExpire = onExpire
  }

  /** Starts it, or with 0 stops it. */
  set(milliseconds: number): void {
    this.duration = milliseconds
    if (milliseconds > 0) this.refresh()
    else this.deadlines.clearAll()
  }

  /** Something happened: it begins anew. */
  refresh(): void {
    if (this.duration > 0) this.deadlines.set(0, this.timeouts.deadline(this.duration))
  }

  onDeadline(): void {
    this.onExpire()
  }
}
