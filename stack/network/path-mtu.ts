// What is known of path MTUs (RFC 1191, Linux's fib exceptions): one record per destination that is narrower than its
// first link, for ten minutes. Owns the records and their bounds. Who may lower one is decided by the transports, which
// check that the error quotes a packet of theirs. Times in microseconds.

/** Linux's net.ipv4.route.min_pmtu and mtu_expires. */
export const MIN_PATH_MTU = 552
const EXPIRES = 600_000_000
const LIMIT = 1024

/** Shared by the paths to one destination. */
export interface PathMtu {
  mtu: number
  expires: number
  /** The router asked for less than the minimum: packets may be fragmented on their way instead. */
  locked: boolean
}

export class PathMtuCache {
  /** Grows when a record is made or let go: paths look again. */
  generation = 0
  private readonly records = new Map<number, PathMtu>()

  /** The record for a destination, null if there is none. */
  get(destination: number): PathMtu | null {
    return this.records.get(destination) ?? null
  }

  get size(): number {
    return this.records.size
  }

  /**
   * Lowers the path MTU from `current` to `mtu` (0: not told). True if it is lower now, or fragmentation has become
   * necessary. A larger value than the current is ignored: only time raises a path MTU.
   */
  lower(destination: number, mtu: number, current: number, now: number): boolean {
    const locked = mtu < MIN_PATH_MTU
    const value = locked ? Math.min(MIN_PATH_MTU, current) : mtu
    let record = this.records.get(destination)
    if (value > current || (value === current && !locked)) return false
    const already = record?.locked === true && record.expires > now
    if (value === current && already) return false
    if (!record) {
      this.makeRoom()
      record = { mtu: value, expires: 0, locked }
      this.records.set(destination, record)
      this.generation++
    }
    record.mtu = value
    record.locked = locked
    record.expires = now + EXPIRES
    return true
  }

  clear(): void {
    this.records.clear()
    this.generation++
  }

  /** The oldest record goes: at worst its path is found out anew. */
  private makeRoom(): void {
    if (this.records.size < LIMIT) return
    const oldest = this.records.entries().next().value as [number, PathMtu]
    this.records.delete(oldest[0])
    oldest[1].expires = 0
  }
}
