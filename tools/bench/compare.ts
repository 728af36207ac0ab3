// A run beside an earlier one: old, new, change, and what lies outside of both ranges. Ranges of one round are points; then
// everything that changed is marked.

import { readFileSync } from 'node:fs'
import { CommandError, messageOf } from '../cli/errors.ts'
import { type Cell, FORMAT, type Report, type Row } from './report.ts'
import { figureText, markdown } from './table.ts'

export interface Change {
  row: Row
  column: Cell['column']
  old: number
  new: number
  /** Share by which it changed: 0.1 is a tenth more. Null when the old one was 0. */
  change: number | null
  /** The ranges of both have nothing in common. */
  outside: boolean
  better: boolean
}

/** Throws CommandError when the file is no report of `--json`. */
export function readReport(path: string): Report {
  let report: Partial<Report> | null
  try {
    report = JSON.parse(readFileSync(path, 'utf8')) as Partial<Report> | null
  } catch (error) {
    throw new CommandError(`--compare: ${path}: ${messageOf(error)}`)
  }
  if (report?.format !== FORMAT || !Array.isArray(report.rows)) {
    throw new CommandError(`--compare: ${path} is not what 'pagewire bench --json' of this version writes`)
  }
  return report as Report
}

/** What both have. */
export function changesOf(old: Report, now: Report): Change[] {
  return now.rows.flatMap((row) => {
    const before = old.rows.find(({ key }) => key === row.key)
    return row.cells.flatMap((cell) => {
      const was = before?.cells.find(({ column }) => column === cell.column)
      return was && usable(was) && usable(cell) ? [changeOf(row, was, cell)] : []
    })
  })
}

function changeOf(row: Row, was: Cell, is: Cell): Change {
  return {
    row,
    column: is.column,
    old: was.median,
    new: is.median,
    change: was.median === 0 ? null : is.median / was.median - 1,
    outside: is.min > was.max || is.max < was.min,
    better: row.better === 'more' ? is.median > was.median : is.median < was.median,
  }
}

// JSON has null where a number was none.
function usable({ median }: Cell): boolean {
  return typeof median === 'number' && Number.isFinite(median)
}

export function compareText(old: Report, now: Report): string {
  const changes = changesOf(old, now)
  const from = `Compared with ${old.version} of ${old.date.slice(0, 16).replace('T', ' ')} UTC (${old.rounds} rounds of ${old.seconds} s):`
  if (changes.length === 0) return `${from} nothing that both have.`
  const lines = changes.map(({ row, column, ...change }) => [
    row.key,
    column,
    row.unit,
    figureText(change.old),
    figureText(change.new),
    change.change === null ? '' : `${change.change >= 0 ? '+' : ''}${(change.change * 100).toFixed(1)} %`,
    change.outside ? (change.better ? 'better' : '**worse**') : '',
  ])
  const head = ['figure', 'of', 'unit', 'old', 'new', 'change', 'outside the ranges']
  const differ = old.machine.model !== now.machine.model || old.machine.processors !== now.machine.processors
  const warning = differ ? ['', 'The machines differ.'] : []
  return [from, ...warning, '', ...markdown(head, lines, [false, false, false, true, true, true, false])].join('\n')
}
