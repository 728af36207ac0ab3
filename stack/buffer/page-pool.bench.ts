// Pages and frames that go out and come back.

import { plainMemory } from '../../drivers/wire/index.ts'
import { bench } from '../../test/support/micro/bench.ts'
import { type Frame, FramePool, HEADER_PAGE } from './frame.ts'
import type { Page } from './page.ts'
import { PagePool } from './page-pool.ts'

const BURST = 64

bench('a page is allocated and released', { bytes: 0, nanoseconds: 20 }, () => {
  const pool = new PagePool(plainMemory(), { pageSize: 4096, slab: 64, limit: 1024 })
  const out: Page[] = new Array(BURST)
  return {
    run(operations) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) out[i] = pool.allocate() as Page
        for (let i = 0; i < BURST; i++) out[i].release()
      }
    },
    close() {
      if (pool.outstanding !== 0) throw new Error('a page is still out')
    },
  }
})

bench('a frame with two references is allocated and released', { bytes: 0, nanoseconds: 80 }, () => {
  const memory = plainMemory()
  const headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 64, limit: 1024 })
  const frames = new FramePool(headers)
  const page = new PagePool(memory, { pageSize: 65536, slab: 1, limit: 1 }).allocate() as Page
  const out: Frame[] = new Array(BURST)
  return {
    run(operations) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) {
          const frame = frames.allocate(64) as Frame
          out[i] = frame
          frame.addRef(page.retain(), 0, 32768)
          frame.addRef(page.retain(), 32768, 32768)
        }
        for (let i = 0; i < BURST; i++) out[i].release()
      }
    },
    close() {
      if (frames.outstanding + headers.outstanding !== 0 || page.count !== 1) throw new Error('a frame is still out')
    },
  }
})
