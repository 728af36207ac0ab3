// The handshake's end (RFC 9293 3.5): what both sides agreed on by the options of their SYNs (RFC 7323, RFC 2018, RFC 9293 3.7.1), and
// the start of all that lives in an established connection.

import { advance } from '../base/sequence.ts'
import { WRITABLE } from './contract.ts'
import { type ControlBlock, KEEP_ALIVE, RETRANSMIT } from './control-block.ts'
import { MAX_SCALE, scaleFor } from './receive-window.ts'

/** What the peer's SYN offered. */
export interface PeerOffer {
  /** -1: absent. */
  mss: number
  /** -1: absent. */
  windowScale: number
  sackPermitted: boolean
  timestamps: boolean
  tsVal: number
}

/** What our SYN offers, or our SYN-ACK if the peer's SYN does too. */
export function offer(block: ControlBlock): void {
  const { options } = block
  block.offeredScale = options.windowScaling ? scaleFor(options.receiveBuffer) : -1
  block.offersSack = options.sack
  block.offersTimestamps = options.timestamps
}

/** Takes in the options of the peer's SYN: what both offer holds. Decides what our SYN-ACK may say (simultaneous open). */
export function negotiate(block: ControlBlock, peer: PeerOffer, now: number): void {
  block.size.onOption(peer.mss)
  block.sack = block.offersSack && peer.sackPermitted
  if (block.offersTimestamps && peer.timestamps) block.timestamps.begin(peer.tsVal, now)
  if (block.offeredScale >= 0 && peer.windowScale >= 0) {
    // RFC 7323 2.3: a larger shift is taken as 14.
    block.sendWindow.scale = Math.min(peer.windowScale, MAX_SCALE)
    block.receiveWindow.scale = block.offeredScale
  } else {
    block.offeredScale = -1
  }
  block.offersSack = block.sack
  block.offersTimestamps = block.timestamps.enabled
  block.refreshMss()
}

/** Our SYN was acknowledged and the state is ESTABLISHED. */
export function established(block: ControlBlock, now: number): void {
  const { sendWindow, options } = block
  sendWindow.sndUna = advance(sendWindow.iss, 1)
  block.synWaiting = false
  block.heardAt = now
  block.progressAt = now
  block.sentAt = now
  block.establishedOnce = true
  if (block.timeouts > 0) block.rtt.afterSynRetransmission()
  // RFC 5681 3.1 in Linux's reading: more than one SYN lost, and the window begins with one segment.
  if (block.timeouts > 1) block.window.cwnd = 1
  block.timeouts = 0
  block.rtt.endBackOff()
  block.recovery.begin(sendWindow.sndUna, block.sack)
  block.window.begin(sendWindow.sndUna, now)
  block.acks.begin(block.size.advertised)
  block.deadlines.clear(RETRANSMIT)
  if (options.keepAlive) block.deadlines.set(KEEP_ALIVE, now + options.keepIdle)
  // Asked for while the handshake ran (RFC 9293 3.10.4: queued until established).
  if (block.finQueued) block.move('close')
  if (block.passive) block.services.onAccepted(block)
  else block.services.tell(block, WRITABLE)
  block.services.schedule(block)
}
