// SEGMENT ARRIVES for a connection (RFC 9293 3.10.7.3 and 3.10.7.4), in the order of the RFC: sequence number, RST, SYN, ACK, then
// the payload and the FIN; with PAWS in front (RFC 7323 5.3) and the stricter answers of RFC 5961. Sets verdicts only: what must be
// sent leaves in `transmit`.

import { ECONNREFUSED, ECONNRESET, EPIPE } from '../base/errno.ts'
import { after, before, notAfter, notBefore } from '../base/sequence.ts'
import { ACK, RST, SYN } from '../wire/tcp.ts'
import { type ControlBlock, DELAYED, RETRANSMIT } from './control-block.ts'
import { fail } from './ending.ts'
import { established, negotiate } from './establish.ts'
import { SackBlocks } from './sack-blocks.ts'
import type { Segment } from './segment.ts'
import { measure, takeAck } from './take-ack.ts'
import { takeData } from './take-data.ts'

export function segmentArrives(block: ControlBlock, segment: Segment, now: number): void {
  block.segmentsIn += segment.segments
  if (segment.payloadLength > 0) block.dataSegmentsIn += segment.segments
  if (block.state === 'SYN-SENT') arrivesInSynSent(block, segment, now)
  else if (isBelieved(block, segment, now)) takeIn(block, segment, now)
  oweAck(block)
}

/** What is owed is sent with the next transmit, or when the deadline comes. */
function oweAck(block: ControlBlock): void {
  const { acks, deadlines } = block
  if (acks.now) block.services.schedule(block)
  else if (acks.dueAt !== Number.POSITIVE_INFINITY && !deadlines.isSet(DELAYED)) deadlines.set(DELAYED, acks.dueAt)
}

function takeIn(block: ControlBlock, segment: Segment, now: number): void {
  if (segment.payloadLength === 0) block.services.counters.TcpExtTCPPureAcks++
  if (!takeAck(block, segment, now)) return
  // An acknowledgment may have been the last word.
  if (block.state === 'CLOSED' || block.state === 'TIME-WAIT') return
  takeData(block, segment, now)
}

/** First to fourth check. False: the segment is done with. */
function isBelieved(block: ControlBlock, segment: Segment, now: number): boolean {
  const { flags } = segment
  const reset = (flags & RST) !== 0
  if (!reset && isOldByTimestamp(block, segment, now)) return false
  if (!block.receiveWindow.accepts(segment.sequence, segment.end)) {
    if (!reset) answerUnacceptable(block, segment, now)
    return false
  }
  if (reset) {
    onReset(block, segment, now)
    return false
  }
  if (flags & SYN && !isAnswerToOurSyn(block, segment)) {
    block.services.counters.TcpExtTCPSYNChallenge++
    challenge(block, now)
    return false
  }
  return (flags & ACK) !== 0
}

function isOldByTimestamp(block: ControlBlock, segment: Segment, now: number): boolean {
  const { timestamps, services } = block
  if (!timestamps.enabled || !segment.options.timestamps) return false
  if (!timestamps.isOld(segment.options.tsVal, now)) return false
  services.counters.TcpExtPAWSEstab++
  if (segment.length > 0 || block.mayChallenge(now)) block.acks.atOnce()
  else services.counters.TcpExtTCPACKSkippedPAWS++
  return true
}

/** Outside of the window: an ACK tells where it is; for what is empty not more often than every 500 ms. */
function answerUnacceptable(block: ControlBlock, segment: Segment, now: number): void {
  const { counters } = block.services
  const { rcvNxt } = block.receiveWindow
  if (segment.flags & SYN) {
    counters.TcpExtTCPSYNChallenge++
    challenge(block, now)
    return
  }
  if (segment.payloadLength === 0) {
    if (segment.length > 0 || block.mayChallenge(now)) block.acks.atOnce()
    else counters.TcpExtTCPACKSkippedSeq++
    return
  }
  if (block.sack && before(segment.sequence, rcvNxt)) {
    block.sackBlocks ??= new SackBlocks()
    block.sackBlocks.addDuplicate(segment.sequence, segment.end)
    counters.TcpExtTCPDSACKOldSent++
  }
  block.acks.onDisorder()
}

/** RFC 5961 3.2: only the very next sequence number resets; one elsewhere in the window is asked to prove itself. */
function onReset(block: ControlBlock, segment: Segment, now: number): void {
  if (segment.sequence !== block.receiveWindow.rcvNxt) {
    if (after(segment.sequence, block.receiveWindow.rcvNxt)) challenge(block, now)
    return
  }
  const { state } = block
  if (state === 'SYN-RECEIVED') fail(block, ECONNREFUSED, now)
  else fail(block, state === 'CLOSE-WAIT' ? EPIPE : ECONNRESET, now)
}

function challenge(block: ControlBlock, now: number): void {
  const { counters } = block.services
  if (!block.mayChallenge(now)) {
    counters.TcpExtTCPACKSkippedChallenge++
    return
  }
  counters.TcpExtTCPChallengeACK++
  block.acks.atOnce()
}

/** Simultaneous open (RFC 9293 3.5, figure 8): the peer's SYN comes again with the acknowledgment of ours. */
function isAnswerToOurSyn(block: ControlBlock, segment: Segment): boolean {
  return (
    block.state === 'SYN-RECEIVED' &&
    (segment.flags & ACK) !== 0 &&
    segment.end === block.receiveWindow.rcvNxt &&
    segment.acknowledgment === block.sendWindow.sndNxt
  )
}

/** RFC 9293 3.10.7.3. */
function arrivesInSynSent(block: ControlBlock, segment: Segment, now: number): void {
  const { sendWindow } = block
  const { flags, acknowledgment } = segment
  const acknowledges = (flags & ACK) !== 0
  if (acknowledges && (notAfter(acknowledgment, sendWindow.iss) || after(acknowledgment, sendWindow.sndNxt))) {
    if ((flags & RST) === 0) block.services.refuse(block, acknowledgment)
    return
  }
  if (flags & RST) {
    if (acknowledges) fail(block, ECONNREFUSED, now)
    return
  }
  if ((flags & SYN) === 0) return
  block.receiveWindow.begin(segment.sequence)
  block.receiveWindow.edge = (block.receiveWindow.rcvNxt + block.receiveWindow.unscaled) | 0
  negotiate(block, segment.options, now)
  sendWindow.onSyn(segment.sequence, acknowledgment, segment.window)
  if (!acknowledges) {
    block.move('syn')
    // The SYN goes again as SYN-ACK, with what the peer offered (3.5, simultaneous open).
    block.synWaiting = true
    block.rtt.stopTiming(now)
    block.deadlines.clear(RETRANSMIT)
    block.services.schedule(block)
    return
  }
  measure(block, segment, now)
  block.move('syn-ack')
  established(block, now)
  block.acks.atOnce()
  takeRest(block, segment, now)
}

/** Data or a FIN on the SYN-ACK counts as if it stood in a segment of its own. */
function takeRest(block: ControlBlock, segment: Segment, now: number): void {
  segment.flags &= ~SYN
  segment.sequence = block.receiveWindow.rcvNxt
  if (segment.length > 0 && notBefore(block.receiveWindow.edge, segment.sequence)) takeData(block, segment, now)
}
