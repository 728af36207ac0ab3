// The card's checksum engine on the addon: SIMD over lists of (region, offset, length), no payload touched in JavaScript.
// Only what is shorter than the way into the addon is long (a SYN, an acknowledgment) is summed on this side of it.
// The TypeScript twin is in nic/; both give the same sums.

import { type Addon, MAX_PIECES, PIECE_WORDS } from '../native/index.ts'
import { sumBytes } from '../nic/checksum.ts'
import type { ChecksumEngine } from '../nic/checksum-engine.ts'
import type { Frame } from '../stack/buffer/frame.ts'
import type { Memory, Region } from '../stack/buffer/page.ts'
import { NativeMemory, needAddon } from './tap/addon.ts'

/** A call of the addon takes 90 ns and hardly more for more bytes; the twin takes 50 ns for so many. */
const SHORT = 256

export class NativeChecksum implements ChecksumEngine {
  readonly name = 'native'
  private readonly addon: Addon
  private readonly memory: Memory
  private readonly region: Region
  private readonly list: Int32Array
  private count = 0
  private closed = false

  /** Throws TapError ENOADDON. All pages of the frames it is shown live in native memory of the same thread. */
  constructor() {
    this.addon = needAddon()
    this.memory = new NativeMemory(this.addon)
    this.region = this.memory.allocate(MAX_PIECES * PIECE_WORDS * 4)
    this.list = new Int32Array(this.region.buffer)
  }

  sumFrame(frame: Frame, from: number): number {
    this.count = 0
    let skip = from
    const headLength = frame.end - frame.start
    if (frame.refs === 0 && headLength - from <= SHORT && from < headLength && frame.head.touchable) {
      return this.closed ? -1 : sumBytes(frame.head.view, frame.start + from, headLength - from)
    }
    if (skip < headLength) {
      this.add(frame.head.region, frame.head.regionOffset + frame.start + skip, headLength - skip)
      skip = 0
    } else {
      skip -= headLength
    }
    for (let i = 0; i < frame.refs; i++) {
      const length = frame.lengths[i]
      if (skip >= length) {
        skip -= length
        continue
      }
      const page = frame.pages[i]
      this.add(page.region, page.regionOffset + frame.offsets[i] + skip, length - skip)
      skip = 0
    }
    const sum = this.addon.sum(this.region.id, this.count)
    return sum < 0 ? -1 : sum
  }

  /** RangeError when `bytes` has not the room. */
  copyAndSumRefs(frame: Frame, bytes: Uint8Array, at: number): number {
    this.addRefs(frame, bytes, at)
    const sum = this.addon.copyAndSum(this.region.id, this.count, bytes, at)
    return sum < 0 ? -1 : sum
  }

  /** RangeError when `bytes` has not the room. */
  copyRefs(frame: Frame, bytes: Uint8Array, at: number): number {
    this.addRefs(frame, bytes, at)
    return this.addon.copy(this.region.id, this.count, bytes, at) < 0 ? -1 : 0
  }

  /** Takes its list out of the registry; afterwards every sum is -1. */
  close(): void {
    this.closed = true
    this.memory.release(this.region)
  }

  private addRefs(frame: Frame, bytes: Uint8Array, at: number): void {
    if (at < 0 || at + frame.refBytes > bytes.length) throw new RangeError('no room for the copy')
    this.count = 0
    for (let i = 0; i < frame.refs; i++) {
      const page = frame.pages[i]
      this.add(page.region, page.regionOffset + frame.offsets[i], frame.lengths[i])
    }
  }

  private add(region: number, offset: number, length: number): void {
    const at = this.count++ * PIECE_WORDS
    this.list[at] = region
    this.list[at + 1] = offset
    this.list[at + 2] = length
  }
}
