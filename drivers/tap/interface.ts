// The kernel's end of a TAP: reading and setting an interface of this network namespace, by ioctl in the addon. Cold
// paths; refuses what would take the machine's own network apart (an address or a network that is on another interface).

import type { Addon, NativeInterfaceAddress } from '../../native/index.ts'
import { type Cidr, parseCidr } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { needAddon } from './addon.ts'
import { checkInterfaceName, interfaceError, TapError } from './tap-error.ts'

const IFF_UP = 0x1
const IFF_RUNNING = 0x40

export interface InterfaceInfo {
  name: string
  /** The kernel's interface index. */
  index: number
  /** Administrative state. */
  up: boolean
  /** Carrier, as far as the interface is up. */
  running: boolean
  /** Bytes. */
  mtu: number
  /** Frames that the kernel queues towards us before it drops. */
  txQueueLength: number
  mac: string
  /** As `192.0.2.1/24`. */
  addresses: string[]
}

export interface InterfaceSettings {
  /** `192.0.2.1/24`, or several. An IPv4 address replaces the one that was there, IPv6 addresses are added. */
  address?: string | string[]
  up?: boolean
  /** Bytes. */
  mtu?: number
  /** Frames. */
  txQueueLength?: number
  /** Of the kernel's end. */
  mac?: string
}

/** What the kernel knows of an interface, or null when there is none of that name. Throws TapError ENOADDON. */
export function interfaceInfo(name: string): InterfaceInfo | null {
  const addon = needAddon()
  const info = addon.interfaceInfo(name)
  if (typeof info === 'number') return null
  return {
    name,
    index: info.index,
    up: (info.flags & IFF_UP) !== 0,
    running: (info.flags & IFF_RUNNING) !== 0,
    mtu: info.mtu,
    txQueueLength: info.txQueueLength,
    mac: info.hardwareAddress,
    addresses: addressesOf(addon)
      .filter((entry) => entry.name === name)
      .map((entry) => `${entry.address}/${entry.prefixLength}`),
  }
}

/** Sets what is given, in an order that works; throws TapError at the first that fails. */
export function configureInterface(name: string, settings: InterfaceSettings): void {
  const addon = needAddon()
  checkInterfaceName(name)
  const { address = [], up, mtu, txQueueLength, mac } = settings
  const addresses = (typeof address === 'string' ? [address] : address).map(checkAddress)
  for (const cidr of addresses) checkFree(addon, name, cidr)
  if (mac !== undefined) {
    if (!MacAddress.parse(mac)) throw badValue(`${mac} is no MAC address`, 'write it as 02:00:5e:10:00:01')
    check(addon.interfaceSetHardwareAddress(name, mac.replaceAll('-', ':')), name, `set the MAC address ${mac}`)
  }
  if (mtu !== undefined) check(addon.interfaceSetMtu(name, mtu), name, `set the MTU ${mtu}`)
  if (txQueueLength !== undefined) {
    check(addon.interfaceSetTxQueueLength(name, txQueueLength), name, `set the queue length ${txQueueLength}`)
  }
  for (const { address, length } of addresses) {
    check(addon.interfaceSetAddress(name, address.toString(), length), name, `set the address ${address}/${length}`)
  }
  if (up !== undefined) {
    check(addon.interfaceSetFlags(name, up ? IFF_UP : 0, up ? 0 : IFF_UP), name, up ? 'go up' : 'go down')
  }
}

function check(errno: number, name: string, what: string): void {
  if (errno < 0) throw interfaceError(name, what, errno)
}

function checkAddress(text: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr && !cidr.address.isUnspecified && !cidr.address.isMulticast) return cidr
  throw badValue(`${text} is no address for an interface`, 'write it as 192.0.2.1/24')
}

function badValue(message: string, hint: string): TapError {
  return new TapError('EINVAL', message, hint)
}

/** The same network on two interfaces would send our traffic out of the wrong one. */
function checkFree(addon: Addon, name: string, wanted: Cidr): void {
  if (wanted.address.isLinkLocal && wanted.address.family === 6) return
  for (const entry of addressesOf(addon)) {
    if (entry.name === name) continue
    const other = parseCidr(`${entry.address}/${entry.prefixLength}`)
    if (!other) continue
    const same = other.address.equals(wanted.address)
    const network = other.length === wanted.length && other.address.matches(wanted.address, wanted.length)
    if (!same && !network) continue
    throw new TapError(
      'EADDRINUSE',
      same
        ? `the address ${wanted.address} is in use on ${entry.name}`
        : `the network of ${wanted.address}/${wanted.length} is in use on ${entry.name} (${entry.address})`,
      'take addresses of another network, or a network namespace of its own: ip netns exec NAME ...',
    )
  }
}

function addressesOf(addon: Addon): NativeInterfaceAddress[] {
  const list = addon.interfaceAddresses()
  return typeof list === 'number' ? [] : list
}
