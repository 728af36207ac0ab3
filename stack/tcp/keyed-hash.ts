// SipHash-2-4 (Aumasson, Bernstein) over 32-bit words: a keyed function whose values tell nothing about the key.
// Serves initial sequence numbers, timestamp offsets and ephemeral ports. Cold paths only; 64-bit lanes are kept as
// pairs of signed 32-bit integers.

import type { Random } from '../base/environment.ts'

export class KeyedHash {
  private readonly key = new Int32Array(4)
  /** Four 64-bit lanes: low, high, low, high, ... */
  private readonly lanes = new Int32Array(8)
  /** The upper half of the last result. */
  high = 0

  /** The key comes from `random`, 128 bits. */
  constructor(random: Random) {
    for (let i = 0; i < 4; i++) this.key[i] = random.uint32() | 0
  }

  /**
   * The lower half of the hash of `count` words, each taken as four bytes in little-endian order; signed 32 bits.
   * `high` then holds the upper half.
   */
  hash(words: Int32Array, count: number): number {
    const v = this.lanes
    const k = this.key
    v[0] = k[0] ^ 0x70736575
    v[1] = k[1] ^ 0x736f6d65
    v[2] = k[2] ^ 0x6e646f6d
    v[3] = k[3] ^ 0x646f7261
    v[4] = k[0] ^ 0x6e657261
    v[5] = k[1] ^ 0x6c796765
    v[6] = k[2] ^ 0x79746573
    v[7] = k[3] ^ 0x74656462
    let i = 0
    for (; i + 1 < count; i += 2) this.absorb(words[i], words[i + 1])
    const length = (count * 4) << 24
    this.absorb(i < count ? words[i] : 0, length)
    v[4] ^= 0xff
    for (let n = 0; n < 4; n++) round(v)
    this.high = v[1] ^ v[3] ^ v[5] ^ v[7]
    return v[0] ^ v[2] ^ v[4] ^ v[6]
  }

  private absorb(low: number, high: number): void {
    const v = this.lanes
    v[6] ^= low
    v[7] ^= high
    round(v)
    round(v)
    v[0] ^= low
    v[1] ^= high
  }
}

function round(v: Int32Array): void {
  add(v, 0, 2)
  rotate(v, 2, 13)
  mix(v, 2, 0)
  swap(v, 0)
  add(v, 4, 6)
  rotate(v, 6, 16)
  mix(v, 6, 4)
  add(v, 0, 6)
  rotate(v, 6, 21)
  mix(v, 6, 0)
  add(v, 4, 2)
  rotate(v, 2, 17)
  mix(v, 2, 4)
  swap(v, 4)
}

function add(v: Int32Array, to: number, from: number): void {
  const low = (v[to] >>> 0) + (v[from] >>> 0)
  v[to] = low | 0
  v[to + 1] = (v[to + 1] + v[from + 1] + (low > 0xffffffff ? 1 : 0)) | 0
}

function rotate(v: Int32Array, at: number, bits: number): void {
  const low = v[at]
  const high = v[at + 1]
  v[at] = (low << bits) | (high >>> (32 - bits))
  v[at + 1] = (high << bits) | (low >>> (32 - bits))
}

function mix(v: Int32Array, to: number, from: number): void {
  v[to] ^= v[from]
  v[to + 1] ^= v[from + 1]
}

/** Rotates by 32 bits. */
function swap(v: Int32Array, at: number): void {
  const low = v[at]
  v[at] = v[at + 1]
  v[at + 1] = low
}
