// Small services on frames of several pieces that the network layer needs: cutting the tail, copying a stretch out,
// summing from an offset to the end. For control packets; payload of data is the card's business.

import type { Frame } from '../buffer/frame.ts'
import { fold, sum, swapBytes } from '../wire/checksum.ts'

/** Cuts the frame to its first `length` bytes; pages that are no longer pointed at are released. */
export function truncate(frame: Frame, length: number): void {
  const head = frame.end - frame.start
  if (length <= head) {
    for (let i = 0; i < frame.refs; i++) frame.pages[i].release()
    frame.refs = 0
    frame.refBytes = 0
    frame.end = frame.start + length
    return
  }
  let excess = frame.length - length
  while (excess > 0) {
    const last = frame.refs - 1
    const cut = Math.min(excess, frame.lengths[last])
    frame.lengths[last] -= cut
    frame.refBytes -= cut
    excess -= cut
    if (frame.lengths[last] > 0) continue
    frame.pages[last].release()
    frame.refs = last
  }
}

/**
 * Copies bytes [from, from + length) of the frame to `bytes` at `at`. False: a page among them is not touchable.
 * The caller has made sure that the frame is long enough.
 */
export function copyOut(frame: Frame, from: number, length: number, bytes: Uint8Array, at: number): boolean {
  let skip = from
  let rest = length
  let to = at
  for (let i = -1; i < frame.refs && rest > 0; i++) {
    const pieceLength = i < 0 ? frame.end - frame.start : frame.lengths[i]
    if (skip >= pieceLength) {
      skip -= pieceLength
      continue
    }
    const page = i < 0 ? frame.head : frame.pages[i]
    if (!page.touchable) return false
    const start = (i < 0 ? frame.start : frame.offsets[i]) + skip
    const count = Math.min(rest, pieceLength - skip)
    bytes.set(page.bytes.subarray(start, start + count), to)
    to += count
    rest -= count
    skip = 0
  }
  return true
}

/** The folded sum of the bytes from `from` to the end of the frame; -1: a page is not touchable. */
export function sumFrom(frame: Frame, from: number): number {
  const { head } = frame
  let total = fold(sum(head.view, frame.start + from, frame.end))
  let odd = (frame.end - frame.start - from) & 1
  for (let i = 0; i < frame.refs; i++) {
    const page = frame.pages[i]
    if (!page.touchable) return -1
    const piece = fold(sum(page.view, frame.offsets[i], frame.offsets[i] + frame.lengths[i]))
    total = fold(total + (odd ? swapBytes(piece) : piece))
    odd ^= frame.lengths[i] & 1
  }
  return total
}
