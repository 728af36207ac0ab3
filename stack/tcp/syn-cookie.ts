// SYN cookies (RFC 4987 3.6): an initial sequence number that says, to us alone, what a half-open record would have said, so
// that a SYN needs no memory at all. Owns the two keyed hashes and both codes: the MSS in the sequence number, as the nearest
// entry of a small table, and the other options in the low bits of our timestamp, which the peer echoes.
// F(four-tuple) + the peer's ISN + minutes in the top eight bits + 22 bits of G(four-tuple, minutes, the peer's ISN, entry) + entry
// of the MSS. Linux adds the entry to its hash, so that a number next to a cookie is one too; here it is not.

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { after } from '../base/sequence.ts'
import { addressWords } from './initial-sequence.ts'
import { KeyedHash } from './keyed-hash.ts'

/** A cookie holds for the period in which it was made and the next one. Microseconds. */
export const COOKIE_PERIOD = 60_000_000
export const COOKIE_PERIODS = 2
/** How long after the last cookie one may still come back. */
export const COOKIE_LIFE = COOKIE_PERIOD * COOKIE_PERIODS

/** What a cookie can say of an MSS, by family: the least that is assumed, tunnels, PPPoE, Ethernet (and jumbo frames). */
const SIZES_V4 = [536, 1300, 1440, 1460] as const
const SIZES_V6 = [1220, 1420, 1440, 8940] as const

/** Bits below the counter, and of them those of the entry. */
const DATA_BITS = 24
const DATA_MASK = 0xffffff
const ENTRY_BITS = 2
const ENTRY_MASK = 3

/** In the low bits of TSval: a window scale (all ones: none) and SACK. The bit above is ECN's and zero while it is not spoken. */
const TS_BITS = 6
const TS_MASK = (1 << TS_BITS) - 1
const TS_SCALE = 0x0f
const TS_SACK = 0x10

export class SynCookies {
  private readonly fixedHash: KeyedHash
  private readonly dataHash: KeyedHash
  private readonly words = new Int32Array(13)

  constructor(random: Random) {
    this.fixedHash = new KeyedHash(random)
    this.dataHash = new KeyedHash(random)
  }

  /** The initial sequence number for the answer to a SYN with sequence number `irs` and this MSS (-1: none said). */
  make(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    irs: number,
    mss: number,
    now: number,
  ): number {
    const count = this.fill(local, localPort, remote, remotePort)
    const period = periodAt(now)
    const data = this.data(count, period, irs, sizeEntry(sizesFor(remote), mss))
    return (this.fixedHash.hash(this.words, count) + irs + (period << DATA_BITS) + data) | 0
  }

  /** The MSS that the cookie `iss` stands for; 0: it is none of ours for this four-tuple and `irs`, or too old. */
  check(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    irs: number,
    iss: number,
    now: number,
  ): number {
    const count = this.fill(local, localPort, remote, remotePort)
    const rest = (iss - this.fixedHash.hash(this.words, count) - irs) | 0
    const period = periodAt(now)
    const age = (period - (rest >>> DATA_BITS)) & 0xff
    if (age >= COOKIE_PERIODS) return 0
    const entry = rest & ENTRY_MASK
    return this.data(count, period - age, irs, entry) === (rest & DATA_MASK) ? sizesFor(remote)[entry] : 0
  }

  private fill(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    const count = addressWords(this.words, local, remote)
    this.words[count] = (localPort << 16) | remotePort
    return count + 1
  }

  /** What stands below the counter. */
  private data(count: number, period: number, irs: number, entry: number): number {
    this.words[count] = period
    this.words[count + 1] = irs
    this.words[count + 2] = entry
    return ((this.dataHash.hash(this.words, count + 3) << ENTRY_BITS) & DATA_MASK) | entry
  }
}

/** Our clock without its offset (a tick a millisecond) with the options in it: the latest such value that is not ahead of it. */
export function codeOptions(ticks: number, windowScale: number, sackPermitted: boolean): number {
  const bits = (windowScale < 0 ? TS_SCALE : Math.min(windowScale, TS_SCALE - 1)) | (sackPermitted ? TS_SACK : 0)
  const coded = (ticks & ~TS_MASK) | bits
  return after(coded, ticks) ? (coded - TS_MASK - 1) | 0 : coded
}

/** The window scale in an echo less the clock's offset; -1: none was offered. */
export function codedScale(echo: number): number {
  const scale = echo & TS_SCALE
  return scale === TS_SCALE ? -1 : scale
}

export function codedSack(echo: number): boolean {
  return (echo & TS_SACK) !== 0
}

function periodAt(now: number): number {
  return Math.floor(now / COOKIE_PERIOD) | 0
}

function sizesFor(remote: IpAddress): readonly number[] {
  return remote.family === 4 ? SIZES_V4 : SIZES_V6
}

/** The largest size that is not beyond `mss`; the least for one that is smaller than all, or absent. */
function sizeEntry(sizes: readonly number[], mss: number): number {
  let entry = sizes.length - 1
  while (entry > 0 && sizes[entry] > mss) entry--
  return entry
}
