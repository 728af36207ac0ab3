// Initial sequence numbers and timestamp offsets (RFC 6528, RFC 7323 5.4): a keyed hash of who talks to whom, so that
// nobody off the path can guess them, plus a clock that ticks every 4 microseconds, so that a new incarnation of a
// connection starts above the old one.

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { KeyedHash } from './keyed-hash.ts'

/** Where a TCP takes initial sequence numbers and timestamp offsets from; a replay has those of a recording. */
export interface Sequences {
  /** `prescribed`: the number that a TIME-WAIT record asks for, so that the new connection starts above the old one. */
  sequence(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    now: number,
    prescribed?: number | null,
  ): number
  /** What is added to the millisecond clock in the timestamps of a connection. */
  timestampOffset(local: IpAddress, remote: IpAddress, localPort: number, remotePort: number): number
}

export class InitialSequence implements Sequences {
  private readonly sequenceHash: KeyedHash
  private readonly timestampHash: KeyedHash
  private readonly words = new Int32Array(11)

  constructor(random: Random) {
    this.sequenceHash = new KeyedHash(random)
    this.timestampHash = new KeyedHash(random)
  }

  /** ISN = M + F(local address, local port, remote address, remote port, secret) (RFC 6528 3). `now` in microseconds. */
  sequence(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    now: number,
    prescribed: number | null = null,
  ): number {
    if (prescribed !== null) return prescribed
    const count = addressWords(this.words, local, remote)
    this.words[count] = (localPort << 16) | remotePort
    const ticks = Math.floor(now / 4) % 0x100000000
    return (this.sequenceHash.hash(this.words, count + 1) + ticks) | 0
  }

  /** What is added to the millisecond clock in timestamps to this peer; the same for every connection of the two addresses. */
  timestampOffset(local: IpAddress, remote: IpAddress): number {
    return this.timestampHash.hash(this.words, addressWords(this.words, local, remote))
  }
}

/** Writes both addresses as words; how many. */
export function addressWords(words: Int32Array, local: IpAddress, remote: IpAddress): number {
  words[0] = local.d
  words[1] = remote.d
  if (local.family === 4 && remote.family === 4) return 2
  words[2] = local.a
  words[3] = local.b
  words[4] = local.c
  words[5] = remote.a
  words[6] = remote.b
  words[7] = remote.c
  words[8] = remote.scope
  return 9
}
