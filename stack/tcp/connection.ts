// A connection as the application sees it (stack/tcp/contract.ts): the calls of an endpoint over a control block. Computes
// nothing: it puts bytes in and takes bytes out, says what the state allows, and asks for a poll. Nothing is sent here.

import { EAGAIN, EFAULT, EINVAL, ENOTCONN, EPIPE } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { advance } from '../base/sequence.ts'
import type { Page, PageRef } from '../buffer/page.ts'
import {
  ERROR,
  HANGUP,
  READ_HANGUP,
  READABLE,
  type Readiness,
  type TcpEndpoint,
  type TcpInfo,
  type TcpOptions,
  WRITABLE,
} from './contract.ts'
import { ControlBlock, KEEP_ALIVE, LIFETIME } from './control-block.ts'
import { abort, fail } from './ending.ts'
import { negotiate, offer } from './establish.ts'
import type { HalfOpen } from './half-open.ts'
import { connectionInfo } from './info.ts'
import { isSwitch } from './option-variants.ts'
import { isOptionValue } from './options.ts'
import { deadlinePassed } from './timeouts.ts'

/** Where a passive connection goes when its handshake is complete. */
export interface Acceptor {
  push(connection: Connection): void
}

export class Connection extends ControlBlock implements TcpEndpoint {
  /** Set for a connection that came through a listener. */
  acceptor: Acceptor | null = null
  private callback: Readiness | null = null

  get localAddress(): IpAddress {
    return this.local
  }

  get remoteAddress(): IpAddress {
    return this.remote
  }

  get loopback(): boolean {
    return this.path.loopback
  }

  get onReadiness(): Readiness | null {
    return this.callback
  }

  /** What happened before somebody listened is told with the next dispatch. */
  set onReadiness(callback: Readiness | null) {
    this.callback = callback
    if (callback && this.pendingEvents !== 0) {
      this.services.tell(this, this.pendingEvents)
      this.services.context.requestPoll()
    }
  }

  /** An active open: the SYN leaves with the next transmit. */
  open(iss: number): void {
    this.sendWindow.begin(iss)
    this.queue.begin(advance(iss, 1))
    offer(this)
    this.move('active-open')
    this.synWaiting = true
    this.changed()
  }

  /** Takes over a half-open record whose SYN-ACK was acknowledged; the segment that did it is yet to be taken in. */
  adopt(half: HalfOpen, acceptor: Acceptor, now: number): void {
    this.acceptor = acceptor
    this.passive = true
    this.state = 'SYN-RECEIVED'
    this.sendWindow.begin(half.iss)
    this.sendWindow.sndNxt = advance(half.iss, 1)
    this.queue.begin(this.sendWindow.sndNxt)
    this.receiveWindow.begin(half.irs)
    this.receiveWindow.advertiseUnscaled()
    offer(this)
    negotiate(this, half, now)
    this.sendWindow.onSyn(half.irs, half.iss, half.window)
    this.timeouts = half.retries
    this.retransmissions = half.retries
    this.heardAt = now
    if (half.sent === 1) this.rtt.sample(now - half.sentAt)
  }

  readiness(): number {
    const { state } = this
    const over = state === 'CLOSED' || state === 'TIME-WAIT'
    const connecting = state === 'SYN-SENT' || state === 'SYN-RECEIVED'
    let bits = this.error === 0 ? 0 : ERROR | READABLE | WRITABLE
    if (this.received.size > 0 || this.finReceived || this.readShut || over) bits |= READABLE
    if (over || (!connecting && (this.finQueued || this.sendSpace > 0))) bits |= WRITABLE
    if (this.finReceived || over) bits |= READ_HANGUP
    if (over || (this.finReceived && this.finAcknowledged)) bits |= HANGUP
    return bits
  }

  takeError(): number {
    const { error } = this
    this.error = 0
    return error
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    checkRange(offset, length, bytes.length)
    const refusal = this.refusalToSend()
    if (refusal !== 0 || length === 0) return refusal
    const wanted = Math.min(length, this.sendSpace)
    const taken = wanted === 0 ? 0 : this.queue.copy(bytes, offset, wanted, this.sendFill(length))
    if (taken < length) this.wantsSpace = true
    if (taken < wanted) this.services.starve(this)
    if (taken === 0) return -EAGAIN
    this.changed()
    return taken
  }

