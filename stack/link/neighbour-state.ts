// The states of a neighbour and how they follow each other, as one table (RFC 4861 7.3, Linux's NUD_*). Owns no times
// and no effects: neighbour-cache.ts arms the timers, sends the probes and keeps the frames that wait.

export const NONE = 0
/** Asked for and not answered yet: frames wait. */
export const INCOMPLETE = 0x01
export const REACHABLE = 0x02
/** The link address is known, nobody knows whether it still holds; used as it is. */
export const STALE = 0x04
/** Used while stale: a moment is left for an upper layer to confirm before we ask. */
export const DELAY = 0x08
/** Being asked, by unicast, while the known address is used. */
export const PROBE = 0x10
export const FAILED = 0x20
/** The link needs no addresses, or the address follows from the other (multicast). */
export const NOARP = 0x40
/** Given by a caller; never changes by itself. */
export const PERMANENT = 0x80

/** Frames go out at once and nothing has to be looked after. */
export const CONNECTED = PERMANENT | NOARP | REACHABLE
/** The link address is usable. */
export const VALID = CONNECTED | STALE | DELAY | PROBE

/** What can happen to a neighbour. */
export type NeighbourEvent =
  /** A frame wants to go there. */
  | 'use'
  /** It answered our question to us alone. */
  | 'answered'
  /** Its address was seen in something that proves nothing: a request, a broadcast, an unasked reply. */
  | 'heard'
  /** Time is up, and an upper layer has seen progress meanwhile. */
  | 'confirmed'
  /** Time is up, and frames went there lately. */
  | 'expired'
  /** Time is up, and nobody used it. */
  | 'idle'
  /** Time is up, and it was asked as often as is allowed. */
  | 'exhausted'

const TABLE: Readonly<Record<number, Readonly<Partial<Record<NeighbourEvent, number>>>>> = {
  [NONE]: { use: INCOMPLETE, answered: REACHABLE, heard: STALE },
  [INCOMPLETE]: { answered: REACHABLE, heard: STALE, exhausted: FAILED },
  [REACHABLE]: { answered: REACHABLE, heard: STALE, confirmed: REACHABLE, expired: DELAY, idle: STALE },
  [STALE]: { use: DELAY, answered: REACHABLE, heard: STALE },
  [DELAY]: { answered: REACHABLE, heard: STALE, confirmed: REACHABLE, expired: PROBE, idle: PROBE },
  [PROBE]: { answered: REACHABLE, heard: STALE, confirmed: REACHABLE, exhausted: FAILED },
  [FAILED]: { use: INCOMPLETE, answered: REACHABLE, heard: STALE },
  [NOARP]: {},
  [PERMANENT]: {},
}

/** The state after `event`; the same state where the table has nothing. */
export function transition(state: number, event: NeighbourEvent): number {
  return TABLE[state][event] ?? state
}

export type NeighbourStateName =
  | 'NONE'
  | 'INCOMPLETE'
  | 'REACHABLE'
  | 'STALE'
  | 'DELAY'
  | 'PROBE'
  | 'FAILED'
  | 'NOARP'
  | 'PERMANENT'

const NAMES: Readonly<Record<number, NeighbourStateName>> = {
  [NONE]: 'NONE',
  [INCOMPLETE]: 'INCOMPLETE',
  [REACHABLE]: 'REACHABLE',
  [STALE]: 'STALE',
  [DELAY]: 'DELAY',
  [PROBE]: 'PROBE',
  [FAILED]: 'FAILED',
  [NOARP]: 'NOARP',
  [PERMANENT]: 'PERMANENT',
}

/** The name that `ip neigh` prints. */
export function stateName(state: number): NeighbourStateName {
  return NAMES[state]
}
