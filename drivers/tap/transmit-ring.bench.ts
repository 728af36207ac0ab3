// Descriptors are posted and taken back, with nothing behind the ring: the native side says at once that all was written.

import type { NativeTap } from '../../native/index.ts'
import { type Frame, FramePool, GSO_TCPV4, HEADER_PAGE } from '../../stack/buffer/frame.ts'
import type { Page } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import { bench } from '../../test/support/micro/bench.ts'
import { plainMemory } from '../wire/index.ts'
import { TransmitRing } from './transmit-ring.ts'

const BURST = 8

function prepare(refs: number) {
  const memory = plainMemory()
  const headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 64, limit: 64 })
  const frames = new FramePool(headers)
  const page = new PagePool(memory, { pageSize: 65536, slab: 1, limit: 1 }).allocate() as Page
  const nothing = { transmit: (_head: number, pending: number) => pending } as NativeTap
  const ring = new TransmitRing(nothing, memory, 512, true)
  const burst: Frame[] = []
  for (let i = 0; i < BURST; i++) {
    const frame = frames.allocate(64) as Frame
    frame.end = frame.start + 66
    frame.networkOffset = 14
    frame.transportOffset = frame.csumStart = 34
    frame.csumOffset = 16
    if (refs > 1) frame.gsoSize = 1448
    if (refs > 1) frame.gsoType = GSO_TCPV4
    for (let j = 0; j < refs; j++) frame.addRef(page.retain(), j * 4096, 4096)
    burst.push(frame)
  }
  return {
    run(operations: number) {
      for (let done = 0; done < operations; done += BURST) {
        for (let i = 0; i < BURST; i++) if (!ring.post(burst[i], false)) throw new Error('no room')
        for (let left = ring.transmit(); left > 0; left--) ring.take()
      }
    },
    close() {
      if (ring.pending !== 0 || ring.free !== ring.size) throw new Error('a frame is still on the ring')
      for (const frame of burst) frame.release()
      ring.close()
    },
  }
}

bench('a bare acknowledgment: one descriptor', { bytes: 0, nanoseconds: 120 }, () => prepare(0))
bench('a super-frame of two pages: three descriptors', { bytes: 0, nanoseconds: 200 }, () => prepare(2))
bench('a super-frame of sixteen pages', { bytes: 0, nanoseconds: 500 }, () => prepare(16))