  sendPage(page: Page, offset: number, length: number): number {
    checkRange(offset, length, page.length)
    const refusal = this.refusalToSend()
    if (refusal !== 0) return refusal
    if (length === 0) {
      page.release()
      return 0
    }
    // More than the whole buffer is taken when nothing else waits, or it could never go.
    if (length > this.sendSpace && this.queue.bytes > 0) {
      this.wantsSpace = true
      return -EAGAIN
    }
    this.queue.append(page, offset, length)
    this.changed()
    return length
  }

  reclaim(page: Page, all = false): boolean {
    const { pages } = this.services.context
    if (!all && pages.outstanding + Math.ceil(page.length / pages.pageSize) > pages.limit >> 1) return false
    return this.queue.unshare(page, this.sendFill(page.length))
  }

  receive(max: number, out: PageRef): number {
    if (max < 1) throw new RangeError('max is at least 1')
    const taken = this.received.take(max, out)
    if (taken === 0) return this.nothingToReceive()
    this.onTaken()
    return taken
  }

  receiveInto(bytes: Uint8Array, offset: number, length: number): number {
    checkRange(offset, length, bytes.length)
    if (length === 0) return 0
    const taken = this.received.copyTo(bytes, offset, length)
    if (taken === 0) return this.nothingToReceive()
    this.services.counters.TcpPagewireCopiedIn += taken
    this.onTaken()
    return taken
  }

  shutdown(how: 'read' | 'write' | 'both'): number {
    if (this.state === 'CLOSED' || this.state === 'TIME-WAIT') return -ENOTCONN
    if (how !== 'write') {
      this.readShut = true
      // What came early stays until its turn: the peer was told that it is here (RFC 2018 8).
      this.received.clear()
      this.onTaken()
    }
    if (how !== 'read' && !this.finQueued) {
      this.finQueued = true
      // Before the handshake is done the FIN waits for its end.
      if (this.establishedOnce) this.move('close')
      this.changed()
    }
    return 0
  }

  close(): void {
    if (this.orphan) return
    const unread = this.received.bytes > 0
    this.forsake()
    const { state, options } = this
    if (state === 'CLOSED' || state === 'TIME-WAIT') return
    if (state === 'SYN-SENT' || unread || options.linger === 0) {
      const { counters } = this.services
      if (unread) counters.TcpExtTCPAbortOnClose++
      else if (options.linger === 0) counters.TcpExtTCPAbortOnData++
      abort(this, 0, this.clock())
      this.services.context.requestPoll()
      return
    }
    this.shutdown('write')
    if (options.linger > 0) this.deadlines.set(LIFETIME, this.clock() + options.linger)
    else if (this.state === 'FIN-WAIT-2') this.deadlines.set(LIFETIME, this.clock() + options.finWait2)
  }

  abort(): void {
    this.forsake()
    abort(this, 0, this.clock())
    this.services.context.requestPoll()
  }

  setOption<K extends keyof TcpOptions>(name: K, value: TcpOptions[K]): number {
    if (!isOptionValue(name, value)) return -EINVAL
    if (isSwitch(name) && !this.ownsOptions) {
      this.options = this.services.optionVariants.with(this.options, name, value as boolean)
    } else {
      this.ownOptions()[name] = value
    }
    this.onOption(name)
    return 0
  }

  getOption<K extends keyof TcpOptions>(name: K): TcpOptions[K] {
    return this.options[name]
  }

  info(): TcpInfo {
    return connectionInfo(this)
  }

  onDeadline(slot: number, now: number): void {
    deadlinePassed(this, slot, now)
  }

  /** A frame that the device had taken did not leave: the end of an attempt, else soft (RFC 9293 3.9.2.2). */
  onTransmitError(errno: number): void {
    // Bytes that cannot be read any more (a file that became shorter, memory that was detached) can never be sent.
    if (errno === EFAULT && this.state !== 'CLOSED') abort(this, errno, this.clock())
    else this.onNetworkError(errno, this.clock())
    this.services.context.requestPoll()
  }

  /** What the network says of the path: it ends an attempt, and is remembered otherwise. */
  onNetworkError(errno: number, now: number): void {
    if (this.state === 'SYN-SENT' || this.state === 'SYN-RECEIVED') fail(this, errno, now)
    else this.softError = errno
  }

