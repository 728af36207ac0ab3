// What may be sent now: retransmissions that recovery asks for, new data as far as the windows, Nagle and silly window
// avoidance allow, the FIN, and a bare ACK when nothing else carried what is owed. A device that refuses leaves everything
// as it was. Segments themselves are made in send-segment.ts.

import { NEVER } from '../base/deadlines.ts'
import { advance, distance } from '../base/sequence.ts'
import { HEADER } from '../wire/tcp.ts'
import { CORK, type ControlBlock, PERSIST } from './control-block.ts'
import { worthSending } from './nagle.ts'
import { Persist } from './persist.ts'
import { bareSequence, LEFT, prepareOptions, REFUSED, sendBare, sendData, sendSyn } from './send-segment.ts'
import { sendsData } from './state.ts'

/** Everything that may be sent was. */
export const IDLE = 0
/** The share of this turn is used up and more may be sent. */
export const MORE = 1
/** The device refuses: again when it has room. */
export const BLOCKED = 2
/** An acknowledgment waits for company until the next poll. */
export const LATER = 3

/** Bytes that one connection sends, give or take a super-frame, before others get their turn. */
const SHARE = 524_288
/** Nothing may be sent; 0 bytes is a FIN. */
const NOTHING = -1

export function transmit(block: ControlBlock, now: number): number {
  if (block.synWaiting) return sendSyn(block, now) === REFUSED ? BLOCKED : IDLE
  if (block.state === 'CLOSED' || block.state === 'SYN-SENT' || block.state === 'TIME-WAIT') return IDLE
  if (block.path.mtu !== block.pathMtu) block.refreshPath()
  if (sendsData(block.state)) {
    const answer = sendPending(block, now)
    if (answer !== IDLE) return answer
  }
  if (block.probeWaiting) {
    if (sendBare(block, advance(block.sendWindow.sndUna, -1), now) === REFUSED) return BLOCKED
    block.probeWaiting = false
  }
  if (!block.acks.now) return IDLE
  if (block.acks.takePatience()) return LATER
  return sendBare(block, bareSequence(block), now) === REFUSED ? BLOCKED : IDLE
}

/** Data and FIN, in turns of a fair share. */
function sendPending(block: ControlBlock, now: number): number {
  const { sendWindow, queue, recovery } = block
  if (sendWindow.sndNxt === queue.end && !block.finQueued && recovery.state === 'Open') {
    block.limitedBy = 'application'
    return IDLE
  }
  decayAfterIdle(block, now)
  block.limitedBy = 'none'
  let answer = MORE
  const enough = block.bytesSent + SHARE
  while (answer === MORE && block.bytesSent < enough) answer = sendNext(block, now)
  if (answer === BLOCKED) block.limitedBy = 'device'
  block.forceSmall = false
  afterBurst(block, now)
  return answer
}

/** One super-frame, if one may be sent. */
function sendNext(block: ControlBlock, now: number): number {
  const { recovery, sendWindow } = block
  const headerLength = prepareOptions(block, now)
  const mss = block.size.mss - (headerLength - HEADER)
  let sequence = sendWindow.sndNxt
  let again = false
  let bytes: number
  if (recovery.next()) {
    again = true
    sequence = recovery.from
    bytes = mayRepeat(block, mss)
  } else {
    bytes = maySend(block, mss, now)
    if (bytes === NOTHING && recovery.nextHole()) {
      again = true
      sequence = recovery.from
      bytes = mayRepeat(block, mss)
    }
  }
  if (bytes === NOTHING) return IDLE
  const sent = sendData(block, sequence, bytes, mss, headerLength, again, now)
  if (sent === REFUSED) return BLOCKED
  return sent === LEFT ? MORE : IDLE
}

/** How many of the bytes that recovery names may go again. */
function mayRepeat(block: ControlBlock, mss: number): number {
  const { recovery, sendWindow, queue, window } = block
  const size = distance(recovery.to, recovery.from)
  const pipe = recovery.pipe(sendWindow.sndUna, sendWindow.sndNxt, mss)
  let room = window.cwnd * mss - pipe
  if (recovery.urgent && room < mss) room = mss
  if (room < mss && room < size) {
    block.limitedBy = 'cwnd'
    return NOTHING
  }
  // A window that shrank below what is out holds back all but the first segment, which probes it.
  let offered = distance(advance(sendWindow.sndUna, sendWindow.sndWnd), recovery.from)
  if (offered <= 0) {
    if (recovery.from !== sendWindow.sndUna) {
      block.limitedBy = 'receive-window'
      return NOTHING
    }
    offered = mss
  }
  let bytes = Math.min(size, room, offered)
  if (bytes < size && bytes > mss) bytes -= bytes % mss
  return Math.min(bytes, Math.max(distance(queue.end, recovery.from), 0))
}

/** How many new bytes may go; 0: the FIN alone. */
function maySend(block: ControlBlock, mss: number, now: number): number {
  const { sendWindow, queue, nagle, recovery, window } = block
  const waiting = distance(queue.end, sendWindow.sndNxt)
  if (waiting < 0 || (waiting === 0 && !block.finQueued)) {
    block.limitedBy = 'application'
    return NOTHING
  }
  const offered = sendWindow.room
  if (waiting === 0) {
    if (offered >= 1) return 0
    block.limitedBy = 'receive-window'
    return NOTHING
  }
  const allowed = window.cwnd * mss - recovery.pipe(sendWindow.sndUna, sendWindow.sndNxt, mss)
  const room = Math.min(offered, allowed)
  if (waiting <= room) {
    const tail = waiting % mss
    if (tail === 0 || block.finQueued || nagle.mayTail(sendWindow.sndUna, now)) return waiting
    if (waiting > tail) return waiting - tail
    block.limitedBy = 'application'
    return NOTHING
  }
  if (room >= mss) return room - (room % mss)
  if (allowed < offered) {
    block.limitedBy = 'cwnd'
    return NOTHING
  }
  block.limitedBy = 'receive-window'
  if (room > 0 && (block.forceSmall || worthSending(room, mss, sendWindow.maxWindow))) return room
  return NOTHING
}

/** RFC 5681 4.1: after a silence of an RTO the window is not what the path was last known to carry. */
function decayAfterIdle(block: ControlBlock, now: number): void {
  const { sendWindow, rtt, window } = block
  if (sendWindow.sndNxt !== sendWindow.sndUna || !block.options.slowStartAfterIdle) return
  const idle = now - block.sentAt
  if (idle <= rtt.rto) return
  window.onIdle(idle, rtt.rto, now)
  block.sentAt = now
}

function afterBurst(block: ControlBlock, now: number): void {
  const { sendWindow, window, rtt, deadlines, nagle, mss } = block
  const { flight } = sendWindow
  const out = Math.ceil(flight / mss)
  const limited = block.limitedBy === 'cwnd'
  window.onBurst(out, limited, sendWindow.sndUna, sendWindow.sndNxt, rtt.rto, block.options.slowStartAfterIdle, now)
  if (nagle.corkUntil !== NEVER) deadlines.set(CORK, nagle.corkUntil)
  if (flight === 0 && block.limitedBy === 'receive-window') beginProbing(block, now)
}

/** Nothing is out and the window is too small for what waits: probes ask for it (RFC 9293 3.8.6.1). */
function beginProbing(block: ControlBlock, now: number): void {
  block.persist ??= new Persist()
  if (!block.persist.active) {
    block.persist.begin()
    block.progressAt = now
  }
  if (!block.deadlines.isSet(PERSIST)) block.deadlines.set(PERSIST, now + block.persist.interval(block.rtt.rto))
}
