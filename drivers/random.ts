// Chance, as the stack is given it (stack/base/environment.ts). Owns the two sources: a seeded one for simulations and
// tests (xoshiro128** of Blackman and Vigna 2018, seeded through splitmix32), whose every number follows from its
// seed, and the host's, which hands out the operating system's randomness in blocks. The seeded one is no secret:
// initial sequence numbers of a real host come from `hostRandom`.

import { randomFillSync } from 'node:crypto'
import type { Random } from '../stack/base/environment.ts'

/**
 * A stream that depends on the seed alone. Seeds 1 and '1' are the same stream. `fork(name)` depends on the seeds
 * and names from the root down, not on how many numbers were drawn.
 */
export function seededRandom(seed: number | string): Random {
  return new SeededRandom(hashText(String(seed), 0x6a09e667), hashText(String(seed), 0xbb67ae85))
}

/** The operating system's randomness, fetched in blocks of 4 KiB, so that a number costs a few nanoseconds. */
export function hostRandom(): Random {
  return new HostRandom()
}

abstract class RandomBase implements Random {
  abstract uint32(): number
  abstract fork(name: string): Random

  below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 0x1_0000_0000) {
      throw new RangeError(`bound must be an integer from 1 to 2^32: ${bound}`)
    }
    // Values from the last, incomplete run of `bound` would favour the small results: draw again.
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound)
    let value = this.uint32()
    while (value >= limit) value = this.uint32()
    return value % bound
  }

  fill(bytes: Uint8Array): void {
    let word = 0
    for (let i = 0; i < bytes.length; i++) {
      if ((i & 3) === 0) word = this.uint32()
      bytes[i] = word
      word >>>= 8
    }
  }
}

class SeededRandom extends RandomBase {
  private readonly seedA: number
  private readonly seedB: number
  private s0: number
  private s1: number
  private s2: number
  private s3: number

  constructor(seedA: number, seedB: number) {
    super()
    this.seedA = seedA
    this.seedB = seedB
    this.s0 = splitmix(seedA, 1)
    this.s1 = splitmix(seedA, 2)
    this.s2 = splitmix(seedB, 3)
    this.s3 = splitmix(seedB, 4) | 1 // the state must not be all zero
  }

  override uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.s1, 5), 7), 9) >>> 0
    const t = this.s1 << 9
    this.s2 ^= this.s0
    this.s3 ^= this.s1
    this.s1 ^= this.s2
    this.s0 ^= this.s3
    this.s2 ^= t
    this.s3 = rotateLeft(this.s3, 11)
    return result
  }

  override fork(name: string): Random {
    return new SeededRandom(hashText(name, splitmix(this.seedA, 5)), hashText(name, splitmix(this.seedB, 6)))
  }
}

const BLOCK = 1024

class HostRandom extends RandomBase {
  private readonly block = new Uint32Array(BLOCK)
  private used = BLOCK

  override uint32(): number {
    if (this.used === BLOCK) {
      randomFillSync(this.block)
      this.used = 0
    }
    const value = this.block[this.used]
    this.block[this.used++] = 0 // what was handed out is not kept
    return value
  }

  override fork(_name: string): Random {
    return new HostRandom()
  }
}

function rotateLeft(x: number, k: number): number {
  return (x << k) | (x >>> (32 - k))
}

/** The `index`-th output of a splitmix32 generator that starts at `seed`. */
function splitmix(seed: number, index: number): number {
  let z = (seed + Math.imul(index, 0x9e3779b9)) | 0
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}

/** FNV-1a over the UTF-16 units, started at `basis` and mixed at the end. */
function hashText(text: string, basis: number): number {
  let hash = basis ^ 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193)
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193)
  }
  return splitmix(hash, text.length + 1)
}
