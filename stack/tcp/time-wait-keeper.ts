// TIME-WAIT records in the table of connections: puts them there when a connection ends, answers what comes for them, and
// takes them out when their time is over or there are too many.

import { type DeadlineOwner, Deadlines } from '../base/deadlines.ts'
import { advance } from '../base/sequence.ts'
import type { StackContext } from '../context.ts'
import { ACK } from '../wire/tcp.ts'
import type { ConnectionTable } from './connection-table.ts'
import type { ControlBlock } from './control-block.ts'
import type { ReplyQueue } from './reply-queue.ts'
import type { Segment } from './segment.ts'
import { MAX_TIME_WAITS, TimeWait, TimeWaits, TW_ACK, TW_REUSE } from './time-wait.ts'

export class TimeWaitKeeper implements DeadlineOwner {
  private readonly records = new TimeWaits()
  private readonly context: StackContext
  private readonly table: ConnectionTable
  private readonly replies: ReplyQueue
  private readonly deadlines: Deadlines
  private readonly limit: number

  constructor(context: StackContext, table: ConnectionTable, replies: ReplyQueue, limit = MAX_TIME_WAITS) {
    this.context = context
    this.table = table
    this.replies = replies
    this.limit = limit
    this.deadlines = new Deadlines(context.heap, this, 1)
  }

  get size(): number {
    return this.records.size
  }

  /** A connection that has left the table goes on as a record. */
  keep(block: ControlBlock, now: number): void {
    if (this.records.size >= this.limit) {
      this.context.counters.TcpExtTCPTimeWaitOverflow++
      const { oldest } = this.records
      if (oldest) this.remove(oldest)
    }
    const record = new TimeWait(block.local, block.localPort, block.remote, block.remotePort)
    record.sndNxt = block.sendWindow.sndNxt
    record.rcvNxt = block.receiveWindow.rcvNxt
    record.window = Math.min(Math.floor(block.receiveWindow.window / 2 ** block.receiveWindow.scale), 65535)
    record.timestamps = block.timestamps.enabled
    record.tsRecent = block.timestamps.recent
    record.tsOffset = block.timestamps.offset
    this.records.add(record, now)
    this.table.insert(record)
    this.deadlines.setEarlier(0, record.expiresAt)
    if (block.acks.now) this.answer(record)
  }

  /**
   * A segment for a record. The sequence number with which a new connection may take the place (RFC 6191): the record is
   * gone then; or null.
   */
  onSegment(record: TimeWait, segment: Segment, now: number): number | null {
    const verdict = record.judge(segment)
    if (verdict === TW_REUSE) {
      this.context.counters.TcpExtTWRecycled++
      this.remove(record)
      // Beyond anything that the old incarnation can have sent (as Linux).
      return advance(record.sndNxt, 65535 + 2)
    }
    if (verdict === TW_ACK) {
      this.records.restart(record, now)
      this.answer(record)
    }
    return null
  }

  onDeadline(_slot: number, now: number): void {
    for (let { oldest } = this.records; oldest !== null && oldest.expiresAt <= now; { oldest } = this.records) {
      this.context.counters.TcpExtTW++
      this.remove(oldest)
    }
    this.deadlines.set(0, this.records.deadline)
  }

  clear(): void {
    for (let { oldest } = this.records; oldest !== null; { oldest } = this.records) this.remove(oldest)
    this.deadlines.clearAll()
  }

  private remove(record: TimeWait): void {
    this.records.remove(record)
    this.table.remove(record)
  }

  private answer(record: TimeWait): void {
    const reply = this.replies.addStray(record.local, record.localPort, record.remote, record.remotePort)
    if (!reply) return
    reply.flags = ACK
    reply.sequence = record.sndNxt
    reply.ack = record.rcvNxt
    reply.window = record.window
    reply.timestamps = record.timestamps
    reply.tsOffset = record.tsOffset
    reply.tsEcr = record.tsRecent
  }
}
