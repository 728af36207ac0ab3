// The options about coalescing: -c and -C. The card knows rx-frames and tx-frames; to all others it answers as a driver does
// that has none of them.

import { EINVAL } from '../../stack/base/errno.ts'
import { query } from './messages.ts'
import { firstOffset, netlinkError, noSuchDevice, notSupported, type Output, said, trouble } from './output.ts'
import { type Kind, parameters } from './parameters.ts'
import type { Call } from './run.ts'

/** In the order of the kernel's attributes: of several that it dislikes it names the first of these. */
const COALESCE: ReadonlyMap<string, Kind> = new Map(
  `rx-usecs rx-frames rx-usecs-irq rx-frames-irq tx-usecs tx-frames tx-usecs-irq tx-frames-irq stats-block-usecs
adaptive-rx adaptive-tx pkt-rate-low rx-usecs-low rx-frames-low tx-usecs-low tx-frames-low pkt-rate-high rx-usecs-high
rx-frames-high tx-usecs-high tx-frames-high sample-interval cqe-mode-tx cqe-mode-rx`
    .split(/\s/)
    .map((name): [string, Kind] => [name, /^(adaptive|cqe)/.test(name) ? 'switch' : 'number']),
)

/** Lines of names, as the real program prints them. */
const SHOWN = `stats-block-usecs sample-interval pkt-rate-low pkt-rate-high
rx-usecs rx-frames rx-usecs-irq rx-frames-irq
tx-usecs tx-frames tx-usecs-irq tx-frames-irq
rx-usecs-low rx-frame-low tx-usecs-low tx-frame-low
rx-usecs-high rx-frame-high tx-usecs-high tx-frame-high`
  .split('\n')
  .map((line) => line.split(' '))

const OWN = ['rx-frames', 'tx-frames']

export async function showCoalesce({ device, rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool: unexpected parameter '${rest[0]}'`)
  const answer = await ask(query('coalesce'))
  if (!answer) return noSuchDevice(1)
  if (!answer.coalesce) return notSupported(1)
  const { rxFrames, txFrames } = answer.coalesce
  const values: Record<string, number> = { 'rx-frames': rxFrames, 'tx-frames': txFrames }
  const groups = SHOWN.map((names) => names.map((name) => `${name}: ${values[name] ?? 'n/a'}\n`).join(''))
  const head = `Coalesce parameters for ${device}:\nAdaptive RX: n/a  TX: n/a\n`
  return said(`${head}${groups.join('\n')}\nCQE mode RX: n/a  TX: n/a\n\n`)
}

export async function setCoalesce({ device, option, rest, ask }: Call): Promise<Output> {
  const values = parameters(option, rest, COALESCE)
  if (!(values instanceof Map)) return values
  const answer = await ask(query('coalesce'))
  if (!answer) return noSuchDevice(1)
  if (!answer.coalesce) return notSupported(1)
  const foreign = Array.from(COALESCE.keys()).find((name) => values.has(name) && !OWN.includes(name))
  if (foreign !== undefined) {
    const offset = firstOffset(device) + 8 * [...values.keys()].indexOf(foreign)
    const fault = `netlink error: cannot modify an unsupported parameter (offset ${offset})`
    return trouble(1, fault, 'netlink error: Invalid argument')
  }
  if (values.size === 0) return said('')
  const receive = Number(values.get('rx-frames') ?? answer.coalesce.rxFrames)
  const transmit = Number(values.get('tx-frames') ?? answer.coalesce.txFrames)
  const done = await ask({ ...query('moderate'), transmit, receive })
  if (!done) return noSuchDevice(1)
  return done.errno === 0 ? said('') : netlinkError(1, done.errno ?? EINVAL)
}
