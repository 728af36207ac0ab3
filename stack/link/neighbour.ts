// One neighbour: an address of the network layer, its link address if known, and the frames that wait for it. Owns its
// variables; the cache it belongs to decides. Whoever holds one past a poll looks at `dead` before using it.

import { Deadlines } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { NeighbourCache } from './neighbour-cache.ts'
import { NONE } from './neighbour-state.ts'

export class Neighbour {
  readonly address: IpAddress
  readonly cache: NeighbourCache
  /** The link address as in wire/ethernet.ts; meaningful while the state is VALID. */
  high = 0
  low = 0
  /** One of neighbour-state.ts. */
  state = NONE
  /** Out of the cache for good: ask the cache anew. */
  dead = false
  /**
   * When an upper layer or an answer last proved that it is there; when its address or state changed; when a frame last
   * went there.
   */
  confirmed = Number.NEGATIVE_INFINITY
  updated = Number.NEGATIVE_INFINITY
  used = Number.NEGATIVE_INFINITY
  /** Questions asked since the state was entered. */
  probes = 0
  /** Frames that wait: for the link address, or for room in the device once it is known. Oldest first. */
  readonly pending: Frame[] = []
  pendingBytes = 0
  readonly deadlines: Deadlines

  constructor(cache: NeighbourCache, address: IpAddress) {
    this.cache = cache
    this.address = address
    this.deadlines = new Deadlines(cache.heap, this, 1)
  }

  /** The one deadline of a neighbour: what it means depends on its state. */
  onDeadline(_slot: number, now: number): void {
    this.cache.onTimer(this, now)
  }

  /** An upper layer made progress with it (RFC 4861 7.3.1). Seen when the next deadline comes. */
  confirm(now: number): void {
    this.confirmed = now
  }
}
