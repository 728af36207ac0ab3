import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fold, sumBytes, TypeScriptChecksum } from '../../nic/checksum.ts'
import { Page } from '../../stack/buffer/page.ts'
import { concatenate, naiveSum } from './support/oracle.ts'
import { bytesOf, noise, PacketLab } from './support/packets.ts'

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** 0 and 0xffff are the same sum. */
const canonical = (sum: number) => sum % 0xffff

describe('sumBytes', () => {
  it("gives RFC 1071's own example", () => {
    const bytes = new Uint8Array([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])
    expect(sumBytes(viewOf(bytes), 0, 8)).toBe(0xddf2)
  })

  it('equals the byte-pair sum for any bytes, place and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (bytes, from) => {
        const start = Math.min(from, bytes.length)
        const expected = naiveSum(bytes.slice(start))
        expect(sumBytes(viewOf(bytes), start, bytes.length - start)).toBe(expected)
      }),
    )
  })

  it('does not overflow on the longest runs of the largest words', () => {
    for (const length of [65527, 65528, 65529, 65535, 65536, 131_072, 262_143]) {
      const bytes = new Uint8Array(length).fill(0xff)
      expect(canonical(sumBytes(viewOf(bytes), 0, length))).toBe(canonical(naiveSum(bytes)))
      const mixed = noise(length, length)
      expect(sumBytes(viewOf(mixed), 0, length)).toBe(naiveSum(mixed))
    }
  })

  it('folds what 32 bits can hold', () => {
    expect(fold(0)).toBe(0)
    expect(fold(0xffff)).toBe(0xffff)
    expect(fold(0x10000)).toBe(1)
    expect(fold(0x7fffffff)).toBe(0x7fff + 0xffff - 0xffff)
  })
})

describe('TypeScriptChecksum', () => {
  const engine = new TypeScriptChecksum()
  const shape = fc.record({
    pieces: fc.array(fc.nat(50), { maxLength: 17 }),
    inHead: fc.nat(40),
    seed: fc.nat(),
  })

  it('sums a frame from any byte on, whatever its pieces', () => {
    fc.assert(
      fc.property(shape, fc.nat(), (packet, at) => {
        const lab = new PacketLab()
        const { frame } = lab.packet(packet)
        const bytes = bytesOf(frame)
        const from = at % (bytes.length + 1)
        expect(engine.sumFrame(frame, from)).toBe(naiveSum(bytes.slice(from)))
        frame.release()
        expect(lab.outstanding).toBe(0)
      }),
    )
  })

  it('copies, and copies and sums, the refs alone', () => {
    fc.assert(
      fc.property(shape, fc.nat(9), (packet, at) => {
        const lab = new PacketLab()
        const { frame } = lab.packet(packet)
        const payload = bytesOf(frame).slice(frame.headLength)
        const before = new Uint8Array(at).fill(7)
        const after = new Uint8Array(3).fill(8)
        const expected = concatenate(before, payload, after)
        for (const sums of [true, false]) {
          const out = new Uint8Array(at + payload.length + 3).fill(8)
          out.fill(7, 0, at)
          // The destination is a view that does not begin at its buffer's start.
          const place = new Uint8Array(new ArrayBuffer(out.length + 5), 5)
          place.set(out)
          const sum = sums ? engine.copyAndSumRefs(frame, place, at) : engine.copyRefs(frame, place, at)
          expect(sum).toBe(sums ? naiveSum(payload) : 0)
          expect(place).toEqual(expected)
        }
        frame.release()
      }),
    )
  })

  it('answers -1 for a page that only native code may touch', () => {
    const lab = new PacketLab()
    const { frame } = lab.packet({ pieces: [10] })
    frame.addRef(new Page(null, 99, null, 0, 4096), 0, 100)
    expect(engine.sumFrame(frame, 34)).toBe(-1)
    expect(engine.copyRefs(frame, new Uint8Array(200), 0)).toBe(-1)
    expect(engine.copyAndSumRefs(frame, new Uint8Array(200), 0)).toBe(-1)
    frame.release()
    expect(lab.outstanding).toBe(0)
  })
})
