// What `ethtool -k` and `ethtool -K` print: states, "Actual changes:", the JSON of --json. Owns the form; the states are the
// card's. The forms are those of ethtool 6.1 (netlink/features.c, json_writer.c).

import { FEATURES, featureBits } from '../../nic/feature-names.ts'
import type { FeatureChange, FeatureGroupState, FeatureState } from '../../nic/features.ts'
import { OTHER_FEATURES } from './other-features.ts'

/** The text of `ethtool -k`. */
export function formatFeatures(device: string, groups: readonly FeatureGroupState[]): string {
  const lines = [`Features for ${device}:`]
  for (const group of inOrder(groups)) {
    lines.push(`${group.name}: ${group.members.length > 0 ? word(group.on) : stateText(group)}`)
    for (const member of group.members) lines.push(`\t${member.name}: ${stateText(member)}`)
  }
  return `${lines.join('\n')}\n`
}

/** The text of `ethtool --json -k`: a group of several has no one answer to `fixed` and `requested`. */
export function formatFeaturesJson(device: string, groups: readonly FeatureGroupState[]): string {
  const out: Record<string, unknown> = { ifname: device }
  for (const group of inOrder(groups)) {
    const several = group.members.length > 0
    out[group.name] = several ? { active: group.on, fixed: null, requested: null } : stateJson(group)
    for (const member of group.members) out[member.name] = stateJson(member)
  }
  const body = JSON.stringify(out, null, 4).split('\n')
  const inner = body.slice(1, -1).map((line) => `    ${line}`)
  return `[ {\n${inner.join('\n')}\n    } ]\n`
}

/** The lines behind "Actual changes:", or nothing when the outcome is just what was asked for. */
export function formatChanges(change: FeatureChange): string {
  if (!change.surprising) return ''
  const lines = change.deltas.map(({ name, on, requested }) => {
    if (requested === null) return `${name}: ${word(on)} [not requested]`
    return `${name}: ${word(on)}${requested === on ? '' : ` [requested ${word(requested)}]`}`
  })
  return `${['Actual changes:', ...lines].join('\n')}\n`
}

/** The kernel's names for what `-K` is given: a group is all of its members. Empty for a name that nobody knows. */
export function kernelNames(name: string): string[] {
  const bits = featureBits(name)
  if (bits !== 0) return FEATURES.filter(({ bit }) => (bit & bits) !== 0).map((feature) => feature.name)
  return OTHER_FEATURES.filter((one) => [one.name, one.short, one.kernel].includes(name)).map(({ kernel }) => kernel)
}

/** The card's own groups, then Linux's list with the card's own in their places. */
function inOrder(groups: readonly FeatureGroupState[]): FeatureGroupState[] {
  const others = OTHER_FEATURES.map(({ name, short }) => {
    const own = groups.find((group) => group.name === name)
    return own ?? { name, short, on: false, fixed: true, wanted: false, members: [] }
  })
  return [...groups.filter((group) => !OTHER_FEATURES.some(({ name }) => name === group.name)), ...others]
}

function stateText({ on, fixed, wanted }: FeatureState): string {
  if (fixed) return `${word(on)} [fixed]`
  return on === wanted ? word(on) : `${word(on)} [requested ${word(wanted)}]`
}

function stateJson({ on, fixed, wanted }: FeatureState): object {
  return { active: on, fixed, requested: wanted }
}

function word(on: boolean): string {
  return on ? 'on' : 'off'
}
