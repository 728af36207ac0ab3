// The precedence of the thread that runs the stack. What a kernel does for its network between two programs, a stack in a
// process can only ask for: a sender that waits 8 ms for an acknowledgment takes the segment for lost, and on a busy machine a
// thread among equals waits longer for its turn.

import { setPriority } from 'node:os'

export const DEFAULT_NICE = -10

/**
 * Sets the niceness of this thread (setpriority(2): -20 first, 19 last), not of the threads that read files and compile.
 * False when only root may: more precedence than one has is not given to others.
 */
export function setNiceness(nice: number): boolean {
  try {
    setPriority(0, nice)
    return true
  } catch {
    return false
  }
}
