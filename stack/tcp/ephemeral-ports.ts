// Ephemeral ports by RFC 6056, algorithm 4 (double hash): a keyed offset per (local, remote, remote port), and a table of
// counters of which a second keyed hash picks one, so that ports to one peer rise slowly and tell nothing about others.
// Owns the counters; whether a port is taken is the caller's to say.

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { addressWords } from './initial-sequence.ts'
import { KeyedHash } from './keyed-hash.ts'

/** Linux's ip_local_port_range. */
export const FIRST_EPHEMERAL = 32768
export const LAST_EPHEMERAL = 60999

const COUNTERS = 256

export class EphemeralPorts {
  private readonly offsetHash: KeyedHash
  private readonly counterHash: KeyedHash
  private readonly counters = new Uint16Array(COUNTERS)
  private readonly words = new Int32Array(11)
  private readonly first: number
  private readonly count: number

  constructor(random: Random, first = FIRST_EPHEMERAL, last = LAST_EPHEMERAL) {
    this.first = first
    this.count = last - first + 1
    this.offsetHash = new KeyedHash(random)
    this.counterHash = new KeyedHash(random)
    for (let i = 0; i < COUNTERS; i++) this.counters[i] = random.uint32() & 0xffff
  }

  /** A port for which `taken` says no, or 0 when all are taken. */
  pick(local: IpAddress, remote: IpAddress, remotePort: number, taken: (port: number) => boolean): number {
    const words = addressWords(this.words, local, remote)
    this.words[words] = remotePort
    const offset = this.offsetHash.hash(this.words, words + 1) >>> 0
    const index = this.counterHash.hash(this.words, words + 1) & (COUNTERS - 1)
    for (let tries = 0; tries < this.count; tries++) {
      const port = this.first + ((offset + this.counters[index]) % this.count)
      this.counters[index]++
      if (!taken(port)) return port
    }
    return 0
  }
}
