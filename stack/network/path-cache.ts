// Paths for those who send to whoever comes along and keep no connection: ICMP, and UDP without a peer. A small table
// by destination and source; a path that fell out is made anew.

import type { IpAddress } from '../base/ip-address.ts'
import type { Path } from './contract.ts'

const SLOTS = 64

export class PathCache {
  private readonly slots: (Path | null)[] = new Array<Path | null>(SLOTS).fill(null)
  private readonly find: (destination: IpAddress, source: IpAddress | null) => Path | number

  constructor(find: (destination: IpAddress, source: IpAddress | null) => Path | number) {
    this.find = find
  }

  /** A path, or the negative errno of whoever looks for one. Without a source any path to the destination will do. */
  get(destination: IpAddress, source: IpAddress | null): Path | number {
    const slot = (Math.imul(destination.hash() ^ (source?.hash() ?? 0), 0x9e3779b1) >>> 26) & (SLOTS - 1)
    const known = this.slots[slot]
    if (known?.destination.equals(destination) && (source === null || known.source.equals(source))) return known
    const path = this.find(destination, source)
    if (typeof path !== 'number') this.slots[slot] = path
    return path
  }

  /** Whether somebody sent to this destination lately. */
  has(destination: IpAddress): boolean {
    return this.slots.some((path) => path?.destination.equals(destination))
  }

  /** Routes or addresses changed: a better source may be found now. */
  clear(): void {
    this.slots.fill(null)
  }
}
