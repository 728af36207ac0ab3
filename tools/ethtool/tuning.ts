// The options about rings and coalescing: -g, -G, -c, -C. The ring's size is a fact of the card that is set when its port is
// opened; to change it, or to coalesce, is answered as the real program answers for a driver that does not do it.

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
  const answer = await ask({ query: 'rings', changes: {} })
  if (!answer) return noSuchDevice(1)
  const size = String(answer.rings?.transmit ?? 'n/a')
  const sizes = ['RX:\t\tn/a', 'RX Mini:\tn/a', 'RX Jumbo:\tn/a', `TX:\t\t${size}`]
  const more = ['RX Buf Len:\t\tn/a', 'CQE Size:\t\tn/a', 'TX Push:\tn/a', 'TCP data split:\tn/a']
  const head = [`Ring parameters for ${device}:`, 'Pre-set maximums:', ...sizes]
  return said(`${[...head, 'Current hardware settings:', ...sizes, ...more].join('\n')}\n`)
}

export async function setRings(call: Call): Promise<Output> {
  const { device, option, rest, ask } = call
  const values = parameters(option, rest, RING)
  if (!(values instanceof Map)) return values
  const answer = await ask({ query: 'rings', changes: {} })
  if (!answer) return noSuchDevice(81)
  const most = answer.rings?.transmit ?? 0
  // As ethnl_set_rings: what is larger than the card's maximum is named, in the order of the attributes.
  for (const name of ['rx', 'rx-mini', 'rx-jumbo', 'tx']) {
    if (Number(values.get(name) ?? 0) <= (name === 'tx' ? most : 0)) continue
    const offset = firstOffset(device) + 8 * [...values.keys()].indexOf(name)
    const fault = `netlink error: requested ring size exceeds maximum (offset ${offset})`
    return trouble(81, fault, 'netlink error: Invalid argument')
  }
  const same = [...values].every(([name, value]) => Number(value) === (name === 'tx' ? most : 0))
  return same ? said('') : notSupported(81)
}

export async function showCoalesce({ rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool: unexpected parameter '${rest[0]}'`)
  return (await ask({ query: 'driver', changes: {} })) ? notSupported(1) : noSuchDevice(1)
}

export async function setCoalesce({ option, rest, ask }: Call): Promise<Output> {
  const values = parameters(option, rest, COALESCE)
  if (!(values instanceof Map)) return values
  return (await ask({ query: 'driver', changes: {} })) ? notSupported(1) : noSuchDevice(1)
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
