// SipHash-2-4 (Aumasson, Bernstein) over 32-bit words: a keyed function whose values tell nothing about the key.
// Serves initial sequence numbers, SYN cookies, timestamp offsets and ephemeral ports. A flood of SYNs asks for it three times
// each: 64-bit lanes are pairs of local 32-bit integers, and the one round stands in the loop.

import type { Random } from '../base/environment.ts'

export class KeyedHash {
  private readonly key = new Int32Array(4)
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
    const k = this.key
    let al = k[0] ^ 0x70736575
    let ah = k[1] ^ 0x736f6d65
    let bl = k[2] ^ 0x6e646f6d
    let bh = k[3] ^ 0x646f7261
    let cl = k[0] ^ 0x6e657261
    let ch = k[1] ^ 0x6c796765
    let dl = k[2] ^ 0x79746573
    let dh = k[3] ^ 0x74656462
    // Pairs of words, the last of which holds the length; then one step that takes in nothing.
    const last = count >> 1
    for (let step = 0; step <= last + 1; step++) {
      const at = 2 * step
      const low = at < count ? words[at] : 0
      const high = step < last ? words[at + 1] : step === last ? (count * 4) << 24 : 0
      dl ^= low
      dh ^= high
      if (step > last) cl ^= 0xff
      for (let rounds = step > last ? 4 : 2; rounds > 0; rounds--) {
        let sum = (al + bl) | 0
        ah = (ah + bh + (sum >>> 0 < al >>> 0 ? 1 : 0)) | 0
        let turned = (bl << 13) | (bh >>> 19)
        bh = ((bh << 13) | (bl >>> 19)) ^ ah
        bl = turned ^ sum
        al = ah
        ah = sum
        sum = (cl + dl) | 0
        ch = (ch + dh + (sum >>> 0 < cl >>> 0 ? 1 : 0)) | 0
        cl = sum
        turned = (dl << 16) | (dh >>> 16)
        dh = ((dh << 16) | (dl >>> 16)) ^ ch
        dl = turned ^ cl
        sum = (al + dl) | 0
        ah = (ah + dh + (sum >>> 0 < al >>> 0 ? 1 : 0)) | 0
        al = sum
        turned = (dl << 21) | (dh >>> 11)
        dh = ((dh << 21) | (dl >>> 11)) ^ ah
        dl = turned ^ al
        sum = (cl + bl) | 0
        ch = (ch + bh + (sum >>> 0 < cl >>> 0 ? 1 : 0)) | 0
        turned = (bl << 17) | (bh >>> 15)
        bh = ((bh << 17) | (bl >>> 15)) ^ ch
        bl = turned ^ sum
        cl = ch
        ch = sum
      }
      al ^= low
      ah ^= high
    }
    this.high = ah ^ bh ^ ch ^ dh
    return al ^ bl ^ cl ^ dl
  }
}
