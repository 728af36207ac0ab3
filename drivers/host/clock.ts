// The host's clock: monotonic, integer microseconds from an arbitrary origin, as the stack is given it. Not the time of
// day, and not moved when that is set.

import { performance } from 'node:perf_hooks'
import type { Clock } from '../../stack/base/environment.ts'

/** Reads the operating system's monotonic clock, some 40 ns a call. */
export const hostClock: Clock = { now: () => Math.floor(performance.now() * 1000) }
