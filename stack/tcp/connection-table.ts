// Who is it for: connections, half-open ones and TIME-WAIT records by their four-tuple, in chained buckets over a numeric
// hash with a secret, so that nobody outside can choose the bucket. Owns the chains, not the entries.

import type { Random } from '../base/environment.ts'
import type { IpAddress } from '../base/ip-address.ts'

/** What an entry is. */
export const CONNECTION = 0
export const HALF_OPEN = 1
export const TIME_WAIT = 2

export interface TableEntry {
  readonly kind: number
  readonly local: IpAddress
  readonly localPort: number
  readonly remote: IpAddress
  readonly remotePort: number
  /** Kept by the table. */
  hash: number
  nextInBucket: TableEntry | null
}

const FIRST_BUCKETS = 64

export class ConnectionTable {
  size = 0
  private buckets: (TableEntry | null)[] = new Array(FIRST_BUCKETS).fill(null)
  private mask = FIRST_BUCKETS - 1
  private readonly secret: number
  private readonly factor: number

  constructor(random: Random) {
    this.secret = random.uint32() | 0
    this.factor = random.uint32() | 1
  }

  find(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): TableEntry | null {
    const hash = this.hash(local, localPort, remote, remotePort)
    for (let entry = this.buckets[hash & this.mask]; entry !== null; entry = entry.nextInBucket) {
      if (
        entry.hash === hash &&
        entry.localPort === localPort &&
        entry.remotePort === remotePort &&
        entry.remote.equals(remote) &&
        entry.local.equals(local)
      ) {
        return entry
      }
    }
    return null
  }

  /** The caller has made sure that its four-tuple is free. */
  insert(entry: TableEntry): void {
    if (this.size > this.mask) this.grow()
    entry.hash = this.hash(entry.local, entry.localPort, entry.remote, entry.remotePort)
    this.link(entry)
    this.size++
  }

  /** Takes the entry out; false when it was not in. */
  remove(entry: TableEntry): boolean {
    const bucket = entry.hash & this.mask
    let before: TableEntry | null = null
    for (let at = this.buckets[bucket]; at !== null; at = at.nextInBucket) {
      if (at === entry) {
        if (before) before.nextInBucket = entry.nextInBucket
        else this.buckets[bucket] = entry.nextInBucket
        entry.nextInBucket = null
        this.size--
        return true
      }
      before = at
    }
    return false
  }

  /** All entries of a kind, in no order. For cold paths. */
  list(kind: number): TableEntry[] {
    const entries: TableEntry[] = []
    for (const head of this.buckets) {
      for (let entry = head; entry !== null; entry = entry.nextInBucket) if (entry.kind === kind) entries.push(entry)
    }
    return entries
  }

  private hash(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    let h = Math.imul(remote.hash() ^ this.secret, this.factor)
    h = Math.imul(h ^ (h >>> 15) ^ ((remotePort << 16) | localPort), this.factor)
    h = Math.imul(h ^ (h >>> 13) ^ local.hash(), 0x2c1b3c6d)
    return h ^ (h >>> 16)
  }

  private link(entry: TableEntry): void {
    const bucket = entry.hash & this.mask
    entry.nextInBucket = this.buckets[bucket]
    this.buckets[bucket] = entry
  }

  private grow(): void {
    const old = this.buckets
    this.mask = 2 * old.length - 1
    this.buckets = new Array(2 * old.length).fill(null)
    for (const head of old) {
      let entry = head
      while (entry !== null) {
        const next: TableEntry | null = entry.nextInBucket
        this.link(entry)
        entry = next
      }
    }
  }
}
