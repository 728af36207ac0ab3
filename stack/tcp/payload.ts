// The payload of a received frame as pieces: large stretches by reference, small ones copied, so that a page of 64 KiB is
// not held by a segment of a hundred bytes. Owns nothing; the lists that it appends to own the references.

import type { Frame } from '../buffer/frame.ts'
import type { Page } from '../buffer/page.ts'
import type { PageFill } from './page-fill.ts'

/** What takes pieces in order. Takes over one reference of the page. */
export interface PieceSink {
  append(page: Page, offset: number, length: number): void
}

/**
 * A stretch is kept by reference when it fills at least this part of its page: memory held is at most four times the
 * bytes. Not while the pool of the page runs out: applications that do not read would leave the card none to receive
 * into, not even the acknowledgments of others.
 */
const WORTH_KEEPING = 4

/**
 * Appends payload bytes [from, from + length) of the frame, counted from the frame's first byte, to `sink`. How many
 * were taken: fewer when the pool of `fill` is at its limit. The frame stays the caller's.
 */
export function takePayload(frame: Frame, from: number, length: number, sink: PieceSink, fill: PageFill): number {
  let skip = from
  let left = length
  const head = frame.end - frame.start
  if (skip < head) {
    const n = Math.min(head - skip, left)
    const taken = takeStretch(frame.head, frame.start + skip, n, sink, fill)
    left -= taken
    if (taken < n) return length - left
    skip = 0
  } else {
    skip -= head
  }
  for (let i = 0; i < frame.refs && left > 0; i++) {
    const size = frame.lengths[i]
    if (skip >= size) {
      skip -= size
      continue
    }
    const n = Math.min(size - skip, left)
    const taken = takeStretch(frame.pages[i], frame.offsets[i] + skip, n, sink, fill)
    left -= taken
    if (taken < n) break
    skip = 0
  }
  return length - left
}

function takeStretch(page: Page, offset: number, length: number, sink: PieceSink, fill: PageFill): number {
  if (!page.touchable || (length * WORTH_KEEPING >= page.length && page.home?.isScarce !== true)) {
    sink.append(page.retain(), offset, length)
    return length
  }
  let done = 0
  while (done < length) {
    const n = fill.put(page.bytes, offset + done, length - done)
    if (n === 0) break
    sink.append((fill.page as Page).retain(), fill.at, n)
    done += n
  }
  return done
}
