// The options about rings: -g and -G. Their sizes are the card's, powers of two.

import type { PortRings } from '../../nic/port.ts'
import { EINVAL } from '../../stack/base/errno.ts'
import { query } from './messages.ts'
import { firstOffset, netlinkError, noSuchDevice, notSupported, type Output, said, trouble } from './output.ts'
import { type Kind, parameters } from './parameters.ts'
import type { Call } from './run.ts'

const RING: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['rx', 'number'],
  ['rx-mini', 'number'],
  ['rx-jumbo', 'number'],
  ['tx', 'number'],
  ['rx-buf-len', 'number'],
  ['cqe-size', 'number'],
  ['tx-push', 'switch'],
])

export async function showRings({ device, rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool: unexpected parameter '${rest[0]}'`)
  const answer = await ask(query('rings'))
  if (!answer) return noSuchDevice(1)
  if (!answer.rings) return notSupported(1)
  const { now, most } = answer.rings
  const sizes = ({ transmit, receive }: PortRings) => {
    return [`RX:\t\t${receive}`, 'RX Mini:\tn/a', 'RX Jumbo:\tn/a', `TX:\t\t${transmit}`]
  }
  const more = ['RX Buf Len:\t\tn/a', 'CQE Size:\t\tn/a', 'TX Push:\tn/a', 'TCP data split:\tn/a']
  const head = [`Ring parameters for ${device}:`, 'Pre-set maximums:', ...sizes(most)]
  return said(`${[...head, 'Current hardware settings:', ...sizes(now), ...more].join('\n')}\n`)
}

export async function setRings(call: Call): Promise<Output> {
  const { device, option, rest, ask } = call
  const values = parameters(option, rest, RING)
  if (!(values instanceof Map)) return values
  const answer = await ask(query('rings'))
  if (!answer) return noSuchDevice(81)
  if (!answer.rings) return notSupported(81)
  const { now, most } = answer.rings
  // As ethnl_set_rings: what the card has nothing of, and what is larger than its maximum, is named.
  if (['rx-buf-len', 'cqe-size', 'tx-push'].some((name) => values.has(name))) return notSupported(81)
  for (const [name, limit] of [
    ['rx', most.receive],
    ['rx-mini', 0],
    ['rx-jumbo', 0],
    ['tx', most.transmit],
  ] as const) {
    if (Number(values.get(name) ?? 0) <= limit) continue
    const offset = firstOffset(device) + 8 * [...values.keys()].indexOf(name)
    const fault = `netlink error: requested ring size exceeds maximum (offset ${offset})`
    return trouble(81, fault, 'netlink error: Invalid argument')
  }
  const transmit = Number(values.get('tx') ?? now.transmit)
  const receive = Number(values.get('rx') ?? now.receive)
  if (transmit === now.transmit && receive === now.receive) return said('')
  const { errno = EINVAL } = (await ask({ ...query('resize'), transmit, receive })) ?? {}
  if (errno === 0) return said('')
  return netlinkError(81, errno)
}
