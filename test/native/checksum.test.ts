// The addon's checksum against the naive sum of RFC 1071: any pieces, odd ones among them, of any regions.

import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { MAX_PIECES } from '../../native/index.ts'
import { addonOrFail } from './addon.ts'

const EFAULT = -14
const EINVAL = -22
const EMSGSIZE = -90

/** Byte pair by byte pair, and no cleverness. */
function naive(bytes: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return sum
}

/** Zero has two names in one's complement. */
function canonical(sum: number): number {
  return sum === 0xffff ? 0 : sum
}

describe('the checksum', () => {
  const addon = addonOrFail()
  const memory = new Uint8Array(200_000)
  const region = addon.registerRegion(memory.buffer)
  const words = new Uint32Array(MAX_PIECES * 3)
  const list = addon.registerRegion(words.buffer)

  afterAll(() => {
    addon.unregisterRegion(region)
    addon.unregisterRegion(list)
  })

  function describePieces(pieces: readonly (readonly [number, number])[]): Uint8Array {
    const total = pieces.reduce((sum, [, length]) => sum + length, 0)
    const bytes = new Uint8Array(total)
    let at = 0
    for (const [i, [offset, length]] of pieces.entries()) {
      words.set([region, offset, length], i * 3)
      bytes.set(memory.subarray(offset, offset + length), at)
      at += length
    }
    return bytes
  }

  const small = fc.tuple(fc.nat(100_000), fc.nat(200))
  const large = fc.tuple(fc.nat(100_000), fc.nat(70_000))
  const pieces = fc.array(fc.oneof({ weight: 4, arbitrary: small }, large), { maxLength: MAX_PIECES })
  const fills = fc.oneof(fc.constant(-1), fc.constantFrom(0, 0xff, 0x80, 1))

  it('is the naive sum, copied along or not', () => {
    const target = new Uint8Array(1_400_000)
    fc.assert(
      fc.property(pieces, fills, fc.nat(1 << 30), fc.nat(9), (chosen, fill, seed, at) => {
        if (fill >= 0) memory.fill(fill)
        else for (let i = 0, word = seed; i < memory.length; i++) memory[i] = word = Math.imul(word, 69069) + 12345
        const bytes = describePieces(chosen)
        const sum = addon.sum(list, chosen.length)
        expect(canonical(sum)).toBe(canonical(naive(bytes)))
        expect(addon.copyAndSum(list, chosen.length, target, at)).toBe(sum)
        expect(Buffer.compare(target.subarray(at, at + bytes.length), bytes)).toBe(0)
        target.fill(0, at, at + bytes.length)
        expect(addon.copy(list, chosen.length, target, at)).toBe(0)
        expect(Buffer.compare(target.subarray(at, at + bytes.length), bytes)).toBe(0)
      }),
      { numRuns: 60 },
    )
  })

  it('does not overflow on the largest sums', () => {
    memory.fill(0xff)
    describePieces([[0, 200_000]])
    expect(addon.sum(list, 1)).toBe(0xffff)
    memory.fill(0)
    expect(addon.sum(list, 1)).toBe(0)
    expect(addon.sum(list, 0)).toBe(0)
  })

  it('copies within one region as well', () => {
    for (let i = 0; i < memory.length; i++) memory[i] = i * 7
    const bytes = describePieces([[10, 5000]])
    const sum = addon.copyAndSum(list, 1, memory, 1000)
    expect(canonical(sum)).toBe(canonical(naive(bytes)))
    expect(memory.subarray(1000, 6000)).toEqual(bytes)
  })

  it('refuses what is not there', () => {
    describePieces([[0, 100]])
    expect(addon.sum(list, MAX_PIECES + 1)).toBe(EINVAL)
    expect(addon.sum(0, 1)).toBe(EINVAL)
    expect(addon.sum(region, 0xffffffff)).toBe(EINVAL)
    expect(addon.copy(list, 1, new Uint8Array(99), 0)).toBe(EMSGSIZE)
    expect(addon.copy(list, 1, new Uint8Array(100), 1)).toBe(EMSGSIZE)
    expect(addon.copy(list, 1, new Uint8Array(100), 101)).toBe(EINVAL)
    for (const no of [undefined, [], new Float64Array(100), new ArrayBuffer(100)]) {
      expect(addon.copy(list, 1, no as unknown as Uint8Array, 0)).toBe(EINVAL)
    }
    for (const [offset, length] of [
      [200_000, 1],
      [0, 200_001],
      [0xffffffff, 2],
      [1, 0xffffffff],
    ]) {
      words.set([region, offset, length])
      expect(addon.sum(list, 1)).toBe(EFAULT)
      expect(addon.copyAndSum(list, 1, new Uint8Array(10), 0)).toBe(EFAULT)
    }
    words.set([list + 1000, 0, 1])
    expect(addon.sum(list, 1)).toBe(EFAULT)
  })

  it('refuses memory that was detached', () => {
    const buffer = new ArrayBuffer(1 << 20)
    const id = addon.registerRegion(buffer)
    words.set([id, 0, 1 << 20])
    expect(addon.sum(list, 1)).toBe(0)
    structuredClone(buffer, { transfer: [buffer] })
    expect(addon.sum(list, 1)).toBe(EFAULT)
    const target = new Uint8Array(10)
    structuredClone(target.buffer, { transfer: [target.buffer] })
    describePieces([[0, 5]])
    expect(addon.copy(list, 1, target, 0)).toBe(EINVAL)
    addon.unregisterRegion(id)
  })
})
