// The arena and the rings under descriptors that mean harm. /dev/null and /dev/zero stand for the device: they take and
// give whatever the addon lets through.

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Addon, DESCRIPTOR_CHECKSUM, DESCRIPTOR_NEXT, MAX_PIECES, type NativeTap } from '../../native/index.ts'
import { addonOrFail, countingRegion } from './addon.ts'

const EFAULT = -14
const EINVAL = -22
const EBADF = -9
const EMSGSIZE = -90
const MAX_FRAME = 12 + 18 + 8 * 65535
const UNTOUCHED = 0x5a5a5a5a

interface Descriptor {
  region: number
  offset: number
  length: number
  next: boolean
  /** Flags besides. */
  flags?: number
}

class TestRing {
  readonly size: number
  readonly id: number
  readonly buffer: ArrayBuffer
  readonly words: Uint32Array
  readonly statuses: Int32Array

  constructor(addon: Addon, size: number) {
    this.size = size
    this.buffer = new ArrayBuffer(size * 20)
    this.words = new Uint32Array(this.buffer, 0, size * 4)
    this.statuses = new Int32Array(this.buffer, size * 16, size).fill(UNTOUCHED)
    this.id = addon.registerRegion(this.buffer)
  }

  write(index: number, { region, offset, length, next, flags = 0 }: Descriptor): void {
    this.words.set([region, offset, length, flags | (next ? DESCRIPTOR_NEXT : 0)], (index & (this.size - 1)) * 4)
  }
}

describe('regions', () => {
  const addon = addonOrFail()

  it('are what is registered, and nothing else', () => {
    const before = addon.regionCount()
    const id = addon.registerRegion(new ArrayBuffer(8))
    expect(id).toBeGreaterThan(0)
    expect(addon.regionCount()).toBe(before + 1)
    expect(addon.unregisterRegion(id)).toBe(0)
    expect(addon.unregisterRegion(id)).toBe(EINVAL)
    for (const nothing of [undefined, null, 1, 'x', {}, new Uint8Array(8), new SharedArrayBuffer(8)]) {
      expect(addon.registerRegion(nothing as unknown as ArrayBuffer)).toBe(EINVAL)
    }
    for (const unknown of [0, -1, 2 ** 31, 0xffffffff, 1 << 20, (1 << 20) | 0xfffff]) {
      expect(addon.unregisterRegion(unknown)).toBe(EINVAL)
    }
    expect(addon.regionCount()).toBe(before)
  })

  it('keep their ids to themselves for a long time', () => {
    const buffer = new ArrayBuffer(8)
    const seen = new Set<number>()
    for (let i = 0; i < 20_000; i++) {
      const id = addon.registerRegion(buffer)
      expect(seen.has(id)).toBe(false)
      seen.add(id)
      addon.unregisterRegion(id)
    }
  })

  it('hold their memory until they are unregistered', () => {
    // 100 regions of 64 KiB nobody else refers to: were they collected, the sums would not be there.
    const list = addon.registerRegion(Uint32Array.of(0, 0, 65536).buffer)
    const ids = Array.from({ length: 100 }, (_, i) => addon.registerRegion(new Uint8Array(65536).fill(i).buffer))
    for (let i = 0; i < 200; i++) new Uint8Array(1 << 20).fill(0xff)
    for (const [i, id] of ids.entries()) {
      const pieces = Uint32Array.of(id, 0, 65536)
      const region = addon.registerRegion(pieces.buffer)
      expect(addon.sum(region, 1)).toBe(foldSum(32768 * (i * 257)))
      addon.unregisterRegion(region)
      addon.unregisterRegion(id)
    }
    addon.unregisterRegion(list)
  })
})

function foldSum(sum: number): number {
  let folded = sum
  while (folded > 0xffff) folded = (folded % 65536) + Math.floor(folded / 65536)
  return folded
}

