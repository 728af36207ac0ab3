// Who has something to send, something to tell, or waits for room: the lists through which calls and ingress leave their
// verdicts to `dispatch` and `pollTransmit`. Each connection is in each list at most once. Sending goes in rounds of a
// fair share each.

import type { PagePool } from '../buffer/page-pool.ts'
import type { Counters } from '../counters.ts'
import type { Connection } from './connection.ts'
import { ConnectionList } from './connection-list.ts'
import { WRITABLE } from './contract.ts'
import type { Listener } from './listener.ts'
import { BLOCKED, LATER, MORE, transmit } from './transmit.ts'

/** Rounds over the connections in one poll; what is left then waits for the next. */
const ROUNDS = 64
/**
 * Bytes that one poll sends, give or take a share: what the hardware takes in some hundred microseconds. The acknowledgments
 * that come meanwhile are read before the rest leaves, and the application has its turn.
 */
const POLL_OCTETS = 2 * 1024 * 1024

export class WorkLists {
  private ready = new ConnectionList()
  private spare = new ConnectionList()
  private readonly blocked = new ConnectionList()
  /** For the next poll. */
  private readonly later = new ConnectionList()
  private told = new ConnectionList()
  private spareTold = new ConnectionList()
  private readonly starved = new ConnectionList()
  private readonly listeners: Listener[] = []
  private readonly pages: PagePool
  private readonly counters: Counters
  /** The first exception of the callbacks in progress. */
  private failed = false
  private failure: unknown = null

  constructor(pages: PagePool, counters: Counters) {
    this.pages = pages
    this.counters = counters
  }

  schedule(connection: Connection): void {
    if (connection.scheduled) return
    connection.scheduled = true
    this.ready.push(connection)
  }

  tell(connection: Connection, events: number): void {
    if (connection.orphan) return
    connection.pendingEvents |= events
    if (connection.telling || connection.onReadiness === null) return
    connection.telling = true
    this.told.push(connection)
  }

  tellListener(listener: Listener): void {
    if (listener.telling) return
    listener.telling = true
    this.listeners.push(listener)
  }

  /** The connection could not copy for want of pages. */
  starve(connection: Connection): void {
    this.starved.push(connection)
  }

  /** Makes the callbacks. True if any was made. The first exception of one is thrown when all are done. */
  dispatch(): boolean {
    this.feedStarved()
    if (this.told.count === 0 && this.listeners.length === 0) return false
    this.tellListeners()
    const list = this.told
    this.told = this.spareTold
    this.spareTold = list
    for (let i = 0; i < list.count; i++) {
      const connection = list.take(i)
      connection.telling = false
      this.attempt(connection)
    }
    list.clear()
    if (this.failed) {
      this.failed = false
      throw this.failure
    }
    return true
  }

  /**
   * Sends in rounds until nothing more may be sent, or enough for one poll is. True when some is left for the next poll: to send, or to tell, since
   * a path that is dead ends an attempt here, behind the callbacks of this poll.
   */
  transmit(now: number): boolean {
    if (this.blocked.count > 0 && this.blocked.first.path.writable) this.onWritable()
    move(this.later, this.ready)
    const enough = this.counters.IpExtOutOctets + POLL_OCTETS
    for (let round = 0; round < ROUNDS && this.ready.count > 0; round++) {
      if (this.counters.IpExtOutOctets >= enough) break
      const list = this.ready
      this.ready = this.spare
      this.spare = list
      let i = 0
      while (i < list.count && this.counters.IpExtOutOctets < enough) this.serve(list.take(i++), list.count > 1, now)
      if (i < list.count) this.putBack(list, i)
      else list.clear()
    }
    return this.ready.count > 0 || this.told.count > 0 || this.later.count > 0
  }

  /** Those from `index` on had no turn: they come before those that had one. */
  private putBack(list: ConnectionList, index: number): void {
    list.dropFirst(index)
    move(this.ready, list)
    this.spare = this.ready
    this.ready = list
  }

  /** The device has room again. */
  onWritable(): void {
    move(this.blocked, this.ready)
  }

  /**
   * One that the device refused after it had sent something goes behind those that were refused at once (`others`), or
   * the first of them would have all of a small ring each time that there is room.
   */
  private serve(connection: Connection, others: boolean, now: number): void {
    connection.scheduled = false
    const sent = connection.segmentsOut
    const answer = transmit(connection, now)
    if (answer === MORE || (answer === BLOCKED && others && connection.segmentsOut !== sent)) {
      this.schedule(connection)
    } else if (answer === BLOCKED) {
      connection.scheduled = true
      this.blocked.push(connection)
    } else if (answer === LATER) {
      connection.scheduled = true
      this.later.push(connection)
    }
  }

  private tellListeners(): void {
    const count = this.listeners.length
    if (count === 0) return
    for (let i = 0; i < count; i++) {
      this.listeners[i].telling = false
      this.attempt(this.listeners[i])
    }
    // Those that callbacks have added stay.
    this.listeners.splice(0, count)
  }

  private attempt(target: { notify(): void }): void {
    try {
      target.notify()
    } catch (error) {
      if (!this.failed) this.failure = error
      this.failed = true
    }
  }

  private feedStarved(): void {
    if (this.starved.count === 0 || this.pages.outstanding >= this.pages.limit) return
    for (let i = 0; i < this.starved.count; i++) this.tell(this.starved.take(i), WRITABLE)
    this.starved.clear()
  }
}

function move(from: ConnectionList, to: ConnectionList): void {
  for (let i = 0; i < from.count; i++) to.push(from.take(i))
  from.clear()
}
