// Which features the card has and which are on. Owns three sets: changeable (what the port offers), wanted (what was asked
// for) and effective (what the card does now = wanted AND possible AND allowed by the dependencies). Does nothing with
// them: the transmit ladder and the receive side read the flags. The rules are those of Linux's netdev_fix_features.

import {
  ALL_TSO,
  CHECKSUM_IP_GENERIC,
  CHECKSUM_IPV4,
  CHECKSUM_IPV6,
  FEATURES,
  type FeatureGroup,
  featureBits,
  GRO,
  GRO_HW,
  GROUPS,
  GSO,
  RX_CHECKSUM,
  SCATTER_GATHER,
  SCATTER_GATHER_FRAGLIST,
  TSO,
  TSO_ECN,
  TSO_MANGLEID,
  TSO6,
  USO,
} from './feature-names.ts'
import type { PortCapabilities } from './port.ts'

/** One feature as `ethtool -k` prints it. */
export interface FeatureState {
  readonly name: string
  readonly on: boolean
  /** `[fixed]`: cannot be changed on this card. */
  readonly fixed: boolean
  /** What was asked for. `on` false and `wanted` true is `off [requested on]`. */
  readonly wanted: boolean
}

/** A group of features with its members; the group itself is on while any member is, as in `ethtool -k`. */
export interface FeatureGroupState extends FeatureState {
  readonly short: string
  readonly members: readonly FeatureState[]
}

/** One line of "Actual changes:". */
export interface FeatureDelta {
  readonly name: string
  readonly on: boolean
  /** Whether the feature is now different from before. False: it was asked for and stays as it was. */
  readonly changed: boolean
  /** What was asked for; null: nobody asked (`[not requested]`: a dependency did it). */
  readonly requested: boolean | null
}

/** The result of a change. */
export interface FeatureChange {
  /** False when nothing of what was asked for could be done (ethtool: "Could not change any device features"). */
  readonly ok: boolean
  /** Names nobody knows; if there are any, nothing was done. */
  readonly unknown: readonly string[]
  /** Everything that changed, and everything that was asked for in vain, in the kernel's order. */
  readonly deltas: readonly FeatureDelta[]
  /** True when the outcome is not just what was asked for: then ethtool prints the deltas. */
  readonly surprising: boolean
}

/**
 * Told of new effective features before they take hold: gives them to the hardware and returns those that it took
 * (`next`, or `next` with some bits as in `previous`).
 */
export type FeatureApply = (next: number, previous: number) => number
export type FeatureListener = (change: FeatureChange) => void

/**
 * Switches off what lacks its dependency; never switches anything on. The numbers are those of the rules as Linux
 * resolves them: 1 mixed checksums, 2 TSO, 3 software GSO, 4 TSO_ECN, 5 USO, 6 GRO_HW.
 */
export function resolveFeatures(wanted: number): number {
  let on = wanted
  if (on & CHECKSUM_IP_GENERIC) on &= ~(CHECKSUM_IPV4 | CHECKSUM_IPV6) // 1
  if (!(on & SCATTER_GATHER)) on &= ~(ALL_TSO | GSO) // 2, 3
  if (!(on & (CHECKSUM_IP_GENERIC | CHECKSUM_IPV4))) on &= ~(TSO | TSO_ECN) // 2
  if (!(on & (CHECKSUM_IP_GENERIC | CHECKSUM_IPV6))) on &= ~TSO6 // 2
  if (!(on & TSO)) on &= ~TSO_MANGLEID
  if (!(on & (TSO | TSO6))) on &= ~TSO_ECN // 4
  const bothFamilies = CHECKSUM_IPV4 | CHECKSUM_IPV6
  if (!(on & CHECKSUM_IP_GENERIC) && (on & bothFamilies) !== bothFamilies) on &= ~USO // 5
  if (!(on & RX_CHECKSUM)) on &= ~GRO_HW // 6
  return on
}

