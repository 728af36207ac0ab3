// The transmission control block (RFC 9293 3.3.1): everything that is known of one connection, as a composition of the
// mechanisms that own its variables. Holds no rules: those are in the mechanisms and in the procedures over this block
// (segment-arrives, take-ack, take-data, transmit, timeouts).

import { type DeadlineOwner, Deadlines } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { WIDE } from '../base/wide.ts'
import type { FrameOwner } from '../buffer/frame.ts'
import type { Path } from '../network/contract.ts'
import { TIMESTAMPS_LENGTH } from '../wire/tcp.ts'
import { AckPolicy } from './ack-policy.ts'
import { ChallengeLimit } from './challenge.ts'
import { CongestionWindow } from './congestion-window.ts'
import { CONNECTION, type TableEntry } from './connection-table.ts'
import type { TcpInfo, TcpOptions, TcpState } from './contract.ts'
import type { KeepAlive } from './keep-alive.ts'
import { Nagle } from './nagle.ts'
import { PageFill } from './page-fill.ts'
import type { Persist } from './persist.ts'
import { PieceList } from './piece-list.ts'
import { Reassembly } from './reassembly.ts'
import { ReceiveWindow } from './receive-window.ts'
import { Recovery } from './recovery.ts'
import { RoundTrip } from './round-trip.ts'
import type { SackBlocks } from './sack-blocks.ts'
import { SegmentSize } from './segment-size.ts'
import { SendQueue } from './send-queue.ts'
import { SendWindow } from './send-window.ts'
import type { Services } from './services.ts'
import { type TcpEvent, transition } from './state.ts'
import { Timestamps } from './timestamps.ts'

/** Slots of the table of deadlines. */
export const RETRANSMIT = 0
export const DELAYED = 1
export const PERSIST = 2
export const KEEP_ALIVE = 3
export const CORK = 4
/** FIN-WAIT-2 of an orphan, and lingering. */
export const LIFETIME = 5
const SLOTS = 6

export abstract class ControlBlock implements TableEntry, DeadlineOwner, FrameOwner {
  readonly kind = CONNECTION
  readonly services: Services
  readonly path: Path
  readonly local: IpAddress
  readonly localPort: number
  readonly remote: IpAddress
  readonly remotePort: number
  hash = 0
  nextInBucket: TableEntry | null = null

  state: TcpState = 'CLOSED'
  /** Shared until one of them is set. */
  options: Readonly<TcpOptions>
  /** Nobody else has these options. */
  protected ownsOptions = false
  readonly deadlines: Deadlines
  readonly size = new SegmentSize()
  /** Payload of a full segment: the segment's size less the options that every segment carries. */
  mss = 0
  /** What the path's MTU was when `mss` was computed. */
  pathMtu = 0
  readonly timestamps: Timestamps
  readonly rtt = new RoundTrip()

  // sending
  readonly sendWindow = new SendWindow()
  readonly queue = new SendQueue()
  readonly window: CongestionWindow
  readonly recovery = new Recovery()
  readonly nagle = new Nagle()
  persist: Persist | null = null
  ownSendFill: PageFill | null = null

  // receiving
  readonly receiveWindow: ReceiveWindow
  readonly received = new PieceList()
  readonly acks = new AckPolicy()
  reassembly: Reassembly | null = null
  sackBlocks: SackBlocks | null = null
  ownReceiveFill: PageFill | null = null
  challenge: ChallengeLimit | null = null
  keepAlive: KeepAlive | null = null

  /** The peer may do SACK. */
  sack = false
  /** The shift that our SYN or SYN-ACK offers, -1: none. */
  offeredScale = -1
  offersSack = false
  offersTimestamps = false
  /** A SYN or SYN-ACK is to be sent (again). */
  synWaiting = false
  /** Opened by a listener: the half-open record has become this connection. */
  passive = false
  /** A probe is to be sent: sequence SND.UNA - 1, no data (zero window, keep-alive). */
  probeWaiting = false
  /** A window too small for a segment has stood long enough: what fits goes (RFC 9293 3.8.6.2.1, the override). */
  forceSmall = false
  /** The application has no more to send: a FIN follows the queue. */
  finQueued = false
  finAcknowledged = false
  /** The peer's FIN came, in or out of order, and where it stands; then whether it was taken. */
  finKnown = false
  finSequence = 0
  finReceived = false
  /** `shutdown('read')`: what comes is thrown away. */
  readShut = false
  /** `close()` was called: nobody is told any more. */
  orphan = false
  /** The pending error, positive; and the last ICMP error that did not end the connection. */
  error = 0
  softError = 0
  /** Timeouts in a row. */
  timeouts = 0
  /** When the peer was heard last, when data was sent last, and since when it has taken nothing. */
  heardAt = 0
  sentAt = 0
  progressAt = 0
  establishedOnce = false

  /** Events the application has not been told yet; whether the connection is in the layer's lists. */
  pendingEvents = 0
  scheduled = false
  telling = false
  /** `send` answered with less than was asked: a WRITABLE is owed. */
  wantsSpace = false
  limitedBy: TcpInfo['limitedBy'] = 'none'

