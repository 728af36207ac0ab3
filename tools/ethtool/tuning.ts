// The options about rings and coalescing: -g, -G, -c, -C. Sizes of rings are the card's, powers of two; to coalesce is
// answered as the real program answers for a driver that does not do it.

import type { PortRings } from '../../nic/port.ts'
import { EINVAL, errnoName } from '../../stack/base/errno.ts'
import { query } from './messages.ts'
import { firstOffset, noSuchDevice, notSupported, type Output, said, trouble } from './output.ts'
import type { Call } from './run.ts'

/** The kinds of values: numbers of 32 bits, or `on` and `off`. */
type Kind = 'number' | 'switch'

const RING: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['rx', 'number'],
  ['rx-mini', 'number'],
  ['rx-jumbo', 'number'],
  ['tx', 'number'],
  ['rx-buf-len', 'number'],
  ['cqe-size', 'number'],
  ['tx-push', 'switch'],
])

const COALESCE: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['adaptive-rx', 'switch'],
  ['adaptive-tx', 'switch'],
  ['cqe-mode-rx', 'switch'],
  ['cqe-mode-tx', 'switch'],
  ...`rx-usecs rx-frames rx-usecs-irq rx-frames-irq tx-usecs tx-frames tx-usecs-irq tx-frames-irq stats-block-usecs
pkt-rate-low rx-usecs-low rx-frames-low tx-usecs-low tx-frames-low pkt-rate-high rx-usecs-high rx-frames-high
tx-usecs-high tx-frames-high sample-interval`
    .split(/\s/)
    .map((name): [string, Kind] => [name, 'number']),
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
  return trouble(81, `netlink error: ${ERRORS[errnoName(errno)] ?? errnoName(errno)}`)
}

/** strerror(3) of what a card answers. */
const ERRORS: Readonly<Record<string, string>> = {
  EINVAL: 'Invalid argument',
  EBUSY: 'Device or resource busy',
  ENODEV: 'No such device',
  EOPNOTSUPP: 'Operation not supported',
}

export async function showCoalesce({ rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool: unexpected parameter '${rest[0]}'`)
  return (await ask(query('driver'))) ? notSupported(1) : noSuchDevice(1)
}

export async function setCoalesce({ option, rest, ask }: Call): Promise<Output> {
  const values = parameters(option, rest, COALESCE)
  if (!(values instanceof Map)) return values
  return (await ask(query('driver'))) ? notSupported(1) : noSuchDevice(1)
}

/** Pairs of name and value, or what is wrong with them (nl_parser of the real program). */
function parameters(
  option: string,
  words: readonly string[],
  known: ReadonlyMap<string, Kind>,
): Map<string, number | boolean> | Output {
  const values = new Map<string, number | boolean>()
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at]
    const kind = known.get(name)
    if (!kind) return trouble(1, `ethtool (${option}): unknown parameter '${name}'`)
    if (at + 1 === words.length) return trouble(1, `ethtool (${option}): no value for parameter '${name}'`)
    const value = words[at + 1]
    const fits = kind === 'switch' ? /^(on|off)$/.test(value) : /^\d+$/.test(value) && Number(value) < 2 ** 32
    if (!fits) return trouble(1, `ethtool (${option}): invalid value '${value}' for parameter '${name}'`)
    values.set(name, kind === 'switch' ? value === 'on' : Number(value))
  }
  return values
}
