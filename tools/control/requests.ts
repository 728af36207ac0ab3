// Reads requests: whatever came over the socket either becomes a request with every field in its range, or a sentence
// that says what is wrong with it.

import { IpAddress } from '../../stack/base/ip-address.ts'
import { ETHTOOL_QUERIES } from '../ethtool/messages.ts'
import { LINK_QUERIES } from '../ip-link/messages.ts'
import { REQUEST_NAMES, type RequestName, type Requests } from './messages.ts'

export type ParsedRequest = { [Name in RequestName]: { name: Name; request: Requests[Name] } }[RequestName]

/** The request in a message, or what is wrong with it. Unknown fields are ignored, absent ones take their default. */
export function parseRequest(message: Record<string, unknown>): ParsedRequest | string {
  const name = message['request']
  const known = REQUEST_NAMES.find((one) => one === name)
  if (!known) return `unknown request: ${JSON.stringify(name)?.slice(0, 80)}`
  const fields = new Fields(message)
  const parsed = { name: known, request: READERS[known](fields) } as ParsedRequest
  return fields.fault || parsed
}

const READERS: { [Name in RequestName]: (fields: Fields) => Requests[Name] } = {
  hello: () => ({}),
  status: () => ({}),
  nstat: (fields) => ({
    absolute: fields.flag('absolute'),
    zeros: fields.flag('zeros'),
    noUpdate: fields.flag('noUpdate'),
  }),
  ss: (fields) => ({ all: fields.flag('all') }),
  ping: (fields) => ({
    address: fields.address('address'),
    count: fields.integer('count', 0, 0, 2 ** 31),
    interval: fields.number('interval', 1, 0.0002, 86_400),
    timeout: fields.number('timeout', 10, 0.001, 86_400),
    size: fields.integer('size', 56, 0, 65_507),
    ttl: fields.integer('ttl', 0, 0, 255),
  }),
  capture: (fields) => ({
    snaplen: fields.integer('snaplen', 262_144, 1, 262_144),
    count: fields.integer('count', 0, 0, 2 ** 40),
  }),
  ethtool: (fields) => ({
    query: fields.one('query', ETHTOOL_QUERIES),
    changes: fields.switches('changes'),
    transmit: fields.integer('transmit', 0, 0, 2 ** 32 - 1),
    receive: fields.integer('receive', 0, 0, 2 ** 32 - 1),
  }),
  link: (fields) => ({
    query: fields.one('query', LINK_QUERIES),
    gsoIpv4MaxSize: fields.integer('gsoIpv4MaxSize', 0, 0, 2 ** 32 - 1),
  }),
}

class Fields {
  /** The first thing that was wrong, or empty. */
  fault = ''
  private readonly message: Record<string, unknown>

  constructor(message: Record<string, unknown>) {
    this.message = message
  }

  flag(name: string): boolean {
    const value = this.message[name] ?? false
    if (typeof value !== 'boolean') this.blame(`${name} must be true or false`)
    return value === true
  }

  /** One of a few words; the first is what an absent one stands for. */
  one<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.message[name] ?? words[0]
    const found = words.find((word) => word === value)
    if (found === undefined) this.blame(`${name} must be one of ${words.join(', ')}`)
    return found ?? words[0]
  }

  /** Names with true or false. */
  switches(name: string): Record<string, boolean> {
    const value = this.message[name] ?? {}
    const fits =
      typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'boolean')
    if (!fits) this.blame(`${name} must be names with true or false`)
    return fits ? (value as Record<string, boolean>) : {}
  }

  number(name: string, absent: number, least: number, most: number): number {
    const value = this.message[name] ?? absent
    if (typeof value !== 'number' || !(value >= least && value <= most)) {
      this.blame(`${name} must be a number from ${least} to ${most}`)
      return absent
    }
    return value
  }

  integer(name: string, absent: number, least: number, most: number): number {
    const value = this.number(name, absent, least, most)
    if (!Number.isInteger(value)) this.blame(`${name} must be a whole number`)
    return value
  }

  address(name: string): string {
    const value = this.message[name]
    if (typeof value !== 'string' || !IpAddress.parse(value)) {
      this.blame(`${name} must be an IP address`)
      return ''
    }
    return value
  }

  private blame(fault: string): void {
    if (this.fault === '') this.fault = fault
  }
}