/** What a port's hardware makes possible, as feature bits; software segmentation and merging are always possible. */
export function possibleFeatures(port: Readonly<PortCapabilities>): number {
  let bits = GSO | GRO
  if (port.txChecksum) bits |= CHECKSUM_IP_GENERIC
  // As register_netdevice has it: who segments may be asked for a fixed IP identification. Neither such frames nor lists of
  // frames ever come from our stack, so that these two bits are switched and change nothing else, as on a TAP of Linux.
  if (port.scatterGather) bits |= SCATTER_GATHER | SCATTER_GATHER_FRAGLIST
  if (port.tso4) bits |= TSO | TSO_MANGLEID
  if (port.tso6) bits |= TSO6
  if (port.tsoEcn) bits |= TSO_ECN
  if (port.uso) bits |= USO
  if (port.rxChecksum) bits |= RX_CHECKSUM
  if (port.rxGroHw) bits |= GRO_HW
  return bits
}

export class FeatureSet {
  /** Feature bits that can be switched at all. */
  readonly changeable: number
  /** Feature bits that were asked for. */
  wanted: number
  /** Feature bits that are on. */
  effective = 0
  /** Feature bits that the hardware turned out not to have, although it offered them. */
  revoked = 0

  // The effective bits that are asked for every frame, each as a field.
  scatterGather = false
  txChecksum = false
  gso = false
  gro = false
  tso4 = false
  tso6 = false
  tsoEcn = false
  uso = false
  rxChecksum = false
  rxGroHw = false

  private readonly apply: FeatureApply
  private readonly listeners: FeatureListener[] = []

  /** Everything that is possible is wanted at first, but a mangled IP identification. `apply` is called once from here. */
  constructor(possible: number, apply: FeatureApply) {
    this.changeable = possible
    this.wanted = possible & ~TSO_MANGLEID
    this.apply = apply
    this.update()
  }

  /** Whether a feature is on, by any of its names; for a group, whether any of it is. RangeError for an unknown name. */
  get(name: string): boolean {
    return (this.effective & known(name)) !== 0
  }

  /** Whether nothing under this name can be changed on this card. RangeError for an unknown name. */
  isFixed(name: string): boolean {
    return (this.changeable & known(name)) === 0
  }

  /** Whether a feature was asked for (it may be off for lack of a dependency). RangeError for an unknown name. */
  isWanted(name: string): boolean {
    return (this.wanted & known(name)) !== 0
  }

  /**
   * Switches features by their names, all in one step: `set({ tso: false, sg: true })`. A missing dependency is no error:
   * the result says what came of it. RangeError for a name that is unknown or wholly `[fixed]`, TypeError for a value
   * that is no boolean; nothing is done then.
   */
  set(changes: Readonly<Record<string, boolean>>): FeatureChange {
    for (const [name, on] of Object.entries(changes)) {
      if (typeof on !== 'boolean') throw new TypeError(`feature '${name}' takes true or false, not ${typeof on}`)
      const bits = known(name)
      if ((bits & this.changeable) === 0 && ((this.effective & bits) !== 0) !== on) {
        throw new RangeError(`feature '${name}' is ${on ? 'off' : 'on'} [fixed] on this card`)
      }
    }
    return this.change(changes)
  }

  /** As `set`, but what cannot be done is only reported, as `ethtool -K` does. Never throws. */
  change(changes: Readonly<Record<string, boolean>>): FeatureChange {
    const names = Object.keys(changes)
    const unknown = names.filter((name) => featureBits(name) === 0)
    if (unknown.length > 0) return { ok: false, unknown, deltas: [], surprising: false }
    let requested = 0
    let values = 0
    for (const name of names) {
      const bits = featureBits(name)
      requested |= bits
      values = changes[name] ? values | bits : values & ~bits
    }
    const previous = this.effective
    const settable = requested & this.changeable
    this.wanted = (this.wanted & ~settable) | (values & settable)
    this.update()
    return this.finish(previous, requested, values)
  }

