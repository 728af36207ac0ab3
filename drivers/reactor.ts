// Who drives stacks: the event loop of Node (drivers/host) or a simulation with virtual time (drivers/wire). A host and
// its stack work the same under both.

import type { Clock } from '../stack/base/environment.ts'

/** Something that is driven: a stack, a simulated link. */
export interface Pollable {
  /** Does all that can be done now. True when more work is waiting (a budget ran out): poll again, but let others go first. */
  poll(): boolean
  /** When to poll at the latest, microseconds of the reactor's clock; NEVER if nothing is due. */
  nextDeadline(): number
  /** Grows with every byte that went through, in and out: how long polls keep the loop from others. Absent: nobody minds. */
  readonly octets?: number
  /** Grows with everything that came in: whether a poll that nobody asked for was worth it. Absent: it never is. */
  readonly arrivals?: number
}

export interface Reactor {
  readonly clock: Clock
  /** Takes a pollable in; its handle rings for it. */
  attach(pollable: Pollable): ReactorHandle
}

export interface ReactorHandle {
  /** Poll soon: in this turn of the event loop, after the code that runs now. Idempotent and cheap. */
  requestPoll(): void
  /** Whether this pollable keeps the process alive (default: yes). */
  ref(): void
  unref(): void
  detach(): void
}
