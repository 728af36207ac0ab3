// Everything that a run found as one value: the JSON of `--json`, which `--compare` reads again.

import { arch, cpus, release } from 'node:os'
import { VERSION } from '../cli/version.ts'
import { pairedRatio, rounded, type Spread, spread } from '../lab/statistics.ts'
import { COLUMNS, type Column, type Figure, type Goal } from './catalogue.ts'
import type { Series } from './measure.ts'
import type { BenchOptions } from './options.ts'

export const FORMAT = 'pagewire bench 1'
/** More than this share of the machine used by others, and a row is marked. */
export const DISTURBED = 0.1

export interface Cell {
  column: Column
  median: number
  min: number
  max: number
  /** By round; null: it failed. */
  values: (number | null)[]
  /** Rounds in which others used more than a tenth of the machine. */
  disturbed: number
  /** Why it failed, when it did. */
  error: string | null
}

export interface Verdict {
  than: Column | null
  bound: number
  /** The median of the ratios round by round, or of the figure itself. */
  reached: number
  met: boolean
}

export interface Row {
  test: string
  key: string
  title: string
  unit: string
  better: 'more' | 'less'
  cells: Cell[]
  /** Of the stack's figure to each other column's, round by round: the median. */
  ratios: Partial<Record<Column, number>>
  goals: Verdict[]
}

export interface Report {
  format: typeof FORMAT
  version: string
  date: string
  machine: { processors: number; model: string; kernel: string; node: string; arch: string }
  rounds: number
  seconds: number
  connections: number
  fileMib: number
  congestion: { kernel: string; stack: string }
  rows: Row[]
}

export function reportOf(
  series: readonly Series[],
  options: BenchOptions,
  congestion: Report['congestion'],
  date: Date,
): Report {
  const [first] = cpus()
  return {
    format: FORMAT,
    version: VERSION,
    date: date.toISOString(),
    machine: {
      processors: cpus().length,
      model: first?.model.trim() ?? '',
      kernel: release(),
      node: process.version,
      arch: arch(),
    },
    rounds: options.rounds,
    seconds: options.seconds,
    connections: options.connections,
    fileMib: Math.round(options.fileBytes / 2 ** 20),
    congestion,
    rows: rowsOf(series),
  }
}

/** One for each figure, in the order of the series. */
export function rowsOf(series: readonly Series[]): Row[] {
  const tests = [...new Set(series.map(({ test }) => test))]
  return tests.flatMap((test) =>
    test.figures.map((figure): Row => {
      const ofTest = COLUMNS.flatMap((column) => series.find((one) => one.test === test && one.column === column) ?? [])
      const cells = ofTest
        .map((one) => cellOf(one, figure))
        .filter(({ values, error }) => error || values.some(isNumber))
      const { key, title, unit, better, goals = [] } = figure
      return {
        test: test.name,
        key,
        title,
        unit,
        better,
        cells,
        ratios: ratiosOf(cells),
        goals: goals.flatMap((goal) => verdictOf(goal, better, cells) ?? []),
      }
    }),
  )
}

function cellOf({ column, answers, error }: Series, figure: Figure): Cell {
  const values = answers.map((answer) => {
    const value = answer ? figure.value(answer) : Number.NaN
    return Number.isFinite(value) ? rounded(value) : null
  })
  const { median, min, max } = spread(values.filter(isNumber))
  const disturbed = answers.filter((answer) => (answer?.['others'] ?? 0) > DISTURBED).length
  return { column, median: rounded(median), min, max, values, disturbed, error: error || null }
}

function ratiosOf(cells: readonly Cell[]): Row['ratios'] {
  const ratios: Row['ratios'] = {}
  for (const cell of cells) {
    const ratio = cell.column === 'pagewire' ? null : ratioTo(cells, cell.column)
    if (ratio) ratios[cell.column] = rounded(ratio.median, 3)
  }
  return ratios
}

function ratioTo(cells: readonly Cell[], column: Column): Spread | null {
  const ours = cells.find((cell) => cell.column === 'pagewire')
  const theirs = cells.find((cell) => cell.column === column)
  if (!ours || !theirs) return null
  // A round in which one of both failed is none.
  const both = ours.values.map((value, at) => [value, theirs.values[at]] as const)
  const pairs = both.filter((pair): pair is [number, number] => isNumber(pair[0]) && isNumber(pair[1]))
  return pairedRatio(
    pairs.map(([value]) => value),
    pairs.map(([, base]) => base),
  )
}

function verdictOf({ than, bound }: Goal, better: 'more' | 'less', cells: readonly Cell[]): Verdict | null {
  const reached = than
    ? ratioTo(cells, than)?.median
    : cells.find(({ column, values }) => column === 'pagewire' && values.some(isNumber))?.median
  if (reached === undefined || !Number.isFinite(reached)) return null
  return { than, bound, reached: rounded(reached, 3), met: better === 'more' ? reached >= bound : reached <= bound }
}

function isNumber(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}
