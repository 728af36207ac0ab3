// The fifth check of SEGMENT ARRIVES (RFC 9293 3.10.7.4): the ACK field. Moves SND.UNA, takes in SACK and the window, asks
// recovery and congestion control for their verdicts, and follows the states that wait for an acknowledgment.

import { after, before, distance, notAfter } from '../base/sequence.ts'
import { FIN } from '../wire/tcp.ts'
import { ACKNOWLEDGED, WRITABLE } from './contract.ts'
import { type ControlBlock, LIFETIME, PERSIST, RETRANSMIT } from './control-block.ts'
import { finish } from './ending.ts'
import { established } from './establish.ts'
import { ENTERED, isPlausibleBlock, LEFT } from './recovery.ts'
import type { Segment } from './segment.ts'
import { TICK } from './timestamps.ts'

/** False: the segment is dropped. */
export function takeAck(block: ControlBlock, segment: Segment, now: number): boolean {
  const { sendWindow, timestamps } = block
  const ack = segment.acknowledgment
  if (block.state === 'SYN-RECEIVED') {
    if (!acknowledgesSyn(block, segment, now)) return false
  } else if (!sendWindow.isAckAcceptable(ack)) {
    // RFC 5961 5, and RFC 9293 for what was never sent.
    if (block.mayChallenge(now)) {
      block.services.counters.TcpExtTCPChallengeACK++
      block.acks.atOnce()
    } else block.services.counters.TcpExtTCPACKSkippedChallenge++
    return false
  }
  block.heardAt = now
  block.keepAlive?.onHeard()
  block.persist?.onHeard()
  if (timestamps.enabled && segment.options.timestamps) {
    timestamps.onSegment(segment.options.tsVal, segment.sequence, block.receiveWindow.lastAckSent, now)
  }
  if (!before(ack, sendWindow.sndUna)) takeNews(block, segment, now)
  return true
}

/** SYN-RECEIVED: ISS + 1 and what was sent after it, or a RST that says so. */
function acknowledgesSyn(block: ControlBlock, segment: Segment, now: number): boolean {
  const { sendWindow } = block
  const ack = segment.acknowledgment
  if (!after(ack, sendWindow.sndUna) || after(ack, sendWindow.sndNxt)) {
    block.services.refuse(block, ack)
    return false
  }
  measure(block, segment, now)
  sendWindow.update(segment.sequence, ack, segment.window)
  block.move('ack-of-syn')
  established(block, now)
  return true
}

function takeNews(block: ControlBlock, segment: Segment, now: number): void {
  const { sendWindow, recovery } = block
  const ack = segment.acknowledgment
  const advanced = distance(ack, sendWindow.sndUna)
  const changed = sendWindow.update(segment.sequence, ack, segment.window)
  const sackedBefore = recovery.sacked
  const news = segment.options.sackBlocks > 0 && block.sack ? takeSack(block, segment) : 0
  if (advanced > 0) advanceTo(block, segment, now)
  if (changed) onWindow(block)
  if (sendWindow.sndNxt === ack && advanced === 0) return
  const duplicate = block.sack ? news > 0 : isDuplicate(block, segment, advanced, changed)
  const { state } = recovery
  const verdict = recovery.onAck(ack, sendWindow.sndNxt, advanced, duplicate, block.mss, now)
  if (verdict === ENTERED) onLossFound(block, now)
  else if (advanced > 0 && state !== 'Recovery' && verdict !== LEFT) {
    const delivered = deliveredBytes(block, advanced, recovery.sacked - sackedBefore)
    block.window.onAck(delivered, block.mss, block.rtt.srtt, now)
  }
  if (block.queue.bytes > 0 || block.finQueued) block.services.schedule(block)
  if (advanced > 0 && block.finAcknowledged) onFinAcknowledged(block, segment, now)
}

/**
 * What this ACK tells has arrived since the one before: not what SACK had told already. Without SACK a timeout leaves it
 * unknown, and RFC 3465 2.3 counts a segment.
 */
function deliveredBytes(block: ControlBlock, advanced: number, sackedSince: number): number {
  if (!block.sack && block.recovery.state === 'Loss') return Math.min(advanced, block.mss)
  return advanced + sackedSince
}

/** RFC 5681 2: what counts as a duplicate where there is no SACK. */
function isDuplicate(block: ControlBlock, segment: Segment, advanced: number, changed: boolean): boolean {
  return (
    advanced === 0 &&
    !changed &&
    segment.payloadLength === 0 &&
    (segment.flags & FIN) === 0 &&
    block.sendWindow.sndNxt !== block.sendWindow.sndUna
  )
}

