// Recovery from loss of one connection (RFC 6675, RFC 6582, RFC 5681 3.1; the states are Linux's): what is lost, what was
// sent again, how much is in the pipe, and which bytes go next. Owns the scoreboard and the edges; the window falls
// elsewhere, on the verdicts given here. Limited transmit (RFC 3042) comes by itself: a duplicate takes a segment out
// of the pipe before anything is declared lost.

import { after, before, distance, latest, notAfter, notBefore } from '../base/sequence.ts'
import type { TcpInfo } from './contract.ts'
import { DuplicateAcks, type LossDetection } from './loss-detection.ts'
import { Scoreboard } from './scoreboard.ts'

/** What an ACK meant for recovery. */
export const NOTHING = 0
/** Loss was found: the window falls, and the first lost segment goes whatever the window says. */
export const ENTERED = 1
/** Everything that was out when loss was found is acknowledged. */
export const LEFT = 2

/** It keeps nothing of a connection. */
const DUPLICATE_ACKS = new DuplicateAcks()

export class Recovery {
  state: TcpInfo['caState'] = 'Open'
  /** SND.NXT when loss was found: recovery ends when it is acknowledged (RecoveryPoint, recover). */
  point = 0
  /** Everything before it that the peer did not report is lost. Never before SND.UNA. */
  lostEdge = 0
  /** HighRxt: everything before it that the peer did not report was sent again since loss was found. */
  highRxt = 0
  /** Duplicate acknowledgments since SND.UNA moved; without SACK each stands for a segment that arrived, so that there are never more than were out. */
  duplicates = 0
  /** After `next`: the bytes that go now. */
  from = 0
  to = 0
  /** Null when the peer does not do SACK. */
  scoreboard: Scoreboard | null = null
  detection: LossDetection = DUPLICATE_ACKS
  private sack = false
  /** The first segment of a recovery goes at once, whatever the window says (RFC 6675 5, 4.3). */
  urgent = false
  private hadLoss = false

  begin(sequence: number, sack: boolean): void {
    this.sack = sack
    this.point = sequence
    this.lostEdge = sequence
    this.highRxt = sequence
  }

  /** The peer holds [left, right), which lies in flight. How many bytes are news. */
  onSack(left: number, right: number): number {
    this.scoreboard ??= new Scoreboard()
    return this.scoreboard.add(left, right)
  }

  get sacked(): number {
    return this.scoreboard ? this.scoreboard.bytes : 0
  }

  /** Whether anything but plain forward motion is going on. The fast path asks. */
  get isCalm(): boolean {
    return this.state === 'Open' && this.duplicates === 0 && (this.scoreboard === null || this.scoreboard.ranges === 0)
  }

  /**
   * An ACK up to `una` was taken in, its SACK blocks before it. `advanced`: bytes newly acknowledged; `duplicate`: RFC 5681's
   * definition, or new SACK information (RFC 6675). Answers NOTHING, ENTERED or LEFT.
   */
  onAck(una: number, nxt: number, advanced: number, duplicate: boolean, mss: number, now: number): number {
    if (advanced > 0) this.onAdvance(una, advanced, mss)
    else if (duplicate && (this.sack || this.duplicates * mss < distance(nxt, una) - mss)) this.duplicates++
    if (this.state === 'Recovery' || this.state === 'Loss') {
      if (this.isOver(una)) {
        this.finish(una)
        return LEFT
      }
    }
    if (una === nxt) {
      if (this.state === 'Disorder') this.state = 'Open'
      return NOTHING
    }
    if (this.state === 'Loss') return NOTHING
    return this.detect(una, nxt, mss, now)
  }

  /** The retransmission timer expired: all that is out is lost, and everything may go again. */
  onTimeout(una: number, nxt: number): void {
    this.forgetReneged(una)
    this.state = 'Loss'
    this.hadLoss = true
    this.point = nxt
    this.lostEdge = nxt
    this.highRxt = una
    this.duplicates = 0
    this.urgent = false
  }

  /** True for the first timeout over these bytes: the threshold falls once (RFC 5681 3.1, equation 4). */
  isFirstTimeout(una: number): boolean {
    return this.state !== 'Loss' || notBefore(una, this.point)
  }

  /** The path's MTU fell: everything out was too large, and goes again without a word to congestion control. */
  onTooBig(una: number, nxt: number): void {
    this.onTimeout(una, nxt)
  }

