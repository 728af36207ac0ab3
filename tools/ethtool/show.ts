// The options about features, statistics and the driver: -k, -K, -S, -i.

import { featureBits } from '../../nic/feature-names.ts'
import type { FeatureChange, FeatureDelta } from '../../nic/features.ts'
import { formatChanges, formatFeatures, formatFeaturesJson, kernelNames } from './feature-text.ts'
import { query } from './messages.ts'
import { attributeBytes, firstOffset, noSuchDevice, type Output, said, trouble } from './output.ts'
import type { Call } from './run.ts'

export async function showFeatures({ device, rest, json, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool: unexpected parameter '${rest[0]}'`)
  const answer = await ask(query('features'))
  if (!answer) return noSuchDevice(1)
  const features = answer.features ?? []
  return said(json ? formatFeaturesJson(device, features) : formatFeatures(device, features))
}

export async function switchFeatures({ option, device, rest, ask }: Call): Promise<Output> {
  const changes = new Map<string, boolean>()
  // Where in its netlink message the real program would put the next feature: the kernel names the place it dislikes.
  let offset = firstOffset(device) + 20
  let unknown = 0
  for (let at = 0; at < rest.length; at += 2) {
    const [name, state = ''] = [rest[at], rest[at + 1]]
    if (state !== 'on' && state !== 'off') {
      return trouble(1, `ethtool (${option}): flag '${state}' for parameter '${name}' is not followed by 'on' or 'off'`)
    }
    const bits = kernelNames(name)
    if (bits.length === 0 && unknown === 0) unknown = offset
    for (const bit of bits) {
      // Said twice: on wins, whatever the order.
      changes.set(bit, state === 'on' || changes.get(bit) === true)
      offset += 4 + attributeBytes(bit) + (state === 'on' ? 4 : 0)
    }
  }
  const own = [...changes].filter(([name]) => featureBits(name) !== 0)
  const answer = await ask({ ...query('change'), changes: unknown > 0 ? {} : Object.fromEntries(own) })
  if (!answer) return noSuchDevice(92)
  if (unknown > 0) {
    const where = `netlink error: bit name not found (offset ${unknown})`
    return trouble(92, where, 'netlink error: Operation not supported')
  }
  return reportChange(changes, own.length, answer.change)
}

/** What came of it, with what was asked of features that no card of ours has. */
function reportChange(changes: Map<string, boolean>, own: number, change: FeatureChange | undefined): Output {
  const foreign: FeatureDelta[] = []
  for (const [name, on] of changes) {
    if (on && featureBits(name) === 0) foreign.push({ name, on: false, changed: false, requested: true })
  }
  const deltas = [...(change?.deltas ?? []), ...foreign]
  const kept = changes.size - own - foreign.length
  const done = (own > 0 && change?.ok === true) || kept > 0
  const surprising = change?.surprising === true || foreign.length > 0
  return {
    status: done ? 0 : 1,
    stdout: formatChanges({ ok: done, unknown: [], deltas, surprising }),
    stderr: done ? '' : 'Could not change any device features\n',
  }
}

export async function showStatistics({ option, rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) return trouble(1, `ethtool (${option}): unknown parameter '${rest[0]}'`)
  const answer = await ask(query('statistics'))
  if (!answer) return trouble(96, 'Cannot get stats strings information: No such device')
  const lines = Object.entries(answer.statistics ?? {}).map(([name, value]) => `     ${name}: ${value}\n`)
  return said(`NIC statistics:\n${lines.join('')}`)
}

export async function showDriver({ rest, ask }: Call): Promise<Output> {
  if (rest.length > 0) {
    return trouble(1, 'ethtool: bad command line argument(s)', 'For more information run ethtool -h')
  }
  const answer = await ask(query('driver'))
  if (!answer) return trouble(71, 'Cannot get driver information: No such device')
  const { version = '', bus = '' } = answer.driver ?? {}
  const facts = [
    'driver: pagewire',
    `version: ${version}`,
    'firmware-version: ',
    'expansion-rom-version: ',
    `bus-info: ${bus}`,
    'supports-statistics: yes',
  ]
  const lacks = ['test', 'eeprom-access', 'register-dump', 'priv-flags'].map((what) => `supports-${what}: no`)
  return said(`${[...facts, ...lacks].join('\n')}\n`)
}
