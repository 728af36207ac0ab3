// The card's native checksum engine over frames, against the naive sum.

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { NativeChecksum } from '../../drivers/checksum-native.ts'
import { type Frame, MAX_REFS } from '../../stack/buffer/frame.ts'
import { fold, frameBytes, Pools, spread, sumOf } from './tap/support.ts'

describe('the native checksum engine', () => {
  const pools = new Pools()
  const engine = new NativeChecksum()

  afterAll(() => {
    engine.close()
    expect(pools.outstanding).toBe(0)
    pools.close()
  })

  const frames = fc.record({
    start: fc.nat(64),
    head: fc.nat(150),
    pieces: fc.array(fc.nat(300), { maxLength: MAX_REFS - 1 }),
    payload: fc.uint8Array({ maxLength: 3000 }),
    from: fc.double({ min: 0, max: 1, noNaN: true }),
    at: fc.nat(7),
  })

  /** Zero has two names in one's complement. */
  const canonical = (sum: number) => (sum === 0xffff ? 0 : sum)

  it('sums and copies what the frame has', () => {
    fc.assert(
      fc.property(frames, ({ start, head, pieces, payload, from, at }) => {
        const frame = pools.frames.allocate(start) as Frame
        frame.end = frame.start + head
        spread(pools, frame, payload, pieces)
        const bytes = frameBytes(frame)
        const skip = Math.floor(from * bytes.length)
        expect(canonical(engine.sumFrame(frame, skip))).toBe(canonical(fold(sumOf(bytes.subarray(skip)))))
        const copy = new Uint8Array(payload.length + 10)
        expect(canonical(engine.copyAndSumRefs(frame, copy, at))).toBe(canonical(fold(sumOf(payload))))
        expect(copy.subarray(at, at + payload.length)).toEqual(payload)
        copy.fill(0)
        expect(engine.copyRefs(frame, copy, at)).toBe(0)
        expect(copy.subarray(at, at + payload.length)).toEqual(payload)
        frame.release()
      }),
    )
  })

  it('says -1 for a page that cannot be read, and throws for a copy that does not fit', () => {
    const own = new Pools()
    const frame = own.frames.allocate(20) as Frame
    frame.end = frame.start + 20
    spread(own, frame, new Uint8Array(100), [])
    expect(() => engine.copyRefs(frame, new Uint8Array(99), 0)).toThrow(RangeError)
    expect(() => engine.copyAndSumRefs(frame, new Uint8Array(100), 1)).toThrow(RangeError)
    const buffer = frame.pages[0].bytes.buffer as ArrayBuffer
    structuredClone(buffer, { transfer: [buffer] })
    expect(engine.sumFrame(frame, 0)).toBe(-1)
    expect(engine.copyAndSumRefs(frame, new Uint8Array(100), 0)).toBe(-1)
    expect(engine.copyRefs(frame, new Uint8Array(100), 0)).toBe(-1)
    frame.release()
    own.close()
    expect(own.outstanding).toBe(0)
  })
})