  /** Bytes thought to be under way (RFC 6675 4, SetPipe). */
  pipe(una: number, nxt: number, mss: number): number {
    const flight = distance(nxt, una)
    if (this.isCalm) return flight
    const board = this.scoreboard
    if (!this.sack || !board) {
      const again = distance(this.highRxt, una)
      const unlost = distance(nxt, this.lostEdge) - this.duplicates * mss
      return Math.max(unlost, 0) + Math.max(again, 0)
    }
    const unlost = distance(nxt, this.lostEdge) - (board.bytes - board.bytesBefore(this.lostEdge))
    const again = distance(this.highRxt, una) - board.bytesBefore(this.highRxt)
    return Math.max(unlost, 0) + Math.max(again, 0)
  }

  /** Whether lost bytes wait to go again: then `from` and `to` hold the first stretch of them (NextSeg rule 1). */
  next(): boolean {
    if (this.state !== 'Recovery' && this.state !== 'Loss') return false
    if (!before(this.highRxt, this.lostEdge)) return false
    return this.findFrom(this.highRxt, this.lostEdge)
  }

  /** NextSeg rule 3: nothing is known lost and nothing new may go, but holes below what arrived were not sent again yet. */
  nextHole(): boolean {
    const board = this.scoreboard
    if (this.state !== 'Recovery' || !board || board.ranges === 0) return false
    return this.findFrom(latest(this.highRxt, this.lostEdge), board.left(board.ranges - 1))
  }

  /** Bytes up to `end` were sent again. */
  onRetransmit(end: number): void {
    this.highRxt = latest(this.highRxt, end)
    this.urgent = false
  }

  /** Bytes that are lost and were not sent again. */
  lost(): number {
    if (!before(this.highRxt, this.lostEdge)) return 0
    const board = this.scoreboard
    const sacked = board ? board.bytesBefore(this.lostEdge) - board.bytesBefore(this.highRxt) : 0
    return distance(this.lostEdge, this.highRxt) - sacked
  }

  /** A receiver that holds what follows SND.UNA would have acknowledged it: it has thrown it away (RFC 2018 8). */
  private forgetReneged(una: number): void {
    const board = this.scoreboard
    if (board && board.ranges > 0 && notAfter(board.left(0), una)) board.clear()
  }

  private onAdvance(una: number, advanced: number, mss: number): void {
    this.scoreboard?.onAck(una)
    this.lostEdge = latest(this.lostEdge, una)
    this.highRxt = latest(this.highRxt, una)
    // Without SACK a partial ACK covers the hole and what had come behind it (RFC 6582 in Linux's count).
    if (this.sack || this.state !== 'Recovery') this.duplicates = 0
    else this.duplicates = Math.max(this.duplicates - Math.max(Math.floor(advanced / mss) - 1, 0), 0)
  }

  /** RFC 6582: without SACK something beyond the point must be acknowledged, or late duplicates would begin again. */
  private isOver(una: number): boolean {
    return this.sack || this.state === 'Loss'
      ? notBefore(una, this.point)
      : after(una, this.point) || this.allAcked(una)
  }

  private allAcked(una: number): boolean {
    return una === this.point
  }

  private finish(una: number): void {
    this.state = 'Open'
    this.duplicates = 0
    this.lostEdge = una
    this.highRxt = una
    this.urgent = false
  }

  private detect(una: number, nxt: number, mss: number, now: number): number {
    const recovering = this.state === 'Recovery'
    const board = this.sack ? this.scoreboard : null
    const edge = this.detection.lostBefore(una, nxt, mss, this.duplicates, recovering, board, now)
    this.lostEdge = latest(this.lostEdge, edge)
    if (recovering) return NOTHING
    if (after(edge, una) && this.mayEnter(una)) {
      this.state = 'Recovery'
      this.hadLoss = true
      this.point = nxt
      this.highRxt = una
      this.urgent = true
      return ENTERED
    }
    this.lostEdge = una
    this.state = this.duplicates > 0 || this.sacked > 0 ? 'Disorder' : 'Open'
    return NOTHING
  }

  /** RFC 6582 3.2 step 1: duplicates of what an earlier recovery sent again begin no new one. */
  private mayEnter(una: number): boolean {
    return this.sack || !this.hadLoss || after(una, this.point)
  }

  private findFrom(from: number, limit: number): boolean {
    if (!before(from, limit)) return false
    const board = this.scoreboard
    if (!board) {
      this.from = from
      this.to = limit
      return true
    }
    if (!board.findHole(from, limit)) return false
    this.from = board.holeStart
    this.to = board.holeEnd
    return true
  }
}

/** A SACK block is believed when it lies in what is out (RFC 2018 5, RFC 2883): (una, nxt]. */
export function isPlausibleBlock(left: number, right: number, una: number, nxt: number): boolean {
  return before(left, right) && after(left, una) && notAfter(right, nxt)
}
