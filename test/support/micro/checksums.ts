// What a checksum engine is asked for, for micro-benchmarks of both engines over the same frames.

import type { ChecksumEngine } from '../../../nic/checksum-engine.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../../stack/buffer/frame.ts'
import type { Memory, Page } from '../../../stack/buffer/page.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import { bench } from './bench.ts'

/** Nanoseconds for each. */
export interface ChecksumBudgets {
  superFrame: number
  segment: number
  header: number
  copy: number
}

const HEADERS = 66
const TRANSPORT = 34

/** `copied`: bytes that a copy may allocate. */
export function benchChecksum(engine: ChecksumEngine, memory: Memory, budgets: ChecksumBudgets, copied: number): void {
  const headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 16, limit: 16 })
  const frames = new FramePool(headers)
  const pages = new PagePool(memory, { pageSize: 65536, slab: 4, limit: 4 })
  const page = pages.allocate() as Page
  for (let i = 0; i < page.length; i++) page.bytes[i] = (i * 31 + 7) & 0xff
  const target = new Uint8Array(65536)

  const sum = (name: string, lengths: number[], nanoseconds: number) =>
    bench(`${engine.name}: sum of ${name}`, { bytes: 0, nanoseconds }, () => {
      const frame = frameOf(frames, page, lengths)
      return {
        run(operations) {
          for (let i = 0; i < operations; i++) if (engine.sumFrame(frame, TRANSPORT) < 0) throw new Error('unreadable')
        },
        close: () => frame.release(),
      }
    })

  sum('a super-frame of 64 KiB in two pieces', [32768, 32000], budgets.superFrame)
  sum('a segment of 1448 bytes', [1448], budgets.segment)
  sum('a bare header of 32 bytes', [], budgets.header)
  bench(`${engine.name}: copy and sum of 1448 bytes`, { bytes: copied, nanoseconds: budgets.copy }, () => {
    const frame = frameOf(frames, page, [1448])
    return {
      run(operations) {
        for (let i = 0; i < operations; i++) {
          if (engine.copyAndSumRefs(frame, target, HEADERS) < 0) throw new Error('unreadable')
        }
      },
      close: () => frame.release(),
    }
  })
}

function frameOf(frames: FramePool, page: Page, lengths: number[]): Frame {
  const frame = frames.allocate(32) as Frame
  frame.end = frame.start + HEADERS
  let at = 0
  for (const length of lengths) {
    frame.addRef(page.retain(), at, length)
    at += length
  }
  return frame
}
