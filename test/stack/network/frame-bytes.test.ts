import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainMemory } from '../../../drivers/wire/memory.ts'
import { type Frame, FramePool } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import { copyOut, sumFrom, truncate } from '../../../stack/network/frame-bytes.ts'
import { bytesOf, internetChecksum } from '../link/packets.ts'

const pages = new PagePool(plainMemory(), { pageSize: 256, slab: 16, limit: 64 })
const frames = new FramePool(pages)

/** A frame of a head and refs of the given lengths, of random content. */
function build(lengths: number[], seed: number): Frame {
  const frame = frames.allocate(3)!
  let state = seed
  const fill = (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i++) {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
      bytes[i] = state >> 16
    }
  }
  frame.end = frame.start + (lengths[0] ?? 0)
  fill(frame.head.bytes.subarray(frame.start, frame.end))
  for (const length of lengths.slice(1)) {
    const page = pages.allocate()!
    frame.addRef(page, 5, length)
    fill(page.bytes.subarray(5, 5 + length))
  }
  return frame
}

const shape = fc.record({
  lengths: fc.array(fc.nat(40), { minLength: 1, maxLength: 6 }),
  seed: fc.nat(1000),
  at: fc.nat(300),
  length: fc.nat(300),
})

describe('bytes of frames in pieces', () => {
  it('truncate keeps the first bytes and releases pages that nothing points at', () => {
    fc.assert(
      fc.property(shape, ({ lengths, seed, length }) => {
        const frame = build(lengths, seed)
        const whole = bytesOf(frame)
        const to = length % (whole.length + 1)
        truncate(frame, to)
        expect(frame.length).toBe(to)
        expect(bytesOf(frame)).toEqual(whole.subarray(0, to))
        expect(pages.outstanding).toBe(1 + frame.refs)
        frame.release()
        expect(pages.outstanding).toBe(0)
      }),
    )
  })

  it('copyOut is a slice of the whole', () => {
    fc.assert(
      fc.property(shape, ({ lengths, seed, at, length }) => {
        const frame = build(lengths, seed)
        const whole = bytesOf(frame)
        const from = at % (whole.length + 1)
        const count = length % (whole.length - from + 1)
        const out = new Uint8Array(count + 4)
        expect(copyOut(frame, from, count, out, 2)).toBe(true)
        expect(out.subarray(2, 2 + count)).toEqual(whole.subarray(from, from + count))
        expect([out[0], out[1], out[count + 2], out[count + 3]]).toEqual([0, 0, 0, 0])
        frame.release()
      }),
    )
  })

  it('sumFrom is the plain checksum, whatever the pieces', () => {
    fc.assert(
      fc.property(shape, ({ lengths, seed, at }) => {
        const frame = build(lengths, seed)
        const from = at % (lengths[0] + 1)
        const expected = internetChecksum(bytesOf(frame).subarray(from))
        expect(~sumFrom(frame, from) & 0xffff).toBe(expected)
        frame.release()
      }),
    )
  })
})
