// Pools, frames and bytes for tests of one mechanism.

import { plainMemory } from '../../../../drivers/wire/index.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../../../stack/buffer/frame.ts'
import type { Page, PageRef } from '../../../../stack/buffer/page.ts'
import { PagePool } from '../../../../stack/buffer/page-pool.ts'
import { Counters } from '../../../../stack/counters.ts'

export class Pools {
  readonly counters = new Counters()
  readonly pages: PagePool
  readonly headers: PagePool
  readonly frames: FramePool

  constructor(pageSize = 65536, limit = 4096) {
    const memory = plainMemory()
    this.pages = new PagePool(memory, { pageSize, slab: 4, limit })
    this.headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 4, limit: 4096 })
    this.frames = new FramePool(this.headers)
  }

  get outstanding(): number {
    return this.pages.outstanding + this.headers.outstanding + this.frames.outstanding
  }

  /** A page that holds these bytes from `at` on. */
  page(bytes: Uint8Array, at = 0): Page {
    const page = this.pages.allocate()
    if (!page) throw new Error('the pool is at its limit')
    page.bytes.set(bytes, at)
    return page
  }

  /** A received frame of these bytes: `head` of them in its head page, the rest in refs of `piece` each. */
  frame(bytes: Uint8Array, head = bytes.length, piece = 4096): Frame {
    const frame = this.frames.wrap(this.page(bytes.subarray(0, head), 40), 40, 40 + Math.min(head, bytes.length))
    for (let at = head; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece)
      frame.addRef(this.page(part, 7), 7, part.length)
    }
    return frame
  }
}

/** All bytes of a frame's references. */
export function bytesOfRefs(frame: Frame): Uint8Array {
  const out = new Uint8Array(frame.refBytes)
  let at = 0
  for (let i = 0; i < frame.refs; i++) {
    out.set(frame.pages[i].bytes.subarray(frame.offsets[i], frame.offsets[i] + frame.lengths[i]), at)
    at += frame.lengths[i]
  }
  return out
}

export const emptyRef = (): PageRef => ({ page: null as never, offset: 0, length: 0 })
