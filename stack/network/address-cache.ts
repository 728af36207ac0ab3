// IPv4 addresses as objects without making one for each packet: a small table of those seen lately, each slot for all
// addresses of one hash. A flood of addresses costs objects, never memory that stays.

import { IpAddress } from '../base/ip-address.ts'

const SLOTS = 1024

export class AddressCache {
  private readonly slots: IpAddress[]

  constructor() {
    this.slots = new Array<IpAddress>(SLOTS).fill(IpAddress.v4(0))
  }

  /** The address of a 32-bit word. */
  v4(word: number): IpAddress {
    const slot = (Math.imul(word, 0x9e3779b1) >>> 22) & (SLOTS - 1)
    const known = this.slots[slot]
    if (known.d === word) return known
    const address = IpAddress.v4(word)
    this.slots[slot] = address
    return address
  }
}
