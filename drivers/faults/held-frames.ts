// Frames that are held back until their time, in the order of their times and among equals in the order in which they
// came. Owns the frames; bounded.

import { NEVER } from '../../stack/base/deadlines.ts'
import type { Frame } from '../../stack/buffer/frame.ts'

export class HeldFrames {
  private readonly limit: number
  private frames: Frame[] = []
  private times: number[] = []

  constructor(limit: number) {
    this.limit = limit
  }

  get size(): number {
    return this.frames.length
  }

  /** False when as many are held as may be; the frame stays the caller's. Cheap for times that come in order. */
  add(frame: Frame, time: number): boolean {
    const { frames, times } = this
    if (frames.length >= this.limit) return false
    let at = times.length
    while (at > 0 && times[at - 1] > time) at--
    frames.splice(at, 0, frame)
    times.splice(at, 0, time)
    return true
  }

  /** When the first is due, NEVER if there is none. */
  next(): number {
    return this.times.length > 0 ? this.times[0] : NEVER
  }

  due(now: number): boolean {
    return this.times.length > 0 && this.times[0] <= now
  }

  /** The first; the caller has made sure that there is one. */
  peek(): Frame {
    return this.frames[0]
  }

  take(): Frame {
    this.times.shift()
    return this.frames.shift() as Frame
  }

  /** Releases all. */
  clear(): void {
    for (const frame of this.frames.splice(0)) frame.release()
    this.times = []
  }
}
