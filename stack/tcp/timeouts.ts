// What a connection does when one of its deadlines passes: retransmission (RFC 6298 5), the delayed ACK, probes of a shut
// window (RFC 9293 3.8.6.1), keep-alive (3.8.4), the cork, the end of an orphan's FIN-WAIT-2 and of lingering. Verdicts only:
// segments leave in `transmit`.

import { NEVER } from '../base/deadlines.ts'
import { ETIMEDOUT } from '../base/errno.ts'
import { CORK, type ControlBlock, DELAYED, KEEP_ALIVE, LIFETIME, PERSIST, RETRANSMIT } from './control-block.ts'
import { abort, fail, finish } from './ending.ts'
import { KEEP_DEAD, KEEP_PROBE, KeepAlive } from './keep-alive.ts'
import { MAX_RTO } from './round-trip.ts'
import { isSynchronized } from './state.ts'

/** Retransmissions of a connection that no application holds any more (Linux's tcp_orphan_retries). */
const ORPHAN_RETRIES = 8

export function deadlinePassed(block: ControlBlock, slot: number, now: number): void {
  if (slot === RETRANSMIT) onRetransmit(block, now)
  else if (slot === DELAYED) onDelayedAck(block, now)
  else if (slot === PERSIST) onPersist(block, now)
  else if (slot === KEEP_ALIVE) onKeepAlive(block, now)
  else if (slot === CORK) onCork(block, now)
  else if (slot === LIFETIME) onLifetime(block, now)
}

function onRetransmit(block: ControlBlock, now: number): void {
  const { sendWindow, recovery, window, rtt, services } = block
  if (block.state === 'SYN-SENT' || block.state === 'SYN-RECEIVED') {
    onSynTimeout(block, now)
    return
  }
  if (sendWindow.flight === 0) return
  if (isHopeless(block, now)) {
    giveUp(block, now)
    return
  }
  services.counters.TcpExtTCPTimeouts++
  block.timeouts++
  window.onTimeout(recovery.isFirstTimeout(sendWindow.sndUna))
  if (block.size.onTimeout()) services.counters.TcpPagewireBigTcpLost++
  recovery.onTimeout(sendWindow.sndUna, sendWindow.sndNxt)
  rtt.stopTiming(now)
  rtt.backOff()
  block.deadlines.set(RETRANSMIT, now + rtt.rto)
  services.schedule(block)
}

/**
 * Too many timeouts; but a peer that shut its window below what is out lives as long as it is heard, and as long as
 * somebody waits for it: of an orphan it could hold the memory for ever (as Linux).
 */
function isHopeless(block: ControlBlock, now: number): boolean {
  if (isOverdue(block, now)) return true
  if (block.sendWindow.sndWnd === 0 && !block.orphan) return now - block.heardAt > 2 * MAX_RTO
  return block.timeouts >= retryLimit(block)
}

function retryLimit(block: ControlBlock): number {
  return block.orphan ? Math.min(block.options.retries, ORPHAN_RETRIES) : block.options.retries
}

/** TCP_USER_TIMEOUT (RFC 5482): nothing was acknowledged for that long. */
function isOverdue(block: ControlBlock, now: number): boolean {
  const { userTimeout } = block.options
  return userTimeout > 0 && now - block.progressAt >= userTimeout
}

function onSynTimeout(block: ControlBlock, now: number): void {
  const { rtt, services } = block
  block.timeouts++
  services.counters.TcpExtTCPTimeouts++
  if (block.timeouts > block.options.synRetries || isOverdue(block, now)) {
    giveUp(block, now)
    return
  }
  rtt.backOffSyn(block.timeouts)
  block.synWaiting = true
  services.schedule(block)
}

function giveUp(block: ControlBlock, now: number): void {
  block.services.counters.TcpExtTCPAbortOnTimeout++
  fail(block, block.softError === 0 ? ETIMEDOUT : block.softError, now)
}

function onDelayedAck(block: ControlBlock, now: number): void {
  const { acks, services, deadlines } = block
  if (acks.dueAt === NEVER) return
  if (!acks.onDeadline(now)) {
    deadlines.set(DELAYED, acks.dueAt)
    return
  }
  services.counters.TcpExtDelayedACKs++
  services.schedule(block)
}

function onPersist(block: ControlBlock, now: number): void {
  const { persist, sendWindow, services } = block
  if (!persist?.active || sendWindow.flight > 0) return
  // A peer that keeps its window shut does not hold memory for ever when nobody waits for it any more (as Linux).
  const held = block.orphan && persist.backoff >= ORPHAN_RETRIES
  if (held || isOverdue(block, now) || !persist.onProbe(retryLimit(block))) {
    giveUp(block, now)
    return
  }
  if (sendWindow.room > 0) {
    block.forceSmall = true
  } else {
    services.counters.TcpExtTCPWinProbe++
    block.probeWaiting = true
  }
  block.deadlines.set(PERSIST, now + persist.interval(block.rtt.rto))
  services.schedule(block)
}

function onKeepAlive(block: ControlBlock, now: number): void {
  if (!block.options.keepAlive || !isSynchronized(block.state)) return
  block.keepAlive ??= new KeepAlive()
  const { keepAlive, options, services } = block
  const busy = block.sendWindow.flight > 0 || block.queue.bytes > 0
  const verdict = keepAlive.onDeadline(options, block.heardAt, busy, now)
  if (verdict === KEEP_DEAD) {
    services.counters.TcpExtTCPAbortOnTimeout++
    abort(block, block.softError === 0 ? ETIMEDOUT : block.softError, now)
    return
  }
  if (verdict === KEEP_PROBE) {
    services.counters.TcpExtTCPKeepAlive++
    block.probeWaiting = true
    services.schedule(block)
  }
  const next = keepAlive.deadline(options, block.heardAt, now)
  block.deadlines.set(KEEP_ALIVE, next > now ? next : now + options.keepIdle)
}

function onCork(block: ControlBlock, now: number): void {
  if (block.nagle.corkUntil > now) return
  block.nagle.push()
  block.services.schedule(block)
}

function onLifetime(block: ControlBlock, now: number): void {
  if (!block.orphan) return
  if (block.state === 'FIN-WAIT-2') {
    // The peer never closed: what remains is let go in silence, as Linux does.
    block.move('expire')
    finish(block, false, now)
    return
  }
  block.services.counters.TcpExtTCPAbortOnLinger++
  abort(block, 0, now)
}
