// What every layer of one stack is handed at birth: the environment, the one heap of deadlines, the pools, the
// counters, the time of the poll in progress, and the bell that asks the host for another poll.

import type { DeadlineHeap } from './base/deadlines.ts'
import type { Environment } from './base/environment.ts'
import type { FramePool } from './buffer/frame.ts'
import type { PagePool } from './buffer/page-pool.ts'
import type { Counters } from './counters.ts'

export interface StackContext {
  readonly environment: Environment
  readonly heap: DeadlineHeap
  readonly frames: FramePool
  /** Transmit pages, 64 KiB each: what `send` copies into. */
  readonly pages: PagePool
  readonly counters: Counters
  /** The clock as read at the start of the poll in progress; between polls, of the last one. Microseconds. */
  readonly now: number
  /** The last poll took in all that it may and left frames waiting, or the one in progress has: time is short. */
  readonly behind: boolean
  /** A call from outside left something to send or to tell: the host should poll soon. Idempotent and cheap. */
  requestPoll(): void
}