  /**
   * The hardware refused what it had offered: the features are off from now on, as if they were not possible, and stay
   * `off [requested on]`. Returns whether anything changed.
   */
  revoke(bits: number): boolean {
    this.revoked |= bits & this.changeable
    const previous = this.effective
    this.update()
    if (this.effective === previous) return false
    this.finish(previous, 0, 0)
    return true
  }

  /** Calls `listener` after every change that has any effect. Returns what takes the listener off again. */
  onChange(listener: FeatureListener): () => void {
    this.listeners.push(listener)
    return () => {
      const at = this.listeners.indexOf(listener)
      if (at >= 0) this.listeners.splice(at, 1)
    }
  }

  /** All features, in groups as `ethtool -k` prints them; those without a group stand alone, without members. */
  list(): FeatureGroupState[] {
    let grouped = 0
    for (const group of GROUPS) grouped |= group.bits
    const single = FEATURES.filter(({ bit }) => (bit & grouped) === 0)
    return [
      ...GROUPS.map((group) => this.groupState(group)),
      ...single.map(({ name, bit }) => ({ ...this.state(name, bit), short: name, members: [] })),
    ]
  }

  /** The names of all features and groups with whether they are on: what `console.table` likes. */
  toJSON(): Record<string, boolean> {
    const out: Record<string, boolean> = {}
    for (const group of this.list()) {
      out[group.name] = group.on
      for (const member of group.members) out[member.name] = member.on
    }
    return out
  }

  private groupState(group: FeatureGroup): FeatureGroupState {
    const members = FEATURES.filter(({ bit }) => (bit & group.bits) !== 0)
    const states = members.length > 1 ? members.map(({ name, bit }) => this.state(name, bit)) : []
    return { ...this.state(group.name, group.bits), short: group.short, members: states }
  }

  private state(name: string, bits: number): FeatureState {
    const on = (this.effective & bits) !== 0
    return { name, on, fixed: (this.changeable & bits) === 0, wanted: (this.wanted & bits) !== 0 }
  }

  private update(): void {
    const next = resolveFeatures(this.wanted & this.changeable & ~this.revoked)
    const on = resolveFeatures(this.apply(next, this.effective))
    this.effective = on
    this.scatterGather = (on & SCATTER_GATHER) !== 0
    this.txChecksum = (on & CHECKSUM_IP_GENERIC) !== 0
    this.gso = (on & GSO) !== 0
    this.gro = (on & GRO) !== 0
    this.tso4 = (on & TSO) !== 0
    this.tso6 = (on & TSO6) !== 0
    this.tsoEcn = (on & TSO_ECN) !== 0
    this.uso = (on & USO) !== 0
    this.rxChecksum = (on & RX_CHECKSUM) !== 0
    this.rxGroHw = (on & GRO_HW) !== 0
  }

  /** Builds the result and tells the listeners. */
  private finish(previous: number, requested: number, values: number): FeatureChange {
    const now = this.effective
    const unmet = (values ^ now) & requested
    const changed = now ^ previous
    const deltas: FeatureDelta[] = []
    for (const { name, bit } of FEATURES) {
      if (!((unmet | changed) & bit)) continue
      const asked = requested & bit ? (values & bit) !== 0 : null
      deltas.push({ name, on: (now & bit) !== 0, changed: (changed & bit) !== 0, requested: asked })
    }
    const ok = requested === 0 || (requested & ~unmet) !== 0
    const change = { ok, unknown: [], deltas, surprising: unmet !== 0 || (changed & ~requested) !== 0 }
    if (changed !== 0) for (const listener of [...this.listeners]) listener(change)
    return change
  }
}

function known(name: string): number {
  const bits = featureBits(name)
  if (bits === 0) throw new RangeError(`unknown feature '${name}'`)
  return bits
}
