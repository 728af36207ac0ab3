// One segment of a connection onto its path: the SYN, a bare ACK, or a super-frame of payload by reference with its
// offload request. What follows from its having left (SND.NXT, what is owed, timers, counters) is settled here; whether
// and what to send is transmit.ts.

import { EAGAIN, EMSGSIZE } from '../base/errno.ts'
import { advance, after, distance, latest } from '../base/sequence.ts'
import type { Frame } from '../buffer/frame.ts'
import { ACK, FIN, HEADER, PSH, SYN } from '../wire/tcp.ts'
import { type ControlBlock, RETRANSMIT } from './control-block.ts'
import { fail } from './ending.ts'

/** The device refuses, or no header page is free: nothing has happened. */
export const REFUSED = -1
/** The path would not carry it: it counts as sent and lost, and the timer will tell. */
export const LOST = 0
export const LEFT = 1

/** A super-frame stands for at most so many segments, however small they are. */
const MAX_SEGMENTS = 256

/** The SYN, or in SYN-RECEIVED the SYN-ACK (simultaneous open). */
export function sendSyn(block: ControlBlock, now: number): number {
  const { services, sendWindow, receiveWindow, options } = block
  const { writer } = services
  const answers = block.state === 'SYN-RECEIVED'
  const frame = writer.open(block.path)
  if (!frame) return REFUSED
  writer.options.clear()
  writer.options.mss = block.size.advertised
  writer.options.sackPermitted = block.offersSack
  writer.options.windowScale = block.offeredScale
  writer.options.timestamps = block.offersTimestamps
  writer.options.tsVal = block.timestamps.value(now)
  writer.options.tsEcr = answers ? block.timestamps.recent : 0
  const window = answers ? receiveWindow.advertiseUnscaled() : receiveWindow.unscaled
  const flags = answers ? SYN | ACK : SYN
  writer.set(block.localPort, block.remotePort, sendWindow.iss, answers ? receiveWindow.rcvNxt : 0, flags, window)
  frame.owner = block
  const answer = writer.transmit(frame, block.path, 1, options)
  if (answer === -EAGAIN) return REFUSED
  if (answer < 0) {
    fail(block, -answer, now)
    return LOST
  }
  block.synWaiting = false
  block.segmentsOut++
  if (sendWindow.sndNxt === sendWindow.iss) {
    block.progressAt = now
    sendWindow.sndNxt = advance(sendWindow.iss, 1)
    block.rtt.time(sendWindow.sndNxt, now)
  } else {
    block.rtt.stopTiming(now)
    countAgain(block, 1)
    services.counters.TcpExtTCPSynRetrans++
  }
  block.deadlines.set(RETRANSMIT, now + block.rtt.rto)
  if (answers) onAckSent(block)
  return LEFT
}

/** An ACK without data at `sequence`. */
export function sendBare(block: ControlBlock, sequence: number, now: number): number {
  const { writer } = block.services
  const frame = writer.open(block.path)
  if (!frame) return REFUSED
  prepareOptions(block, now)
  frame.owner = block
  writer.set(block.localPort, block.remotePort, sequence, block.receiveWindow.rcvNxt, ACK, windowField(block))
  const answer = writer.transmit(frame, block.path, 1, block.options)
  if (answer === -EAGAIN) return REFUSED
  block.segmentsOut++
  onAckSent(block)
  return answer < 0 ? onPathError(block, answer) : LEFT
}

/** What every segment of an established connection says in its options; the length of its header. */
export function prepareOptions(block: ControlBlock, now: number): number {
  const { options } = block.services.writer
  options.clear()
  let length = HEADER
  if (block.timestamps.enabled) {
    options.timestamps = true
    options.tsVal = block.timestamps.value(now)
    options.tsEcr = block.timestamps.recent
    length += 12
  }
  const blocks = block.sackBlocks
  if (blocks && (blocks.count > 0 || blocks.hasDuplicate) && block.sack) {
    length += 4 + 8 * blocks.fill(options, options.timestamps ? 3 : 4)
  }
  return length
}

/**
 * At most `bytes` of the send queue from `sequence` on, in segments of `mss`, with the FIN when its turn has come.
 * `headerLength` as from `prepareOptions`, which the caller has called. `again`: not for the first time.
 */