describe('a ring', () => {
  const addon = addonOrFail()
  let tap: NativeTap
  let regions: number[]

  beforeEach(() => {
    tap = new addon.Tap()
    regions = []
  })

  afterEach(() => {
    tap.close()
    for (const id of regions) addon.unregisterRegion(id)
  })

  function ring(size: number): TestRing {
    const made = new TestRing(addon, size)
    regions.push(made.id)
    return made
  }

  function region(length: number) {
    const made = countingRegion(addon, length)
    regions.push(made.id)
    return made
  }

  it('must have a size that is a power of two, and its memory', () => {
    expect(tap.open('/dev/null')).toBe(0)
    const { id } = ring(8)
    for (const size of [0, 3, 65537, 131072, -8]) expect(tap.setRings(id, size, id, 8)).toBe(EINVAL)
    expect(tap.setRings(id, 8, id, 8)).toBe(0)
    expect(tap.transmit(0, 0)).toBe(0)
    // Larger than the region.
    expect(tap.setRings(id, 16, id, 16)).toBe(0)
    expect(tap.transmit(0, 1)).toBe(EFAULT)
    expect(tap.receive(0, 1)).toBe(EFAULT)
    expect(tap.setRings(12345, 8, 12345, 8)).toBe(0)
    expect(tap.transmit(0, 1)).toBe(EFAULT)
  })

  it('is of no use before open and after close', () => {
    expect(tap.transmit(0, 1)).toBe(EBADF)
    expect(tap.receive(0, 1)).toBe(EBADF)
    expect(tap.watch(1)).toBe(EBADF)
    expect(tap.open('/nonexistent')).toBe(-2)
    expect(tap.open('/dev/null')).toBe(0)
    expect(tap.close()).toBe(0)
    expect(tap.close()).toBe(0)
    expect(tap.transmit(0, 1)).toBe(EBADF)
  })

  it('checks every descriptor against its region, and goes on behind a bad frame', () => {
    tap.open('/dev/null')
    const own = ring(64)
    const memory = [region(1000), region(70_000), region(0)]
    const stale = countingRegion(addon, 100)
    addon.unregisterRegion(stale.id)
    tap.setRings(own.id, own.size, own.id, own.size)
    const lengths = new Map(memory.map(({ id, bytes }) => [id, bytes.length]))
    const anyRegion = fc.oneof(
      fc.constantFrom(...memory.map(({ id }) => id)),
      fc.constant(stale.id),
      fc.nat(0xffffffff),
    )
    const edges = fc.constantFrom(0, 1, 999, 1000, 1001, 65535, 69_999, 70_000, 0x7fffffff, 0x80000000, 0xffffffff)
    const descriptor: fc.Arbitrary<Descriptor> = fc.record({
      region: anyRegion,
      offset: fc.oneof(fc.nat(900), fc.nat(70_000), edges),
      length: fc.oneof({ weight: 4, arbitrary: fc.nat(100) }, fc.nat(70_000), edges),
      next: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(descriptor, { minLength: 64, maxLength: 64 }),
        fc.nat(1000),
        fc.nat(70),
        (all, head, frames) => {
          own.statuses.fill(UNTOUCHED)
          for (const [i, each] of all.entries()) own.write(head + i, each)
          const expected = model(all, head, Math.min(frames, own.size), lengths)
          expect(tap.transmit(head, frames)).toBe(Math.min(frames, own.size))
          for (let i = 0; i < own.size; i++) expect(own.statuses[i]).toBe(expected.get(i) ?? UNTOUCHED)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never reads outside of a region', () => {
    tap.open('/dev/zero')
    const own = ring(16)
    const memory = [region(64), region(4096)]
    tap.setRings(own.id, own.size, own.id, own.size)
    const descriptor: fc.Arbitrary<Descriptor> = fc.record({
      region: fc.oneof(fc.constantFrom(...memory.map(({ id }) => id)), fc.nat()),
      offset: fc.oneof(fc.nat(64), fc.nat(5000), fc.constant(0xffffffff)),
      length: fc.oneof(fc.nat(64), fc.nat(5000), fc.constant(0xffffffff)),
      next: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(descriptor, { minLength: 16, maxLength: 16 }), fc.nat(40), (all, head) => {
        const expected = memory.map(({ bytes }) => bytes.fill(0xff).slice())
        for (const [i, each] of all.entries()) own.write(head + i, each)
        expect(tap.receive(head, 100)).toBe(16)
        for (const [i, { region, offset, length }] of all.entries()) {
          const which = memory.findIndex(({ id }) => id === region)
          const fits = which >= 0 && length > 0 && offset + length <= memory[which].bytes.length
          expect(own.statuses[(head + i) % 16]).toBe(fits ? length : EFAULT)
          if (fits) expected[which].fill(0, offset, offset + length)
        }
        for (const [i, { bytes }] of memory.entries()) expect(Buffer.compare(bytes, expected[i])).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  /** RFC 1071, byte by byte, in network order. */
  function sumOf(bytes: Uint8Array): number {
    let sum = 0
    for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i] * 256 : bytes[i]
    while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000)
    return sum
  }

  it('writes the checksum that a descriptor asks for, once, and nowhere else', () => {
    tap.open('/dev/null')
    const own = ring(32)
    const { id, bytes } = region(4096)
    tap.setRings(own.id, own.size, own.id, own.size)
    const piece = fc.record({ offset: fc.integer({ min: 1000, max: 2000 }), length: fc.nat(2000) })
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 16 }),
        fc.record({ length: fc.integer({ min: 22, max: 900 }), start: fc.nat(300), field: fc.nat(255) }),
        fc.boolean(),
        (pieces, { length, start, field }, spare) => {
          const flags = DESCRIPTOR_CHECKSUM | (field << 8) | (start << 16)
          const before = bytes.slice()
          const at = spare ? 1 : 0
          if (spare) own.write(0, { region: id, offset: 3000, length: 10, next: true })
          own.write(at, { region: id, offset: 0, length, next: pieces.length > 0, flags })
          for (const [i, each] of pieces.entries()) {
            own.write(at + 1 + i, { region: id, ...each, next: i + 1 < pieces.length })
          }
          const summed = [...bytes.slice(start, Math.max(start, length))]
          for (const each of pieces) summed.push(...bytes.slice(each.offset, each.offset + each.length))
          tap.transmit(0, 1)
          if (start + field + 2 > length) {
            expect(own.statuses[0]).toBe(EINVAL)
          } else {
            expect(own.statuses[0]).toBeGreaterThan(0)
            const sum = ~sumOf(Uint8Array.from(summed)) & 0xffff
            const written = sum === 0 && field === 6 ? 0xffff : sum
            before.set([written >>> 8, written & 0xff], start + field)
            expect(own.words[at * 4 + 3] & DESCRIPTOR_CHECKSUM).toBe(0)
            // Sent again as it would be after EAGAIN: it stays.
            tap.transmit(0, 1)
          }
          expect(Buffer.compare(bytes, before)).toBe(0)
        },
      ),
    )
    // All zero: UDP says so with ones.
    bytes.fill(0)
    bytes.fill(0xff, 100, 102)
    own.write(0, { region: id, offset: 100, length: 20, next: false, flags: DESCRIPTOR_CHECKSUM | (6 << 8) })
    tap.transmit(0, 1)
    expect([...bytes.subarray(106, 108)]).toEqual([0xff, 0xff])
  })

  it('answers the sum that was asked for with what it reads', () => {
    tap.open('/dev/zero')
    const own = ring(4)
    const { id } = region(4096)
    tap.setRings(own.id, own.size, own.id, own.size)
    const ask = (start: number) => DESCRIPTOR_CHECKSUM | (start << 16)
    own.write(0, { region: id, offset: 0, length: 64, next: false, flags: ask(14) })
    own.write(1, { region: id, offset: 64, length: 14, next: false, flags: ask(14) })
    own.write(2, { region: id, offset: 128, length: 64, next: false })
    own.write(3, { region: 0, offset: 0, length: 64, next: false, flags: ask(14) })
    expect(tap.receive(0, 4)).toBe(4)
    expect([3, 7, 11].map((word) => own.words[word])).toEqual([DESCRIPTOR_CHECKSUM, 0, 0])
    expect(own.statuses[3]).toBe(EFAULT)
  })

  it('has room for 19 pieces and a frame of 64 KiB with its headers', () => {
    tap.open('/dev/null')
    const own = ring(32)
    const { id } = region(MAX_FRAME + 1)
    tap.setRings(own.id, own.size, own.id, own.size)
    const chain = (pieces: number, length: number) => {
      for (let i = 0; i < pieces; i++) own.write(i, { region: id, offset: 0, length, next: i < pieces - 1 })
      tap.transmit(0, 1)
      return own.statuses[0]
    }
    expect(chain(MAX_PIECES, 10)).toBe(190)
    expect(chain(MAX_PIECES + 1, 10)).toBe(EMSGSIZE)
    expect(chain(1, MAX_FRAME)).toBe(MAX_FRAME)
    expect(chain(1, MAX_FRAME + 1)).toBe(EMSGSIZE)
    expect(chain(2, MAX_FRAME / 2 + 1)).toBe(EMSGSIZE)
    expect(chain(1, 0)).toBe(EINVAL)
    // A chain without an end.
    for (let i = 0; i < 32; i++) own.write(i, { region: id, offset: 0, length: 0, next: true })
    expect(tap.transmit(0, 1)).toBe(1)
    expect(own.statuses[0]).toBe(EINVAL)
  })

  it('refuses memory that was detached, and the ring itself when it was', () => {
    tap.open('/dev/null')
    const own = ring(8)
    const memory = region(1 << 20)
    tap.setRings(own.id, own.size, own.id, own.size)
    own.write(0, { region: memory.id, offset: 0, length: 1000, next: false })
    expect(tap.transmit(0, 1)).toBe(1)
    expect(own.statuses[0]).toBe(1000)
    const moved = structuredClone(memory.buffer, { transfer: [memory.buffer] })
    expect(moved.byteLength).toBe(1 << 20)
    expect(tap.transmit(0, 1)).toBe(1)
    expect(own.statuses[0]).toBe(EFAULT)
    expect(tap.receive(0, 1)).toBe(1)
    structuredClone(own.buffer, { transfer: [own.buffer] })
    expect(tap.transmit(0, 1)).toBe(EFAULT)
    expect(tap.receive(0, 1)).toBe(EFAULT)
  })
})

/** What `transmit` must say of each frame, by the index of its first descriptor. */
function model(all: Descriptor[], head: number, frames: number, lengths: Map<number, number>): Map<number, number> {
  const statuses = new Map<number, number>()
  const size = all.length
  let at = 0
  for (let frame = 0; frame < frames; frame++) {
    const first = (head + at) % size
    let total = 0
    let pieces = 0
    let error = 0
    let ended = false
    for (let walked = 0; walked < size && !ended; walked++) {
      const { region, offset, length, next } = all[at++ % size]
      ended = !next
      if (error) continue
      const bytes = lengths.get(region)
      if (!bytes || offset + length > bytes) error = EFAULT
      else if (pieces === MAX_PIECES || total + length > MAX_FRAME) error = EMSGSIZE
      else if (length > 0) {
        pieces++
        total += length
      }
    }
    statuses.set(first, error || (ended && total > 0 ? total : EINVAL))
  }
  return statuses
}
