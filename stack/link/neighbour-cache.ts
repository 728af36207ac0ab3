// The neighbours on one link for one network protocol: who has which link address, how sure we are, what waits for the
// answer (RFC 4861 7, Linux's net/core/neighbour.c). Owns entries, timers and bounds; how a question is asked and put
// on the link is the protocol's (ARP here, neighbour discovery for IPv6 behind the same class). All times in
// microseconds.

import { type DeadlineHeap, Deadlines } from '../base/deadlines.ts'
import { EHOSTUNREACH } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { Neighbour } from './neighbour.ts'
import {
  DELAY,
  FAILED,
  INCOMPLETE,
  type NeighbourEvent,
  NOARP,
  NONE,
  PERMANENT,
  PROBE,
  REACHABLE,
  STALE,
  transition,
  VALID,
} from './neighbour-state.ts'

/** What a cache needs of the protocol that finds link addresses. */
export interface NeighbourProtocol {
  /** Asks for the neighbour's link address: of itself by unicast, or of everybody. */
  solicit(neighbour: Neighbour, unicast: boolean): void
  /** Puts a frame that waited on the link; its link header stands and lacks the destination. False: no room. */
  release(neighbour: Neighbour, frame: Frame): boolean
}

/** For a link on which nobody has to be asked. */
export const NO_RESOLUTION: NeighbourProtocol = {
  solicit() {},
  release: () => false,
}

/** Linux's net.ipv4.neigh.default.*, in microseconds and entries. */
export interface NeighbourOptions {
  baseReachableTime: number
  delayProbeTime: number
  retransmitTime: number
  unicastProbes: number
  multicastProbes: number
  /** The most memory that frames may hold which wait for one neighbour, and for all of them together. */
  unresolvedBytes: number
  unresolvedTotal: number
  /** Until a known address may be overridden by another one. */
  lockTime: number
  gcStaleTime: number
  /**
   * Entries: below the first nothing is collected; unasked ones are not made beyond the second; the third is the end.
   * Those whose address is not known make room for one that says who it is: answers to made-up addresses keep nobody out.
   */
  gcThresholds: readonly [number, number, number]
}

export const NEIGHBOUR_DEFAULTS: NeighbourOptions = {
  baseReachableTime: 30_000_000,
  delayProbeTime: 5_000_000,
  retransmitTime: 1_000_000,
  unicastProbes: 3,
  multicastProbes: 3,
  unresolvedBytes: 212_992,
  unresolvedTotal: 4_194_304,
  lockTime: 1_000_000,
  gcStaleTime: 60_000_000,
  gcThresholds: [128, 512, 1024],
}

/** How long a reachable time drawn at random is kept (RFC 4861 6.3.4 says hours, Linux five minutes). */
const REACHABLE_REDRAW = 300_000_000
/** An entry that changed within this time survives a forced collection. */
const FORCED_GC_AGE = 5_000_000
/** Between two forced collections, each of which looks at all entries. */
const FORCED_GC_PAUSE = 100_000

export class NeighbourCache {
  readonly heap: DeadlineHeap
  readonly options: NeighbourOptions
  private readonly context: StackContext
  private readonly protocol: NeighbourProtocol
  private readonly random: StackContext['environment']['random']
  /** By the hash of the address; IPv6 addresses may share one. */
  private readonly entries = new Map<number, Neighbour[]>()
  /** Neighbours whose address is known and whose frames wait for room in the device. */
  private readonly stalled: Neighbour[] = []
  private count = 0
  /** Entries of these whose address is not known. */
  private unresolved = 0
  private pendingTotal = 0
  private readonly deadlines: Deadlines
  private reachableTime = 0
  private redrawAt = Number.NEGATIVE_INFINITY
  private collectedAt = Number.NEGATIVE_INFINITY

