// What the figures say, in sentences that follow from them alone: nothing is called a saving that the spread of the rounds
// would explain as well.

import type { Cell, Switches } from './cells.ts'
import { isBase, type Measured, type Row, senderCost } from './rows.ts'
import { pairedRatio, type Spread } from './statistics.ts'

/** Below this, a saving is called little. */
const LITTLE = 0.1
/** Less than this share of the processors for the soakers alone: something else ran. */
const QUIET = 0.95

const FULL: Switches = { sg: true, tx: true, tso: true }
const NO_TSO: Switches = { sg: true, tx: true, tso: false }
const NO_CHECKSUM: Switches = { sg: true, tx: false, tso: false }

export function verdict(all: readonly Measured[], quiet: readonly number[]): string[] {
  const cost = (method: Cell['method'], switches: Switches) =>
    all.find(({ cell }) => cell.method === method && sameSwitches(cell, switches))?.samples.map(senderCost) ?? []
  const base = all.find(({ cell }) => isBase(cell))?.samples.map(senderCost) ?? []
  const lines = [
    compare(
      cost('sendfile', FULL),
      base,
      (text) => `sendfile with everything on costs the sender ${text} read+write with everything off`,
      '0.53 in 2001, without segmentation offload',
    ),
    compare(
      cost('sendfile', NO_TSO),
      cost('read+write', NO_TSO),
      (text) => `Zero copy alone, frame by frame (sendfile against read+write, both with sg and tx, tso off): ${text}`,
      '0.48 in 2001',
    ),
    compare(cost('sendfile', FULL), cost('read+write', FULL), (text) => `The same with tso on: ${text}`, ''),
    compare(
      cost('sendfile', FULL),
      cost('sendfile', NO_TSO),
      (text) => `Segmentation offload alone (sendfile, tso on against off): ${text}`,
      'not there in 2001',
    ),
    compare(
      cost('sendfile', NO_TSO),
      cost('sendfile', NO_CHECKSUM),
      (text) => `The card's checksum alone (sendfile with sg, tx on against off): ${text}`,
      '0.79 in 2001',
    ),
  ]
  const said = lines.filter((line) => line !== '')
  const conclusion = conclude(
    ratioOf(cost('sendfile', NO_TSO), cost('read+write', NO_TSO)),
    ratioOf(cost('sendfile', FULL), cost('read+write', FULL)),
    ratioOf(cost('sendfile', FULL), cost('sendfile', NO_TSO)),
  )
  if (conclusion) said.push(conclusion)
  const worst = Math.min(1, ...quiet)
  if (worst < QUIET) {
    said.push(
      `The machine was not quiet: before one of the rounds something else used ${Math.round((1 - worst) * 100)} % of its processors. These figures are not worth keeping; run it again when nothing else runs.`,
    )
  }
  return said
}

/** `0.53 times (0.51 to 0.55)` of two series; when the rounds do not agree which is less, that. */
export function ratioText(ratio: Spread): string {
  const text = `${ratio.median.toFixed(2)} times (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`
  return isClear(ratio) ? text : `${text}, no difference that the rounds agree on`
}

function compare(a: number[], b: number[], sentence: (text: string) => string, then: string): string {
  const ratio = ratioOf(a, b)
  if (!ratio) return ''
  return `${sentence(ratioText(ratio))}${then === '' ? '' : `; ${then}`}.`
}

function conclude(single: Spread | null, merged: Spread | null, tso: Spread | null): string {
  if (!single || !merged || !tso) return ''
  const saving = (ratio: Spread) => (isClear(ratio) ? 1 - ratio.median : 0)
  const parts: string[] = []
  if (saving(single) < LITTLE && saving(merged) < LITTLE) {
    parts.push('On this machine zero copy buys little: copying is cheap beside everything else that a byte costs here')
  } else if (saving(single) < LITTLE) {
    parts.push(
      'On this machine zero copy buys little as long as every frame is handled on its own, and shows once segmentation offload has taken that work away',
    )
  } else if (saving(merged) < LITTLE) {
    parts.push('On this machine zero copy buys something frame by frame, and little beside segmentation offload')
  } else {
    parts.push('On this machine zero copy pays, with segmentation offload and without')
  }
  if (saving(single) < -LITTLE) parts.push('frame by frame sendfile even costs more than read+write')
  if (saving(tso) > Math.max(saving(single), saving(merged)))
    parts.push('segmentation offload is worth more than zero copy')
  return `${parts.join('; ')}.`
}

function ratioOf(a: readonly number[], b: readonly number[]): Spread | null {
  return pairedRatio(a, b)
}

/** The rounds say the same of which is less, one in five at either end aside. */
function isClear({ low, high }: Spread): boolean {
  return high < 1 || low > 1
}

function sameSwitches(a: Switches, b: Switches): boolean {
  return a.sg === b.sg && a.tx === b.tx && a.tso === b.tso
}

/** Of the rows, the one of this cell. */
export function rowFor(rows: readonly Row[], method: string, switches: Switches): Row | undefined {
  return rows.find((row) => row.method === method && sameSwitches(row, switches))
}
