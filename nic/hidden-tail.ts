// Hides the last bytes of a frame for a moment, so that an engine which works to the end of a frame leaves them out: link
// padding when a checksum is verified, what lies beyond the snap length of a capture. Owns what is needed to put them back.

import type { Frame } from '../stack/buffer/frame.ts'

export class HiddenTail {
  private refs = 0
  private refBytes = 0
  private end = 0
  /** The ref that was shortened, -1: none. */
  private ref = -1
  private cut = 0

  /** Hides `bytes` (0 to the frame's length) from the end. One frame at a time, and `restore` must follow. */
  hide(frame: Frame, bytes: number): void {
    this.refs = frame.refs
    this.refBytes = frame.refBytes
    this.end = frame.end
    let left = bytes
    let refs = frame.refs
    while (refs > 0 && frame.lengths[refs - 1] <= left) left -= frame.lengths[--refs]
    frame.refs = refs
    frame.refBytes -= bytes
    this.ref = refs - 1
    this.cut = left
    if (refs > 0) {
      frame.lengths[refs - 1] -= left
    } else {
      frame.refBytes = 0
      frame.end -= left
    }
  }

  restore(frame: Frame): void {
    if (this.ref >= 0) frame.lengths[this.ref] += this.cut
    frame.refs = this.refs
    frame.refBytes = this.refBytes
    frame.end = this.end
  }
}