  /** `name` tells the link from others, so that each draws its own chance. */
  constructor(context: StackContext, protocol: NeighbourProtocol, name: string, options?: Partial<NeighbourOptions>) {
    this.context = context
    this.heap = context.heap
    this.protocol = protocol
    this.options = { ...NEIGHBOUR_DEFAULTS, ...options }
    this.deadlines = new Deadlines(context.heap, this, 1)
    this.random = context.environment.random.fork(`neighbours ${name}`)
  }

  get size(): number {
    return this.count
  }

  find(address: IpAddress): Neighbour | null {
    const bucket = this.entries.get(address.hash())
    if (!bucket) return null
    for (let i = 0; i < bucket.length; i++) if (bucket[i].address.equals(address)) return bucket[i]
    return null
  }

  /** The neighbour of a next hop of ours, made if need be. Null: the table is full of neighbours that are in use. */
  resolve(address: IpAddress): Neighbour | null {
    return this.find(address) ?? this.create(address)
  }

  /**
   * As `resolve`, for a neighbour that nobody of ours asked for and whose address the caller is about to tell: these cannot
   * fill the table, and those who do not answer cannot keep them out.
   */
  learn(address: IpAddress): Neighbour | null {
    const known = this.find(address)
    if (known) return known
    const [, second, third] = this.options.gcThresholds
    if (this.count - this.unresolved >= second) this.collect()
    if (this.count - this.unresolved >= second) return this.refuse()
    if (this.count >= third) this.evictUnresolved()
    return this.create(address)
  }

  /** A permanent entry, as `ip neigh add ... nud permanent`. Frames that wait for it go. */
  addPermanent(address: IpAddress, high: number, low: number): Neighbour | null {
    const neighbour = this.resolve(address)
    if (!neighbour) return null
    const wasValid = (neighbour.state & VALID) !== 0
    neighbour.high = high
    neighbour.low = low
    this.enter(neighbour, PERMANENT, this.context.now)
    if (!wasValid) this.drain(neighbour)
    return neighbour
  }

  /**
   * A neighbour outside of the table whose link address follows from the other: broadcast, multicast, a link without
   * ARP.
   */
  fixed(address: IpAddress, high: number, low: number): Neighbour {
    const neighbour = new Neighbour(this, address)
    neighbour.high = high
    neighbour.low = low
    neighbour.state = NOARP
    return neighbour
  }

  /**
   * A frame wants to go to a neighbour that is not CONNECTED. True: send it now. False: it waits, and the cache owns
   * it.
   */
  use(neighbour: Neighbour, frame: Frame, now: number): boolean {
    const send = neighbour.pending.length === 0 && (transition(neighbour.state, 'use') & VALID) !== 0
    // Queued before the question is asked, which takes the frame's source for its own.
    if (!send) this.enqueue(neighbour, frame)
    this.apply(neighbour, 'use', now)
    return send
  }

  /**
   * The neighbour answered us alone, or was heard (RFC 4861 7.2.5, Linux's neigh_update). Without `override` a known
   * address stays what it is and the news is ignored.
   */
  update(neighbour: Neighbour, high: number, low: number, answered: boolean, override: boolean, now: number): void {
    const old = neighbour.state
    if ((old & (PERMANENT | NOARP)) !== 0) return
    const wasValid = (old & VALID) !== 0
    const changed = !wasValid || neighbour.high !== high || neighbour.low !== low
    if (changed && wasValid && !override) return
    if (answered) neighbour.confirmed = now
    if (changed) {
      neighbour.high = high
      neighbour.low = low
      neighbour.updated = now
    }
    if (answered) this.apply(neighbour, 'answered', now)
    else if (changed) this.apply(neighbour, 'heard', now)
    if (!wasValid) this.drain(neighbour)
  }

  /** The timer of one neighbour came. */
  onTimer(neighbour: Neighbour, now: number): void {
    const { options } = this
    switch (neighbour.state) {
      case REACHABLE:
        if (now < neighbour.confirmed + this.reachable(now)) this.apply(neighbour, 'confirmed', now)
        else this.apply(neighbour, now <= neighbour.used + options.delayProbeTime ? 'expired' : 'idle', now)
        return
      case DELAY:
        this.apply(neighbour, now <= neighbour.confirmed + options.delayProbeTime ? 'confirmed' : 'expired', now)
        return
      case PROBE:
        if (neighbour.confirmed > neighbour.updated) this.apply(neighbour, 'confirmed', now)
        else this.ask(neighbour, options.unicastProbes, now)
        return
      case INCOMPLETE:
        this.ask(neighbour, options.multicastProbes, now)
        return
      default:
        return
    }
  }