  /** A router could not pass on what was in flight (RFC 1191, RFC 8201): smaller segments, at once. */
  onPacketTooBig(mtu: number, now: number): void {
    const { sendWindow, recovery, services } = this
    if (!services.network.updatePathMtu(this.remote, mtu, now) || !this.refreshPath()) return
    if (sendWindow.flight === 0 || this.synWaiting || this.state === 'SYN-SENT') return
    this.rtt.stopTiming(now)
    recovery.onTooBig(sendWindow.sndUna, sendWindow.sndNxt)
    services.schedule(this)
  }

  /** The application hears of `pendingEvents`. */
  notify(): void {
    const events = this.pendingEvents
    const { callback } = this
    if (callback === null || events === 0) return
    this.pendingEvents = 0
    if (typeof callback === 'function') callback(events)
    else callback.onReadiness(events)
  }

  /** Connections share their listener's options, or its variants, until one is changed that is no switch. */
  private ownOptions(): TcpOptions {
    if (!this.ownsOptions) this.options = { ...this.options }
    this.ownsOptions = true
    return this.options as TcpOptions
  }

  private onOption(name: keyof TcpOptions): void {
    const { options, nagle } = this
    if (name === 'noDelay' || name === 'cork') {
      nagle.noDelay = options.noDelay
      nagle.cork = options.cork
      if (name === 'cork' && options.cork) nagle.hold()
      if (!options.cork && (name === 'cork' || options.noDelay)) nagle.push()
    } else if (name === 'keepAlive' || name === 'keepIdle') {
      const set = options.keepAlive && this.establishedOnce
      if (set) this.deadlines.set(KEEP_ALIVE, Math.max(this.heardAt + options.keepIdle, this.clock()))
      else this.deadlines.clear(KEEP_ALIVE)
    } else if (name === 'receiveBuffer') {
      this.receiveWindow.buffer = options.receiveBuffer
    } else if (name === 'maxSegment') {
      this.size.setLimit(options.maxSegment)
      this.refreshMss()
    } else if (name === 'congestion') {
      this.window.setAlgorithm(options.congestion)
    } else if (name === 'quickAck') {
      this.acks.setAlways(options.quickAck)
    }
    this.changed()
  }

  /** Why `send` cannot take anything; 0 when it may. */
  private refusalToSend(): number {
    if (this.error !== 0) return -this.takeError()
    const { state } = this
    if (this.finQueued || this.orphan) return -EPIPE
    if (state === 'ESTABLISHED' || state === 'CLOSE-WAIT') return 0
    if (state === 'SYN-SENT' || state === 'SYN-RECEIVED') {
      this.wantsSpace = true
      return -EAGAIN
    }
    return this.establishedOnce ? -EPIPE : -ENOTCONN
  }

  private nothingToReceive(): number {
    if (this.error !== 0) return -this.takeError()
    if (this.finReceived || this.readShut) return 0
    if (this.state === 'CLOSED' || this.state === 'TIME-WAIT') return this.establishedOnce ? 0 : -ENOTCONN
    return -EAGAIN
  }

  /** Bytes were taken: there is room, of which the peer may want to hear. */
  private onTaken(): void {
    if (this.received.size === 0) this.onDrained()
    if (!this.finReceived && this.receiveWindow.worthTelling(this.received.bytes, this.size.advertised)) {
      this.acks.atOnce()
      this.changed()
    }
  }

  private onDrained(): void {
    this.ownReceiveFill?.release()
    if (this.state === 'CLOSED' || this.state === 'TIME-WAIT') this.services.forget(this)
  }

  /** The application lets go: nobody is told any more, nothing is read any more. */
  private forsake(): void {
    this.orphan = true
    this.callback = null
    this.pendingEvents = 0
    this.dropReceived()
    this.services.forget(this)
  }

  private changed(): void {
    this.services.schedule(this)
    this.services.context.requestPoll()
  }

  private clock(): number {
    return this.services.context.environment.clock.now()
  }
}

function checkRange(offset: number, length: number, available: number): void {
  if (offset < 0 || length < 0 || offset + length > available) throw new RangeError('outside of the bytes')
}
