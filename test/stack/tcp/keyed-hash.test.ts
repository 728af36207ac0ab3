import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Random } from '../../../stack/base/environment.ts'
import { KeyedHash } from '../../../stack/tcp/keyed-hash.ts'

/** Gives the words of a key one after the other. */
function keyOf(words: number[]): Random {
  let i = 0
  return { uint32: () => words[i++] >>> 0, below: () => 0, fill() {}, fork: () => keyOf(words) }
}

const MASK = (1n << 64n) - 1n
const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & MASK

/** SipHash-2-4 with big integers, straight from the paper. */
function naive(key: number[], words: number[]): bigint {
  const k = [0, 2].map((i) => BigInt(key[i] >>> 0) | (BigInt(key[i + 1] >>> 0) << 32n))
  const v = [
    k[0] ^ 0x736f6d6570736575n,
    k[1] ^ 0x646f72616e646f6dn,
    k[0] ^ 0x6c7967656e657261n,
    k[1] ^ 0x7465646279746573n,
  ]
  const round = (): void => {
    v[0] = (v[0] + v[1]) & MASK
    v[1] = rotl(v[1], 13n) ^ v[0]
    v[0] = rotl(v[0], 32n)
    v[2] = (v[2] + v[3]) & MASK
    v[3] = rotl(v[3], 16n) ^ v[2]
    v[0] = (v[0] + v[3]) & MASK
    v[3] = rotl(v[3], 21n) ^ v[0]
    v[2] = (v[2] + v[1]) & MASK
    v[1] = rotl(v[1], 17n) ^ v[2]
    v[2] = rotl(v[2], 32n)
  }
  const blocks: bigint[] = []
  for (let i = 0; i + 1 < words.length; i += 2) {
    blocks.push(BigInt(words[i] >>> 0) | (BigInt(words[i + 1] >>> 0) << 32n))
  }
  const odd = words.length % 2 === 1 ? BigInt(words[words.length - 1] >>> 0) : 0n
  blocks.push(odd | (BigInt((words.length * 4) & 0xff) << 56n))
  for (const block of blocks) {
    v[3] ^= block
    round()
    round()
    v[0] ^= block
  }
  v[2] ^= 0xffn
  for (let i = 0; i < 4; i++) round()
  return v[0] ^ v[1] ^ v[2] ^ v[3]
}

function hash(key: number[], words: number[]): bigint {
  const keyed = new KeyedHash(keyOf(key))
  const low = keyed.hash(Int32Array.from(words), words.length)
  return BigInt(low >>> 0) | (BigInt(keyed.high >>> 0) << 32n)
}

describe('SipHash-2-4', () => {
  const key = [0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c]
  it.each([
    [[], 0x726fdb47dd0e0e31n],
    [[0x03020100], 0xcf2794e0277187b7n],
    [[0x03020100, 0x07060504], 0x93f5f5799a932462n],
  ])('gives the vector of its authors for %j', (words, value) => {
    expect(hash(key, words)).toBe(value)
  })

  it('is the naive version with big integers', () => {
    const word = fc.integer()
    fc.assert(
      fc.property(fc.array(word, { minLength: 4, maxLength: 4 }), fc.array(word, { maxLength: 11 }), (k, words) => {
        expect(hash(k, words)).toBe(naive(k, words))
      }),
    )
  })
})