  /** The device has room again. */
  onWritable(): void {
    while (this.stalled.length > 0) {
      const neighbour = this.stalled[0]
      if (!neighbour.dead && (neighbour.state & VALID) !== 0 && !this.drainSome(neighbour)) return
      this.stalled.shift()
    }
  }

  /** Takes a neighbour out; owners of frames that wait are told `errno` (0: silently). */
  remove(neighbour: Neighbour, errno: number): void {
    if (neighbour.dead) return
    neighbour.dead = true
    neighbour.deadlines.clearAll()
    const key = neighbour.address.hash()
    const bucket = (this.entries.get(key) as Neighbour[]).filter((other) => other !== neighbour)
    if (bucket.length > 0) this.entries.set(key, bucket)
    else this.entries.delete(key)
    this.count--
    if ((neighbour.state & VALID) === 0) this.unresolved--
    this.abandon(neighbour, errno)
  }

  /** Takes out all neighbours (the link went away), or all but the permanent ones (its carrier went). */
  clear(errno: number, keepPermanent: boolean): void {
    for (const neighbour of this.list()) {
      if (!keepPermanent || neighbour.state !== PERMANENT) this.remove(neighbour, errno)
    }
    if (this.count === 0) this.deadlines.clearAll()
  }

  list(): Neighbour[] {
    return [...this.entries.values()].flat()
  }

  /** Asks once more, or gives up: who waits gets EHOSTUNREACH. */
  private ask(neighbour: Neighbour, limit: number, now: number): void {
    if (neighbour.probes >= limit) {
      this.apply(neighbour, 'exhausted', now)
      this.context.counters.NeighResFailed++
      this.abandon(neighbour, EHOSTUNREACH)
      return
    }
    neighbour.probes++
    neighbour.deadlines.set(0, now + this.options.retransmitTime)
    this.protocol.solicit(neighbour, neighbour.state === PROBE)
  }

  private apply(neighbour: Neighbour, event: NeighbourEvent, now: number): void {
    const next = transition(neighbour.state, event)
    if (next !== neighbour.state || event === 'answered' || event === 'confirmed') this.enter(neighbour, next, now)
  }

  private enter(neighbour: Neighbour, state: number, now: number): void {
    if (neighbour.state !== state) neighbour.updated = now
    if (!neighbour.dead) this.unresolved += Number((state & VALID) === 0) - Number((neighbour.state & VALID) === 0)
    neighbour.state = state
    const { deadlines } = neighbour
    if (state === REACHABLE) deadlines.set(0, neighbour.confirmed + this.reachable(now))
    else if (state === DELAY) deadlines.set(0, now + this.options.delayProbeTime)
    else if (state === PROBE || state === INCOMPLETE) {
      neighbour.probes = 0
      this.ask(neighbour, 1, now)
    } else deadlines.clear(0)
  }

  private enqueue(neighbour: Neighbour, frame: Frame): void {
    neighbour.pending.push(frame)
    this.charge(neighbour, memoryOf(frame))
    const { unresolvedBytes, unresolvedTotal } = this.options
    while (neighbour.pendingBytes > unresolvedBytes && neighbour.pending.length > 1) this.dropOldest(neighbour)
    // When others hold all there is, this may be the frame itself.
    while (this.pendingTotal > unresolvedTotal && neighbour.pending.length > 0) this.dropOldest(neighbour)
  }

  private dropOldest(neighbour: Neighbour): void {
    const oldest = neighbour.pending.shift() as Frame
    this.charge(neighbour, -memoryOf(oldest))
    this.context.counters.NeighUnresolvedDiscards++
    oldest.release()
  }

