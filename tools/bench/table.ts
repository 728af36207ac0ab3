// A report as Markdown: figures with their ranges, ratios, and whether the goals are met.

import { COLUMNS } from './catalogue.ts'
import { type Cell, DISTURBED, type Report, type Row, type Verdict } from './report.ts'

const MARK = '†'

export function tableOf(report: Report): string {
  const columns = COLUMNS.filter((column) =>
    report.rows.some((row) => row.cells.some((cell) => cell.column === column)),
  )
  const others = columns.filter((column) => column !== 'pagewire')
  const head = ['what', 'unit', ...columns, ...others.map((column) => `/ ${column}`), 'goal']
  const lines = report.rows.map((row) => [
    row.title,
    row.unit,
    ...columns.map((column) => cellText(row.cells.find((cell) => cell.column === column))),
    ...others.map((column) => ratioText(row.ratios[column])),
    row.goals.map((goal) => goalText(goal, row)).join('; '),
  ])
  const right = head.map((_, at) => at > 1 && at < head.length - 1)
  return [...headLines(report), '', ...markdown(head, lines, right), ...notes(report)].join('\n')
}

function headLines({ date, version, machine, rounds, seconds, connections, fileMib, congestion }: Report): string[] {
  const { processors, model, kernel, node } = machine
  return [
    `pagewire ${version}, ${date.slice(0, 10)}; ${processors} processors (${model}), Linux ${kernel}, Node ${node}.`,
    `Medians (and ranges) of ${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${seconds} s; ratios round by round; MTU 1500, a file of ${fileMib} MiB, ${connections} idle connections; congestion control: kernel ${congestion.kernel}, pagewire ${congestion.stack}.`,
  ]
}

function notes({ rows }: Report): string[] {
  const lines: string[] = []
  const all = rows.flatMap(({ cells }) => cells)
  if (all.some(({ disturbed }) => disturbed > 0)) {
    lines.push(`${MARK} in at least one round others used more than ${DISTURBED * 100} % of the machine.`)
  }
  const errors = new Set(all.flatMap(({ error }) => (error ? [`failed: ${error}`] : [])))
  lines.push(...errors)
  const goals = rows.flatMap((row) => row.goals)
  if (goals.length > 0) lines.push(`Goals met: ${goals.filter(({ met }) => met).length} of ${goals.length}.`)
  return lines.flatMap((line) => ['', line])
}

function cellText(cell: Cell | undefined): string {
  if (!cell) return ''
  if (!Number.isFinite(cell.median) || cell.median === null) return 'failed'
  const range = cell.values.length > 1 ? ` (${figureText(cell.min)}–${figureText(cell.max)})` : ''
  return `${figureText(cell.median)}${range}${cell.disturbed > 0 ? ` ${MARK}` : ''}`
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '' : ratio.toFixed(2)
}

function goalText({ than, bound, reached, met }: Verdict, { better }: Row): string {
  const sign = better === 'more' ? '>=' : '<='
  const verdict = met ? 'met' : '**not met**'
  return than ? `${sign} ${bound} x ${than}: ${verdict}` : `${sign} ${bound}: ${verdict} (${figureText(reached)})`
}

/** Three or more digits, no exponent. */
export function figureText(value: number): string {
  const size = Math.abs(value)
  if (size >= 100 || Number.isInteger(value)) return value.toFixed(0)
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3)
}

/** Columns of equal width. `right`: which are numbers. */
export function markdown(head: readonly string[], lines: readonly string[][], right: readonly boolean[]): string[] {
  const widths = head.map((text, at) => Math.max(3, text.length, ...lines.map((line) => line[at].length)))
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (right[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join(' | ')} |`
  const rule = widths.map((width, at) => (right[at] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [row(head), row(rule), ...lines.map(row)]
}