  bytesAcknowledged = WIDE
  bytesSent = WIDE
  bytesRetransmitted = 0
  bytesReceived = WIDE
  segmentsOut = 0
  segmentsIn = 0
  dataSegmentsOut = 0
  dataSegmentsIn = 0
  retransmissions = 0

  constructor(
    services: Services,
    path: Path,
    localPort: number,
    remotePort: number,
    options: Readonly<TcpOptions>,
    timestampOffset: number,
  ) {
    this.services = services
    this.path = path
    this.local = path.source
    this.remote = path.destination
    this.localPort = localPort
    this.remotePort = remotePort
    this.options = options
    this.bytesAcknowledged = this.bytesSent = this.bytesReceived = 0
    this.deadlines = new Deadlines(services.context.heap, this, SLOTS)
    this.timestamps = new Timestamps(timestampOffset)
    this.window = new CongestionWindow(options.congestion)
    this.receiveWindow = new ReceiveWindow(options.receiveBuffer)
    this.size.setLimit(options.maxSegment)
    this.nagle.noDelay = options.noDelay
    this.nagle.cork = options.cork
    this.acks.setAlways(options.quickAck)
    this.refreshPath()
  }

  abstract onDeadline(slot: number, now: number): void
  abstract onTransmitError(errno: number): void

  /** Follows the table of states. */
  move(event: TcpEvent): void {
    const next = transition(this.state, event)
    const { counters } = this.services
    if (next === this.state) return
    const open = this.state === 'ESTABLISHED' || this.state === 'CLOSE-WAIT'
    const opens = next === 'ESTABLISHED' || next === 'CLOSE-WAIT'
    if (opens && !open) counters.TcpCurrEstab++
    if (open && !opens) counters.TcpCurrEstab--
    this.state = next
  }

  /** Reads the path's MTU anew. True if the segments' size changed. */
  refreshPath(): boolean {
    this.pathMtu = this.path.mtu
    const changed = this.size.onPath(this.pathMtu, this.path.networkHeaderLength)
    this.refreshMss()
    return changed
  }

  refreshMss(): void {
    this.mss = this.size.mss - (this.timestamps.enabled ? TIMESTAMPS_LENGTH : 0)
  }

  /** The FIN was sent at least once. */
  get finSent(): boolean {
    return this.finQueued && this.sendWindow.sndNxt === ((this.queue.end + 1) | 0)
  }

  /** Bytes that wait for the application. */
  get receiveQueued(): number {
    return this.received.bytes
  }

  get receiveNext(): number {
    return this.received.nextLength
  }

  get bytesQueued(): number {
    return this.bytesAcknowledged + this.queue.bytes
  }

  get sendSpace(): number {
    return Math.max(this.sendLimit - this.queue.bytes, 0)
  }

  /**
   * The most bytes that the send queue takes: the buffer, or a fair share while pages are scarce, so that peers which do
   * not read cannot leave the others nothing to send with.
   */
  get sendLimit(): number {
    const { sendBuffer } = this.options
    return this.services.context.pages.isScarce ? Math.min(sendBuffer, FAIR_SHARE) : sendBuffer
  }

  /** Whether the receiving side may hold more on top of `bytes`: the window says so, or a fair share while pages are scarce. */
  mayHold(bytes: number): boolean {
    return bytes < FAIR_SHARE || !this.services.context.pages.isScarce
  }

  /** Where small received segments are copied: a page of all connections while nothing waits, else one of our own. */
  receiveFill(): PageFill {
    if (this.received.size === 0) return this.services.receiveFill
    this.ownReceiveFill ??= new PageFill(this.services.context.pages, this.services.counters, true)
    return this.ownReceiveFill
  }

  /** Where written bytes are copied, by the same rule: large writes and a queue that grows fill pages of their own. */
  sendFill(length: number): PageFill {
    if (this.queue.size === 0 && length <= SMALL_WRITE) return this.services.sendFill
    this.ownSendFill ??= new PageFill(this.services.context.pages, this.services.counters, false)
    return this.ownSendFill
  }

  outOfOrder(): Reassembly {
    this.reassembly ??= new Reassembly(this.services.context.pages, this.services.counters)
    return this.reassembly
  }

  mayChallenge(now: number): boolean {
    this.challenge ??= new ChallengeLimit()
    return this.challenge.allow(now)
  }

  /** Lets go of every page that is waiting to be sent or sent again. */
  dropSendQueue(): void {
    this.queue.clear()
    this.ownSendFill?.release()
  }

  /** Lets go of every page that was received. */
  dropReceived(): void {
    this.received.clear()
    this.reassembly?.clear()
    this.ownReceiveFill?.release()
  }
}

const SMALL_WRITE = 4096
/** Bytes of each queue of a connection that scarce pages leave it (Linux under tcp_mem pressure does alike). */
const FAIR_SHARE = 65536
