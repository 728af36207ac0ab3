// The checksum of a received segment in software, for a device that gives no verdict (CHECKSUM_NONE). A card of nic/ always
// gives one, so that this is the rare path.

import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import { PROTOCOL_TCP, type ReceivedPacket } from '../network/contract.ts'
import { fold, sum, sumWord, swapBytes } from '../wire/checksum.ts'

/** Whether pseudo-header, header and payload sum to zero (RFC 9293 3.1). False too for pages that cannot be read. */
export function isChecksumGood(frame: Frame, packet: ReceivedPacket): boolean {
  let total = sumAddress(packet.source) + sumAddress(packet.destination) + PROTOCOL_TCP + packet.transportLength
  const from = frame.start + frame.transportOffset
  total = fold(total) + fold(sum(frame.head.view, from, frame.end))
  let odd = ((frame.end - from) & 1) === 1
  for (let i = 0; i < frame.refs; i++) {
    if (!frame.pages[i].touchable) return false
    const piece = fold(sum(frame.pages[i].view, frame.offsets[i], frame.offsets[i] + frame.lengths[i]))
    total += odd ? swapBytes(piece) : piece
    if (frame.lengths[i] & 1) odd = !odd
  }
  return fold(total) === 0xffff
}

function sumAddress(address: IpAddress): number {
  return sumWord(address.a) + sumWord(address.b) + sumWord(address.c) + sumWord(address.d)
}
