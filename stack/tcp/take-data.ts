// The seventh and eighth check of SEGMENT ARRIVES (RFC 9293 3.10.7.4): the payload and the FIN. In order: to the receive queue;
// early: to reassembly; seen before: reported as such (RFC 2883). Urgent data is ordinary data here (RFC 6093).

import { after, before, distance, notAfter } from '../base/sequence.ts'
import { FIN } from '../wire/tcp.ts'
import { READ_HANGUP, READABLE } from './contract.ts'
import type { ControlBlock } from './control-block.ts'
import { abort, finish } from './ending.ts'
import { takePayload } from './payload.ts'
import { SackBlocks } from './sack-blocks.ts'
import type { Segment } from './segment.ts'
import { takesData } from './state.ts'

export function takeData(block: ControlBlock, segment: Segment, now: number): void {
  const { receiveWindow } = block
  const fin = (segment.flags & FIN) !== 0
  const start = segment.sequence
  const end = (start + segment.payloadLength) | 0
  if (segment.payloadLength === 0 && !fin) return
  if (before(start, receiveWindow.rcvNxt) && !after(end, receiveWindow.rcvNxt) && !isNewFin(block, end, fin)) {
    reportDuplicate(block, start, end)
    return
  }
  if (!takesData(block.state)) return
  if (block.orphan && after(end, receiveWindow.rcvNxt)) {
    // Nobody will ever read it (RFC 1122 4.2.2.13).
    block.services.counters.TcpExtTCPAbortOnData++
    abort(block, 0, now)
    return
  }
  if (fin && notAfter(end, receiveWindow.edge) && !block.finKnown) {
    block.finKnown = true
    block.finSequence = end
  }
  if (segment.payloadLength > 0) takeBytes(block, segment, end, now)
  if (block.finKnown && receiveWindow.rcvNxt === block.finSequence) takeFin(block, now)
  else if (fin) block.acks.atOnce()
}

function isNewFin(block: ControlBlock, end: number, fin: boolean): boolean {
  return fin && !block.finReceived && end === block.receiveWindow.rcvNxt
}

function takeBytes(block: ControlBlock, segment: Segment, end: number, now: number): void {
  const { receiveWindow } = block
  // What lies beyond the edge, or beyond the end that the peer itself has told, is not taken.
  let limit = after(end, receiveWindow.edge) ? receiveWindow.edge : end
  if (block.finKnown && after(limit, block.finSequence)) limit = block.finSequence
  if (limit !== end) {
    block.acks.atOnce()
    if (!after(limit, receiveWindow.rcvNxt)) {
      block.services.counters.TcpExtTCPZeroWindowDrop++
      return
    }
  }
  if (after(segment.sequence, receiveWindow.rcvNxt)) takeEarly(block, segment, limit)
  else takeInOrder(block, segment, limit, now)
}

function takeInOrder(block: ControlBlock, segment: Segment, limit: number, now: number): void {
  const { receiveWindow, received, acks, services } = block
  const skip = distance(receiveWindow.rcvNxt, segment.sequence)
  const length = distance(limit, receiveWindow.rcvNxt)
  if (length <= 0) return
  if (skip > 0) reportDuplicate(block, segment.sequence, receiveWindow.rcvNxt)
  let taken = length
  if (!block.readShut) {
    taken = block.mayHold(received.bytes)
      ? takePayload(segment.frame, segment.payloadAt + skip, length, received, block.receiveFill())
      : 0
    if (taken < length) {
      services.counters.TcpExtTCPRcvQDrop++
      acks.atOnce()
      if (taken === 0) return
    }
    services.tell(block, READABLE)
  }
  block.bytesReceived += taken
  receiveWindow.rcvNxt = (receiveWindow.rcvNxt + taken) | 0
  if (block.reassembly && block.reassembly.pieces > 0) closeGap(block)
  acks.onData(segment.payloadLength, segment.segments, receiveWindow.unacknowledged, block.rtt.rto, now)
}

/** What had come early may follow now. The peer hears at once how far (RFC 5681 4.2). */
function closeGap(block: ControlBlock): void {
  const { receiveWindow, reassembly } = block
  if (!reassembly) return
  const before = receiveWindow.rcvNxt
  receiveWindow.rcvNxt = reassembly.drain(before, block.received)
  block.bytesReceived += distance(receiveWindow.rcvNxt, before)
  if (block.readShut) block.received.clear()
  block.sackBlocks?.onAdvance(receiveWindow.rcvNxt)
  block.acks.atOnce()
}

function takeEarly(block: ControlBlock, segment: Segment, limit: number): void {
  const { counters } = block.services
  const reassembly = block.outOfOrder()
  const start = segment.sequence
  const before = reassembly.bytes
  if (block.mayHold(before)) reassembly.insert(segment.frame, segment.payloadAt, start, limit)
  block.sackBlocks ??= new SackBlocks()
  if (reassembly.bytes === before && reassembly.holds(start, limit)) {
    counters.TcpExtTCPDSACKOfoSent++
    block.sackBlocks.addDuplicate(start, limit)
    block.sackBlocks.add(start, limit)
  } else if (reassembly.holds(start, limit)) {
    counters.TcpExtTCPOFOQueue += segment.segments
    block.sackBlocks.add(start, limit)
  } else {
    counters.TcpExtTCPOFODrop++
  }
  block.acks.onDisorder()
}

function reportDuplicate(block: ControlBlock, start: number, end: number): void {
  if (block.sack && start !== end) {
    block.sackBlocks ??= new SackBlocks()
    block.sackBlocks.addDuplicate(start, end)
    block.services.counters.TcpExtTCPDSACKOldSent++
  }
  block.acks.onDisorder()
}

function takeFin(block: ControlBlock, now: number): void {
  if (block.finReceived) return
  block.finReceived = true
  block.receiveWindow.rcvNxt = (block.finSequence + 1) | 0
  block.reassembly?.clear()
  block.sackBlocks?.clear()
  const { state } = block
  block.move('fin')
  if (block.state === 'CLOSE-WAIT') block.acks.onFin()
  else block.acks.atOnce()
  if (!block.orphan) block.services.tell(block, READABLE | READ_HANGUP)
  if (state === 'FIN-WAIT-2') finish(block, true, now)
}
