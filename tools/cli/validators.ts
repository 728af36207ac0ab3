// Checks of arguments, for commander: each takes the text and answers the value, or throws with what would be right.

import { InvalidArgumentError } from 'commander'
import { featureBits } from '../../nic/feature-names.ts'
import { type Cidr, IpAddress, parseCidr } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'

/** An address with the length of its network, as `192.0.2.2/24`. */
export function cidr(text: string): Cidr {
  const value = text.includes('/') ? parseCidr(text) : null
  if (!value) throw new InvalidArgumentError('Give an address and the length of its network, as 192.0.2.2/24.')
  const { address, length } = value
  if (address.family !== 4)
    throw new InvalidArgumentError('Give an IPv4 address, as 192.0.2.2/24; IPv6 is not there yet.')
  if (length < 1 || length > 30) throw new InvalidArgumentError('Give a network of /1 to /30, as 192.0.2.2/24.')
  if (!isHostAddress(address) || address.equals(address.masked(length)) || isBroadcast(value)) {
    throw new InvalidArgumentError('Give the address of a host in its network, as 192.0.2.2/24.')
  }
  return value
}

export function ipAddress(text: string): IpAddress {
  const address = IpAddress.parse(text)
  if (address?.family !== 4) throw new InvalidArgumentError('Give an IPv4 address, as 192.0.2.1.')
  return address
}

export function macAddress(text: string): string {
  const address = MacAddress.parse(text)
  if (!address || address.isGroup || (address.high === 0 && address.low === 0)) {
    throw new InvalidArgumentError('Give a unicast Ethernet address, as 02:00:5e:10:00:02.')
  }
  return address.toString()
}

/** The name of a network interface (dev_valid_name of Linux). */
export function interfaceName(text: string): string {
  if (!/^[^\s/:%]{1,15}$/.test(text) || text === '.' || text === '..') {
    throw new InvalidArgumentError('Give a name of 1 to 15 characters without space, slash, colon or percent, as pw0.')
  }
  return text
}

/** The name of a network namespace: a file name in /run/netns. */
export function namespaceName(text: string): string {
  if (!/^[^\s/]{1,255}$/.test(text) || text.startsWith('.') || text.startsWith('-')) {
    throw new InvalidArgumentError('Give a name without space or slash, as pw.')
  }
  return text
}

/** An integer from `least` to `most`. */
export function integer(least: number, most: number, example: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,15}$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give a number from ${least} to ${most}, as ${example}.`)
    }
    return value
  }
}

/** As nice(1) has it: -20 is served first, 19 last. */
export function niceness(text: string): number {
  const value = Number(text)
  if (!/^[-+]?\d{1,2}$/.test(text) || value < -20 || value > 19) {
    throw new InvalidArgumentError('Give a number from -20 to 19, as -10.')
  }
  return value
}

/** A number of seconds, fractions allowed. */
export function seconds(least: number, most: number, example: string): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d{1,9}(\.\d{1,9})?$|^\.\d{1,9}$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`Give seconds from ${least} to ${most}, as ${example}.`)
    }
    return value
  }
}

export const port = integer(1, 65535, 8080)
/** 65521: what a TAP takes at most, so that a frame with its Ethernet header is one that a descriptor can hold. */
export const mtu = integer(576, 65521, 1500)

/** What some port may take; the card knows what its own does. */
export const gsoMaxSize = integer(576, 524_280, 65535)

/** Microseconds without sleep. */
export const busyPoll = integer(0, 1_000_000, 50)

/** Pairs of feature and `on` or `off`, as `ethtool -K` takes them: `tso off sg on`. */
export function features(text: string): Record<string, boolean> {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  const changes: Record<string, boolean> = {}
  for (let i = 0; i < words.length; i += 2) {
    const [name, state] = [words[i], words[i + 1]]
    if (featureBits(name) === 0) throw new InvalidArgumentError(`There is no feature '${name}'; try 'tso off sg on'.`)
    if (state !== 'on' && state !== 'off')
      throw new InvalidArgumentError(`Say on or off after '${name}', as '${name} off'.`)
    changes[name] = state === 'on'
  }
  if (words.length === 0) throw new InvalidArgumentError("Give features with on or off, as 'tso off sg on'.")
  return changes
}

function isHostAddress(address: IpAddress): boolean {
  return !(
    address.isUnspecified ||
    address.isLoopback ||
    address.isMulticast ||
    address.isReserved ||
    address.isLimitedBroadcast
  )
}

function isBroadcast({ address, length }: Cidr): boolean {
  const hostBits = length === 0 ? -1 : (1 << (32 - length)) - 1
  return (address.d & hostBits) === hostBits
}
