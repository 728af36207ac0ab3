// What `createHost` is given: the options, and their checks before anything is opened. A mistake is a TypeError that names
// the option; what only the machine can know (a missing device, a name taken) is not looked at here.

import type { LookupFunction } from 'node:net'
import type { Port } from '../../nic/port.ts'
import type { Environment, Log } from '../../stack/base/environment.ts'
import { type Cidr, IpAddress, parseCidr } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import type { TcpOptions } from '../../stack/tcp/contract.ts'
import type { Reactor } from '../reactor.ts'
import type { OpenTapOptions } from '../tap/index.ts'

/** One card and what hangs on it. */
export interface InterfaceOptions {
  /** A TAP by name, or with the options of `openTap`. Either this or `device`. */
  tap?: string | OpenTapOptions
  /** A port of your own: a simulated wire, a fault injector around one, ... */
  device?: Port
  /** The stack's addresses here, each with the length of its prefix: `192.0.2.2/24`. */
  addresses: readonly string[]
  /**
   * The address of the kernel's end, set when the TAP was made here. Default: the gateway, with the length of the prefix
   * that it lies in; without a gateway the kernel's end gets none.
   */
  kernel?: string
  /** `02:00:5e:10:00:01`. Default: random, locally administered. */
  mac?: string
}

export interface HostOptions extends Partial<InterfaceOptions> {
  /** Several cards, in the place of `tap` or `device`, `addresses`, `kernel` and `mac`. */
  interfaces?: readonly InterfaceOptions[]
  /** The default route, on one of the links. */
  gateway?: string
  /** Clock, chance and words. Default: the machine's. */
  environment?: Environment
  /** Who drives the host. Default: Node's event loop. */
  reactor?: Reactor
  /**
   * Microseconds for which the event loop does not sleep after something came, but looks for more (default 0): answers
   * come sooner, for a core that is never idle meanwhile. At most a second.
   */
  busyPoll?: number
  /** Defaults of TCP endpoints. */
  tcp?: Partial<TcpOptions>
  /**
   * Where `sendFile` has its pages from: `mapped` (the kernel's page cache; the default on a TAP) or `read` (the default, and
   * the only one, elsewhere); and how many bytes of them are kept for the next one.
   */
  files?: { store?: 'mapped' | 'read'; budget?: number }
  /** Where words go when no environment is given. Default: warnings and errors to the console. */
  log?: Log
  /** For names in `connect` and `listen`, as `dns.lookup`. Default: addresses and `localhost` only. */
  lookup?: LookupFunction
}

/** One card, checked. */
export interface CheckedInterface {
  tap: OpenTapOptions | null
  device: Port | null
  addresses: Cidr[]
  /** Null: none is to be set. */
  kernel: Cidr | null
  mac: MacAddress | null
}

export interface CheckedOptions {
  interfaces: CheckedInterface[]
  gateway: IpAddress | null
}

/** Throws TypeError with the name of the option that is wrong. */
export function checkOptions(options: HostOptions): CheckedOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('createHost needs an object of options')
  const given = options.interfaces ?? [options as InterfaceOptions]
  if (!Array.isArray(given) || given.length === 0) throw new TypeError('interfaces must be a list of at least one')
  if (options.interfaces && (options.tap || options.device || options.addresses)) {
    throw new TypeError('give either interfaces, or tap or device with addresses, not both')
  }
  checkFiles(options.files)
  checkBusyPoll(options.busyPoll)
  const prefixes = given.map((each) => checkAddresses(each.addresses))
  const gateway = checkGateway(options.gateway, prefixes.flat())
  const interfaces = given.map((each, i) => checkInterface(each, prefixes[i], gateway))
  const names = interfaces.flatMap(({ tap, device }) => tap?.name ?? device?.name ?? [])
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) throw new TypeError(`two interfaces have the name ${twice}`)
  return { interfaces, gateway }
}

function checkBusyPoll(busyPoll: unknown): void {
  if (busyPoll === undefined) return
  if (!Number.isInteger(busyPoll) || (busyPoll as number) < 0 || (busyPoll as number) > 1_000_000) {
    throw new TypeError('busyPoll must be a whole number of microseconds from 0 to 1000000')
  }
}

function checkFiles(files: unknown): void {
  if (files === undefined) return
  if (typeof files !== 'object' || files === null) throw new TypeError('files must be an object of options')
  const { store, budget } = files as { store?: unknown; budget?: unknown }
  if (store !== undefined && store !== 'mapped' && store !== 'read') {
    throw new TypeError(`files.store must be 'mapped' or 'read', not ${String(store)}`)
  }
  if (budget !== undefined && !(Number.isSafeInteger(budget) && (budget as number) > 0)) {
    throw new TypeError('files.budget must be a number of bytes, 1 or more')
  }
}

