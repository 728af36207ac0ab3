// A listening endpoint (RFC 9293 3.10.1): its half-open records, and the connections that wait to be accepted, each within a
// limit. Owns both queues; what segments mean to them is passive-open.ts.

import { type DeadlineOwner, Deadlines } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { StackContext } from '../context.ts'
import type { Acceptor, Connection } from './connection.ts'
import { READABLE, type TcpListener, type TcpOptions } from './contract.ts'
import { type HalfOpen, SynQueue } from './half-open.ts'

/** Half-open records that even the shortest backlog allows: they are small, and a slow handshake must not shut others out. */
const LEAST_HALF_OPEN = 128

/** What a listener asks of its layer. */
export interface ListenerHost {
  readonly context: StackContext
  /** The times of half-open records have come. */
  onSynTimeout(listener: Listener, now: number): void
  tellListener(listener: Listener): void
  closeListener(listener: Listener): void
}

export class Listener implements TcpListener, Acceptor, DeadlineOwner {
  readonly localAddress: IpAddress | null
  readonly localPort: number
  readonly backlog: number
  readonly options: Readonly<TcpOptions>
  readonly halfOpen = new SynQueue()
  closed = false
  /** The most half-open records. */
  readonly halfOpenLimit: number
  /** When a cookie was last sent in the place of a half-open record. */
  cookieAt = Number.NEGATIVE_INFINITY
  /** The log has heard that its queue of half-open records was full. */
  toldOfFlood = false
  /** In the layer's list of those to be told. */
  telling = false
  private readonly host: ListenerHost
  private readonly deadlines: Deadlines
  private readonly waiting: Connection[] = []
  private callback: ((events: number) => void) | null = null
  private news = false

  constructor(host: ListenerHost, address: IpAddress | null, port: number, backlog: number, options: TcpOptions) {
    this.host = host
    this.localAddress = address
    this.localPort = port
    this.backlog = backlog
    this.options = options
    this.halfOpenLimit = Math.max(backlog, LEAST_HALF_OPEN)
    this.deadlines = new Deadlines(host.context.heap, this, 1)
  }

  get acceptQueue(): number {
    return this.waiting.length
  }

  get synQueue(): number {
    return this.halfOpen.size
  }

  /** No connection more may wait: as in Linux one more than the backlog. */
  get isFull(): boolean {
    return this.waiting.length > this.backlog
  }

  get onReadiness(): ((events: number) => void) | null {
    return this.callback
  }

  set onReadiness(callback: ((events: number) => void) | null) {
    this.callback = callback
    if (callback && this.waiting.length > 0) {
      this.push()
      this.host.context.requestPoll()
    }
  }

  accept(): Connection | null {
    return this.waiting.shift() ?? null
  }

  /** A connection is complete; without one: those that wait are told of again. */
  push(connection?: Connection): void {
    if (connection) this.waiting.push(connection)
    this.news = true
    this.host.tellListener(this)
  }

  notify(): void {
    if (!this.news || this.callback === null) return
    this.news = false
    this.callback(READABLE)
  }

  addHalfOpen(half: HalfOpen, now: number): void {
    this.halfOpen.add(half, now)
    this.deadlines.setEarlier(0, half.dueAt)
  }

  onDeadline(_slot: number, now: number): void {
    this.host.onSynTimeout(this, now)
    this.deadlines.set(0, this.halfOpen.deadline)
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.callback = null
    this.deadlines.clearAll()
    this.host.closeListener(this)
  }
}
