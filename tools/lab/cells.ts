// The cells of the lab's matrix: how the bytes get into the stack, and which of the card's switches are on. Which cells can
// exist is asked of the card's own rules (FeatureSet), never listed here.

import { FeatureSet } from '../../nic/features.ts'

export const METHODS = ['read+write', 'mmap+write', 'sendfile'] as const
export type Method = (typeof METHODS)[number]

/** The card's switches, by the short names of `ethtool -K`. */
export interface Switches {
  sg: boolean
  tx: boolean
  tso: boolean
}

export interface Cell extends Switches {
  method: Method
  /** Empty, or why the card cannot be so. */
  reason: string
}

/** In the order of the table: all that the card can do first. */
const LADDER: readonly Pick<Switches, 'sg' | 'tx'>[] = [
  { sg: true, tx: true },
  { sg: true, tx: false },
  { sg: false, tx: true },
  { sg: false, tx: false },
]

const LONG: Record<keyof Switches, string> = {
  sg: 'scatter-gather',
  tx: 'tx-checksumming',
  tso: 'tcp-segmentation-offload',
}

/** Every cell, for a card whose switchable features are `changeable` (`FeatureSet.changeable`). */
export function allCells(changeable: number): Cell[] {
  return METHODS.flatMap((method) =>
    LADDER.flatMap((pair) =>
      [true, false].map((tso) => ({ method, ...pair, tso, reason: whyNot(changeable, { ...pair, tso }) })),
    ),
  )
}

/** Why a card cannot have its switches so; an empty string when it can. */
export function whyNot(changeable: number, wanted: Switches): string {
  const got = resolve(changeable, wanted)
  const names = Object.keys(wanted) as (keyof Switches)[]
  const unmet = names.filter((name) => got[name] !== wanted[name])
  return unmet.map((name) => reasonFor(changeable, wanted, name)).join('; ')
}

/** What comes of asking a card for these switches. */
function resolve(changeable: number, wanted: Switches): Switches {
  const set = new FeatureSet(changeable, (next) => next)
  set.change({ ...wanted })
  return { sg: set.get('sg'), tx: set.get('tx'), tso: set.get('tso') }
}

function reasonFor(changeable: number, wanted: Switches, name: keyof Switches): string {
  const everything = { sg: true, tx: true, tso: true }
  if (!wanted[name]) return `${LONG[name]} cannot be switched off on this card`
  if (!resolve(changeable, everything)[name]) return `this card has no ${LONG[name]}`
  // What is off here and takes it along when it alone is off.
  const others = (Object.keys(wanted) as (keyof Switches)[]).filter((other) => other !== name && !wanted[other])
  const needs = others.filter((other) => !resolve(changeable, { ...everything, [other]: false })[name])
  return `${LONG[name]} needs ${needs.map((need) => LONG[need]).join(' and ')}`
}

/** `sendfile sg tx tso`, `read+write`. */
export function cellName(cell: Pick<Cell, 'method' | keyof Switches>): string {
  const on = (['sg', 'tx', 'tso'] as const).filter((name) => cell[name])
  return [cell.method, ...on].join(' ')
}

/** The order of round `round` (from 0): every other one backwards, so that what drifts steadily cancels. */
export function inRound<T>(cells: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...cells] : [...cells].reverse()
}
