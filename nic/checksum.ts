// The Internet checksum (RFC 1071) over the pieces of a frame, in TypeScript: the twin of the addon's engine, for hosts
// without the addon. Reads pages through their one DataView; a page that only native code may touch gives -1.
// Words are read in little-endian order, which needs no swap on today's machines; the sum does not mind (RFC 1071 1.B),
// only the result is swapped once. Sums allocate nothing; a copy takes a short-lived view of its source (loops are slower).

import type { Frame } from '../stack/buffer/frame.ts'
import type { Page } from '../stack/buffer/page.ts'
import type { ChecksumEngine } from './checksum-engine.ts'

/** The most bytes whose half-word sums fit a 32-bit integer together with a folded carry-in. */
const BLOCK = 65528

/** Adds the carries of a sum of 16-bit words back in: 0 to 0xffff. `sum` is a non-negative int32. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

const swap = (sum: number): number => ((sum & 0xff) << 8) | (sum >>> 8)

/** The folded sum of `length` bytes of `view` at `from`, as if they began at an even offset, in network order. */
export function sumBytes(view: DataView, from: number, length: number): number {
  let sum = 0
  let at = from
  let left = length
  while (left > BLOCK) {
    sum = fold(sum + sumBlock(view, at, BLOCK))
    at += BLOCK
    left -= BLOCK
  }
  return swap(fold(sum + sumBlock(view, at, left)))
}

/** At most BLOCK bytes; the sum of little-endian words, folded. */
function sumBlock(view: DataView, from: number, length: number): number {
  let low = 0
  let high = 0
  let at = from
  for (const end = from + (length & ~15); at < end; at += 16) {
    const a = view.getInt32(at, true)
    const b = view.getInt32(at + 4, true)
    const c = view.getInt32(at + 8, true)
    const d = view.getInt32(at + 12, true)
    low += (a & 0xffff) + (b & 0xffff) + (c & 0xffff) + (d & 0xffff)
    high += (a >>> 16) + (b >>> 16) + (c >>> 16) + (d >>> 16)
  }
  for (const end = from + (length & ~1); at < end; at += 2) low += view.getUint16(at, true)
  if (length & 1) low += view.getUint8(at)
  return fold(fold(low) + fold(high))
}

/** False for memory that only native code may touch, and for an application's buffer that was detached meanwhile. */
function isReadable(page: Page): boolean {
  return page.touchable && page.bytes.length > 0
}

export class TypeScriptChecksum implements ChecksumEngine {
  readonly name = 'typescript'
  /** The view of the buffer that was written to last: linear pages of one slab share theirs. */
  private out: DataView = new DataView(new ArrayBuffer(0))

  sumFrame(frame: Frame, from: number): number {
    const headLength = frame.end - frame.start
    let sum = 0
    let skip = from
    let odd = 0
    if (skip < headLength) {
      if (!frame.head.touchable) return -1
      const length = headLength - skip
      sum = sumBytes(frame.head.view, frame.start + skip, length)
      odd = length & 1
      skip = 0
    } else {
      skip -= headLength
    }
    for (let i = 0; i < frame.refs; i++) {
      const length = frame.lengths[i] - skip
      if (length <= 0) {
        skip = -length
        continue
      }
      if (!isReadable(frame.pages[i])) return -1
      const piece = sumBytes(frame.pages[i].view, frame.offsets[i] + skip, length)
      sum = fold(sum + (odd ? swap(piece) : piece))
      odd ^= length & 1
      skip = 0
    }
    return sum
  }

  /**
   * Piece by piece: the engine's own copy and a sum of the copy while it is in the nearest cache (312 ns for 1448 bytes)
   * beat a loop that does both to each word (560 ns). The copy is summed and not the source, which may change meanwhile.
   */
  copyAndSumRefs(frame: Frame, bytes: Uint8Array, at: number): number {
    if (this.out.buffer !== bytes.buffer) this.out = new DataView(bytes.buffer)
    let to = at
    let sum = 0
    let odd = 0
    for (let i = 0; i < frame.refs; i++) {
      const page = frame.pages[i]
      if (!isReadable(page)) return -1
      const length = frame.lengths[i]
      bytes.set(page.bytes.subarray(frame.offsets[i], frame.offsets[i] + length), to)
      const piece = sumBytes(this.out, bytes.byteOffset + to, length)
      sum = fold(sum + (odd ? swap(piece) : piece))
      odd ^= length & 1
      to += length
    }
    return sum
  }

  copyRefs(frame: Frame, bytes: Uint8Array, at: number): number {
    let to = at
    for (let i = 0; i < frame.refs; i++) {
      const page = frame.pages[i]
      if (!isReadable(page)) return -1
      const length = frame.lengths[i]
      bytes.set(page.bytes.subarray(frame.offsets[i], frame.offsets[i] + length), to)
      to += length
    }
    return 0
  }
}