export function sendData(
  block: ControlBlock,
  sequence: number,
  bytes: number,
  mss: number,
  headerLength: number,
  again: boolean,
  now: number,
): number {
  const { services, queue, path, size } = block
  const { writer } = services
  const frame = writer.open(path)
  if (!frame) return REFUSED
  const headers = path.networkHeaderLength + headerLength
  const most = largestPayload(size.superFrame(path.gsoMaxSize) - headers, mss)
  const got = bytes > 0 ? gather(block, sequence, Math.min(bytes, most), mss, frame) : 0
  const end = advance(sequence, got)
  const drained = end === queue.end
  const fin = drained && block.finQueued
  let flags = ACK
  if (fin) flags |= FIN
  if ((drained && got > 0) || got > mss) flags |= PSH
  if (got > mss) {
    frame.gsoSize = mss
    frame.gsoType = path.gsoTcp
  }
  frame.owner = block
  writer.set(block.localPort, block.remotePort, sequence, block.receiveWindow.rcvNxt, flags, windowField(block))
  const segments = got > mss ? Math.ceil(got / mss) : 1
  const answer = writer.transmit(frame, path, segments, block.options)
  if (answer === -EAGAIN) return REFUSED
  if (answer === -EMSGSIZE && block.refreshPath()) return LEFT
  size.onSuperFrame(headers + got, end)
  settle(block, sequence, fin ? advance(end, 1) : end, got, segments, again, now)
  if (drained && !again) block.nagle.onDrained(end, got % mss !== 0)
  return answer < 0 ? onPathError(block, answer) : LEFT
}

/** Whole segments that fit the bytes of a super-frame's packet behind its headers; one fits always. */
function largestPayload(room: number, mss: number): number {
  return Math.max(Math.min(Math.floor(room / mss), MAX_SEGMENTS), 1) * mss
}

/** References to the bytes; when a frame has too few of them for all, to whole segments. */
function gather(block: ControlBlock, sequence: number, length: number, mss: number, frame: Frame): number {
  const got = block.queue.gather(sequence, length, frame)
  if (got === length || got < mss) return got
  const whole = got - (got % mss)
  shorten(frame, got - whole)
  return whole
}

/** Takes `excess` bytes off the frame's end. */
function shorten(frame: Frame, excess: number): void {
  let left = excess
  while (left > 0) {
    const last = frame.refs - 1
    const n = Math.min(frame.lengths[last], left)
    frame.lengths[last] -= n
    frame.refBytes -= n
    left -= n
    if (frame.lengths[last] === 0) {
      frame.pages[last].release()
      frame.refs--
    }
  }
}

/** A segment of [sequence, end) has left. */
function settle(
  block: ControlBlock,
  sequence: number,
  end: number,
  bytes: number,
  segments: number,
  again: boolean,
  now: number,
): void {
  const { sendWindow, rtt, deadlines, recovery } = block
  onAckSent(block)
  block.segmentsOut += segments
  if (bytes > 0) block.dataSegmentsOut += segments
  block.bytesSent += bytes
  if (again) {
    rtt.stopTiming(now)
    recovery.onRetransmit(end)
    countAgain(block, segments)
    block.bytesRetransmitted += bytes
    const { counters } = block.services
    if (recovery.state === 'Loss') counters.TcpExtTCPSlowStartRetrans += segments
    else counters.TcpExtTCPFastRetrans += segments
  } else {
    rtt.time(advance(sequence, Math.min(distance(end, sequence), block.mss)), now)
    block.acks.onDataSent(now)
  }
  if (sendWindow.flight === 0) block.progressAt = now
  sendWindow.sndNxt = latest(sendWindow.sndNxt, end)
  block.sentAt = now
  recovery.detection.onTransmit(sequence, end, again, now)
  if (!deadlines.isSet(RETRANSMIT)) deadlines.set(RETRANSMIT, now + rtt.rto)
}

function countAgain(block: ControlBlock, segments: number): void {
  block.retransmissions += segments
  block.services.counters.TcpRetransSegs += segments
}

function onAckSent(block: ControlBlock): void {
  block.receiveWindow.onAckSent()
  block.acks.onAckSent()
  block.sackBlocks?.onSent()
}

function windowField(block: ControlBlock): number {
  const { receiveWindow, services } = block
  const before = receiveWindow.field
  const field = receiveWindow.advertise(block.received.bytes, block.size.advertised)
  if (field === 0 && before > 0) services.counters.TcpExtTCPToZeroWindowAdv++
  else if (field > 0 && before === 0) services.counters.TcpExtTCPFromZeroWindowAdv++
  return field
}

/** What the network said is soft on a connection that stands (RFC 9293 3.9.2.2). */
function onPathError(block: ControlBlock, answer: number): number {
  block.softError = -answer
  return LOST
}

/** The sequence number of a segment without data: SND.NXT, or the window's end when it shrank below (as Linux). */
export function bareSequence(block: ControlBlock): number {
  const { sendWindow } = block
  const edge = advance(sendWindow.sndUna, sendWindow.sndWnd)
  return after(sendWindow.sndNxt, edge) && sendWindow.sndWnd > 0 ? edge : sendWindow.sndNxt
}
