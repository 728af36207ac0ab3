// What the stack is given and never takes: the time, chance and a place for words.
// Owns the contracts only; a host (real clock) or a simulation (virtual clock) implements them.

/** A clock. `now()` is integer microseconds from an arbitrary origin, never going back. Read once per poll. */
export interface Clock {
  now(): number
}

/**
 * A source of randomness. `fork(name)` gives a child stream that depends on the parent's seed and the name only,
 * so that a new consumer does not shift the others.
 */
export interface Random {
  /** The next unsigned 32-bit integer, 0 to 2^32 - 1. */
  uint32(): number
  /** An integer from 0 to `bound` - 1 without bias; `bound` is 1 to 2^32. */
  below(bound: number): number
  /** Fills the bytes. */
  fill(bytes: Uint8Array): void
  fork(name: string): Random
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Where the stack says things that a person should read. Rare by contract: never once per packet. */
export type Log = (level: LogLevel, message: string) => void

export interface Environment {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}