  private charge(neighbour: Neighbour, bytes: number): void {
    neighbour.pendingBytes += bytes
    this.pendingTotal += bytes
  }

  private drain(neighbour: Neighbour): void {
    if (!this.drainSome(neighbour)) this.stalled.push(neighbour)
  }

  /** Sends what waits; false when the device has no room for all of it. */
  private drainSome(neighbour: Neighbour): boolean {
    const { pending } = neighbour
    while (pending.length > 0) {
      const bytes = memoryOf(pending[0])
      if (!this.protocol.release(neighbour, pending[0])) return false
      pending.shift()
      this.charge(neighbour, -bytes)
    }
    return true
  }

  private abandon(neighbour: Neighbour, errno: number): void {
    const frames = neighbour.pending.splice(0)
    this.charge(neighbour, -neighbour.pendingBytes)
    for (const frame of frames) {
      const owner = frame.owner
      frame.release()
      if (errno !== 0) owner?.onTransmitError(errno)
    }
  }

  private create(address: IpAddress): Neighbour | null {
    const { now } = this.context
    const [, second, third] = this.options.gcThresholds
    const due = this.count >= second && now - this.collectedAt > FORCED_GC_AGE
    if (this.count >= third || due) this.collect()
    if (this.count >= third) return this.refuse()
    const neighbour = new Neighbour(this, address)
    neighbour.updated = now
    const key = address.hash()
    const bucket = this.entries.get(key)
    if (bucket) bucket.push(neighbour)
    else this.entries.set(key, [neighbour])
    this.count++
    this.unresolved++
    if (this.count > this.options.gcThresholds[0]) {
      this.deadlines.setEarlier(0, now + this.options.gcStaleTime)
    }
    return neighbour
  }

  private refuse(): null {
    this.context.counters.NeighTableFulls++
    return null
  }

  /**
   * A forced collection, unless there was one just now: all that is neither in use nor new goes. Known neighbours stay while
   * it is not they who fill the table.
   */
  private collect(): void {
    const { now, counters } = this.context
    if (now - this.collectedAt < FORCED_GC_PAUSE) return
    this.collectedAt = now
    counters.NeighForcedGcRuns++
    const [, second] = this.options.gcThresholds
    const states = this.count - this.unresolved >= second ? NONE | STALE | FAILED : NONE | FAILED
    for (const neighbour of this.list()) {
      const { state } = neighbour
      const idle = now - neighbour.updated > FORCED_GC_AGE && now - neighbour.used > FORCED_GC_AGE
      if ((state & states) === state && (idle || state === FAILED)) this.remove(neighbour, 0)
    }
  }

  /** An entry whose address is not known goes, with what waits for it. */
  private evictUnresolved(): void {
    for (const bucket of this.entries.values()) {
      for (const neighbour of bucket) {
        if ((neighbour.state & VALID) !== 0) continue
        this.remove(neighbour, 0)
        return
      }
    }
  }

  /** The quiet collection: stale and failed entries that nobody used for long, once there are many. */
  onDeadline(_slot: number, now: number): void {
    const { gcStaleTime, gcThresholds } = this.options
    for (const neighbour of this.list()) {
      if ((neighbour.state & (STALE | FAILED)) === 0) continue
      if (now - Math.max(neighbour.used, neighbour.updated) >= gcStaleTime) this.remove(neighbour, 0)
    }
    if (this.count > gcThresholds[0]) this.deadlines.set(0, now + gcStaleTime)
  }

  /** Uniform between half and one and a half of the base (RFC 4861 6.3.2). */
  private reachable(now: number): number {
    if (now >= this.redrawAt) {
      const base = this.options.baseReachableTime
      this.reachableTime = (base >> 1) + this.random.below(base + 1)
      this.redrawAt = now + REACHABLE_REDRAW
    }
    return this.reachableTime
  }
}

/** What a frame holds while it waits: a received page that is sent back is much larger than the frame in it. */
function memoryOf(frame: Frame): number {
  return frame.head.length + frame.refBytes
}