/** The blocks in the order of the wire; the first may be a duplicate's (RFC 2883 4). How many bytes are news. */
function takeSack(block: ControlBlock, segment: Segment): number {
  const { sack, sackBlocks } = segment.options
  const { counters } = block.services
  const una = segment.acknowledgment
  let news = 0
  for (let i = 0; i < sackBlocks; i++) {
    const left = sack[2 * i]
    const right = sack[2 * i + 1]
    if (i === 0 && isDuplicateReport(sack, sackBlocks, una)) {
      counters.TcpExtTCPDSACKRecv++
    } else if (isPlausibleBlock(left, right, una, block.sendWindow.sndNxt)) {
      news += block.recovery.onSack(left, right)
    } else if (after(right, una)) {
      counters.TcpExtTCPSACKDiscard++
    }
  }
  return news
}

function isDuplicateReport(sack: Int32Array, blocks: number, una: number): boolean {
  if (before(sack[0], una)) return true
  return blocks > 1 && notAfter(sack[2], sack[0]) && notAfter(sack[1], sack[3])
}

function advanceTo(block: ControlBlock, segment: Segment, now: number): void {
  const { sendWindow, queue, rtt, deadlines } = block
  const ack = segment.acknowledgment
  sendWindow.sndUna = ack
  block.size.onAcknowledged(ack)
  const start = queue.start
  queue.release(ack)
  const released = distance(queue.start, start)
  block.bytesAcknowledged += released
  if (block.finQueued && ack === ((queue.end + 1) | 0)) block.finAcknowledged = true
  block.timeouts = 0
  block.progressAt = now
  // The peer takes what it is sent, however small its window: the next override comes after an RTO again.
  if (block.persist?.active) endProbing(block)
  measure(block, segment, now)
  if (ack === sendWindow.sndNxt) {
    deadlines.clear(RETRANSMIT)
    if (queue.size === 0) block.ownSendFill?.release()
  } else {
    deadlines.set(RETRANSMIT, now + rtt.rto)
  }
  if (released === 0) return
  block.path.confirm(now)
  let events = ACKNOWLEDGED
  if (block.wantsSpace && block.sendSpace * 3 >= block.sendLimit) {
    block.wantsSpace = false
    events |= WRITABLE
  }
  block.services.tell(block, events)
}

/** RFC 6298 3, RFC 7323 4.1: the round trip of what was sent once, or what the peer echoes when something went twice. */
export function measure(block: ControlBlock, segment: Segment, now: number): void {
  const { rtt, timestamps } = block
  if (!rtt.onAck(segment.acknowledgment, now) && rtt.isVoid && timestamps.enabled && segment.options.timestamps) {
    const sample = timestamps.roundTrip(segment.options.tsEcr, now)
    if (sample >= 0 && rtt.isUnambiguous(sample, TICK, now)) rtt.sample(sample)
  }
}

/** The window moved: probes of a shut one end, and what waits may go. */
function onWindow(block: ControlBlock): void {
  if (block.persist?.active && block.sendWindow.sndWnd > 0) endProbing(block)
  if (block.queue.bytes > 0 || block.finQueued) block.services.schedule(block)
}

function endProbing(block: ControlBlock): void {
  block.persist?.end()
  block.deadlines.clear(PERSIST)
}

function onLossFound(block: ControlBlock, now: number): void {
  const { counters } = block.services
  if (block.sack) counters.TcpExtTCPSackRecovery++
  else counters.TcpExtTCPRenoRecovery++
  block.window.onLoss()
  if (block.size.onLoss()) counters.TcpPagewireBigTcpLost++
  block.rtt.stopTiming(now)
}

function onFinAcknowledged(block: ControlBlock, segment: Segment, now: number): void {
  const { state } = block
  if (state !== 'FIN-WAIT-1' && state !== 'CLOSING' && state !== 'LAST-ACK') return
  block.move('ack-of-fin')
  if (state === 'FIN-WAIT-1') {
    if (block.orphan) block.deadlines.set(LIFETIME, now + block.options.finWait2)
  } else {
    // The peer repeats its FIN: it has not heard our acknowledgment.
    if (segment.length > 0) block.acks.atOnce()
    finish(block, state === 'CLOSING', now)
  }
}
