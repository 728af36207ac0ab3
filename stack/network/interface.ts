// An interface: a device with its addresses, as `ip addr` shows it. Owns the addresses; neighbours belong to link/.

import type { Cidr, IpAddress } from '../base/ip-address.ts'
import type { Device } from '../device.ts'

export class Interface {
  readonly name: string
  /** 1 and up, in the order in which interfaces were added: 1 is the loopback interface. */
  readonly index: number
  readonly device: Device
  /** Changed by the network only. */
  readonly addresses: Cidr[] = []

  constructor(name: string, index: number, device: Device) {
    this.name = name
    this.index = index
    this.device = device
  }

  has(address: IpAddress): boolean {
    for (let i = 0; i < this.addresses.length; i++) if (this.addresses[i].address.equals(address)) return true
    return false
  }
}
