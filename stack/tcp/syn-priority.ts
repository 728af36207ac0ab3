// Who is answered first when more SYNs come than can be answered (RFC 4987 leaves that open): a host that has lately completed a
// handshake, as Linux prefers peers that are proven (tcp_peer_is_proven), and a SYN that comes again, since made-up ones do not
// and a host that means it repeats its own after a second (RFC 6298 2). Both are only a preference, so that small tables
// of hashes will do, in which the later of two that meet wins. Owns the tables; how many are answered is passive-open's.

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'

/** A SYN of the last seconds takes two bytes: 2 MiB, of which a flood of a million a second leaves a third after one. */
const SYN_BITS = 20
const SYN_SLOTS = 1 << SYN_BITS
/** A quarter of a second, about: microseconds as a power of two. A repetition comes after two such ticks at least, 31 at most. */
const TICK_BITS = 18
const EARLIEST = 2
const HOST_SLOTS = 4096
/** Of an entry: a tag above, and the tick or the credit below. */
const LOW_BITS = 5
const LOW = (1 << LOW_BITS) - 1
/** How many SYNs of a host are preferred after a handshake that it completed: programs open some connections at once. */
const CREDIT = 4
const MOST_CREDIT = 15

export class SynPriority {
  private readonly key: number
  private syns: Uint16Array | null = null
  private hosts: Uint16Array | null = null

  /** Nobody can make hosts meet in the tables who does not know the key. */
  constructor(random: Random) {
    this.key = random.uint32() | 0
  }

  /** The host has shown that it is where it says. */
  prove(remote: IpAddress): void {
    this.hosts ??= new Uint16Array(HOST_SLOTS)
    const hash = this.hashHost(remote)
    const at = hash & (HOST_SLOTS - 1)
    const tag = tagOf(hash)
    const entry = this.hosts[at]
    const credit = entry >>> LOW_BITS === tag ? Math.min(MOST_CREDIT, (entry & LOW) + CREDIT) : CREDIT
    this.hosts[at] = (tag << LOW_BITS) | credit
  }

  /** Whether a SYN goes before others: each of them costs a proven host one of those that it is good for. Remembers it. */
  favours(remote: IpAddress, ports: number, irs: number, now: number): boolean {
    this.syns ??= new Uint16Array(SYN_SLOTS)
    const host = this.hashHost(remote)
    const hash = finish(mix(mix(host, ports), irs))
    const at = hash & (SYN_SLOTS - 1)
    const tag = tagOf(hash)
    const tick = Math.floor(now / (1 << TICK_BITS)) & LOW
    const entry = this.syns[at]
    const known = entry >>> LOW_BITS === tag
    const age = (tick - (entry & LOW)) & LOW
    // Two copies in a row are a duplicate, and no repetition: the first one's time stands.
    if (!known || age >= EARLIEST) this.syns[at] = (tag << LOW_BITS) | tick
    return (known && age >= EARLIEST) || this.spend(host)
  }

  private spend(hash: number): boolean {
    if (this.hosts === null) return false
    const at = hash & (HOST_SLOTS - 1)
    const entry = this.hosts[at]
    if (entry >>> LOW_BITS !== tagOf(hash) || (entry & LOW) === 0) return false
    this.hosts[at] = entry - 1
    return true
  }

  private hashHost(remote: IpAddress): number {
    let hash = mix(this.key, remote.d)
    if (remote.family !== 4) hash = mix(mix(mix(hash, remote.a), remote.b), remote.c)
    return finish(hash)
  }
}

/** Eleven bits, never zero: an empty entry is nobody's. */
function tagOf(hash: number): number {
  return hash >>> (SYN_BITS + 1) || 1
}

function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x85ebca6b)
  return product ^ (product >>> 15)
}

function finish(hash: number): number {
  const product = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35)
  return product ^ (product >>> 16)
}