function checkInterface(given: InterfaceOptions, addresses: Cidr[], gateway: IpAddress | null): CheckedInterface {
  const { tap, device } = given
  if ((tap === undefined) === (device === undefined)) throw new TypeError('give either tap or device')
  if (device !== undefined && (typeof device !== 'object' || device === null || !('post' in device))) {
    throw new TypeError('device is not a port')
  }
  return {
    tap: tap === undefined ? null : checkTap(tap),
    device: device ?? null,
    addresses,
    kernel: checkKernel(given.kernel, addresses, gateway),
    mac: checkMac(given.mac),
  }
}

function checkTap(tap: unknown): OpenTapOptions {
  const options = typeof tap === 'string' ? { name: tap } : tap
  if (typeof options !== 'object' || options === null || typeof (options as OpenTapOptions).name !== 'string') {
    throw new TypeError('tap must be the name of a device, or options with a name')
  }
  return options as OpenTapOptions
}

function checkAddresses(given: readonly string[] | undefined): Cidr[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw new TypeError("addresses must be a list of at least one address with its prefix, as ['192.0.2.2/24']")
  }
  return given.map((text) => {
    const cidr = typeof text === 'string' ? parseCidr(text) : null
    if (!cidr) throw new TypeError(`addresses: not an address with its prefix, as 192.0.2.2/24: ${String(text)}`)
    if (!text.includes('/')) throw new TypeError(`addresses: ${text} lacks the length of its prefix, as ${text}/24`)
    const reason = unusable(cidr)
    if (reason) throw new TypeError(`addresses: ${text} is ${reason}`)
    return cidr
  })
}

/** Why a host cannot have this address; null when it can. */
function unusable({ address, length }: Cidr): string | null {
  if (address.isUnspecified) return 'the unspecified address'
  if (address.isLoopback) return 'a loopback address'
  if (address.isMulticast) return 'a multicast address'
  if (address.family === 6 || length >= 31) return null
  const hostBits = address.d & ((1 << (32 - length)) - 1)
  if (length === 0) return 'without a network: its prefix has length 0'
  if (hostBits === 0) return 'the address of the network itself'
  return hostBits === (1 << (32 - length)) - 1 ? "the network's broadcast address" : null
}

function checkGateway(text: string | undefined, prefixes: readonly Cidr[]): IpAddress | null {
  if (text === undefined) return null
  const gateway = typeof text === 'string' ? IpAddress.parse(text) : null
  if (!gateway) throw new TypeError(`gateway: not an address: ${String(text)}`)
  if (prefixes.some((prefix) => prefix.address.equals(gateway))) {
    throw new TypeError(`gateway: ${text} is one of the host's own addresses`)
  }
  if (!prefixes.some((prefix) => contains(prefix, gateway))) {
    throw new TypeError(`gateway: ${text} is on none of the links (${prefixes.map(formatCidr).join(', ')})`)
  }
  return gateway
}

function checkKernel(text: string | undefined, addresses: readonly Cidr[], gateway: IpAddress | null): Cidr | null {
  if (text === undefined) {
    const prefix = gateway && addresses.find((each) => contains(each, gateway))
    return gateway && prefix ? { address: gateway, length: prefix.length } : null
  }
  const cidr = typeof text === 'string' ? parseCidr(text) : null
  if (!cidr) throw new TypeError(`kernel: not an address: ${String(text)}`)
  if (addresses.some(({ address }) => address.equals(cidr.address))) {
    throw new TypeError(`kernel: ${text} is one of the host's own addresses`)
  }
  if (text.includes('/')) return cidr
  const prefix = addresses.find((each) => contains(each, cidr.address))
  if (!prefix) throw new TypeError(`kernel: ${text} is on none of the links, and has no prefix of its own`)
  return { address: cidr.address, length: prefix.length }
}

function checkMac(text: string | undefined): MacAddress | null {
  if (text === undefined) return null
  const mac = typeof text === 'string' ? MacAddress.parse(text) : null
  if (!mac) throw new TypeError(`mac: not a hardware address, as 02:00:5e:10:00:01: ${String(text)}`)
  if (mac.isGroup) throw new TypeError(`mac: ${text} is a group address`)
  if (mac.high === 0 && mac.low === 0) throw new TypeError('mac: all zero')
  return mac
}

const contains = (prefix: Cidr, address: IpAddress) => address.matches(prefix.address, prefix.length)

/** `192.0.2.2/24`. */
export const formatCidr = ({ address, length }: Cidr) => `${address}/${length}`
