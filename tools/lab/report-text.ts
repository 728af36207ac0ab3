// The report for a terminal: the table, the one beside it from 2001, what they say, and what to know about the figures.

import { columns } from '../cli/text.ts'
import type { Report } from './report.ts'
import type { Row } from './rows.ts'

const WIDTH = 110
const DASH = '-'

export function reportText(report: Report): string {
  return [
    head(report),
    '',
    ...table(report.rows),
    '',
    `Sender's processor time as a ratio to read+write without zero copy (${report.measure === 'soakers' ? 'subtractive, less the receiver' : 'getrusage, no soakers'}):`,
    '',
    ...besideTable(report),
    '',
    ...report.says.flatMap((line) => wrap(line)),
    '',
    'Notes',
    ...report.notes.flatMap((note) => wrap(note, '- ')),
  ].join('\n')
}

function head(report: Report): string {
  const { machine, congestion, file, rounds } = report
  const size = report.bytes === null ? `${report.seconds} s each` : `${report.bytes} bytes each`
  return [
    `pagewire lab zerocopy ${report.pagewire}, ${report.date.slice(0, 16).replace('T', ' ')} UTC`,
    `Linux ${machine.kernel}, ${machine.processors} processors (${machine.processor}), Node ${machine.node}`,
    `${rounds === 1 ? 'one round' : `${rounds} rounds, forwards and backwards in turn`}, ${size}; a file of ${mib(file.bytes)}${file.made ? ', random bytes' : ''}; ` +
      (rounds === 1 ? 'one measurement of each' : 'medians, with the range of the rounds'),
    `congestion control: ${congestion.stack} (stack), ${congestion.kernel} (kernel); the bytes of every cell were checked by SHA-256`,
  ].join('\n')
}

export function table(rows: readonly Row[]): string[] {
  const titles = ['', 'sg', 'tx', 'tso', 'Gbit/s', 's/GiB', 'user', 'system', 'soaked', 'receiver', 'copied', 'summed']
  const more = ['frames/GiB', 'calls/GiB']
  const cells = rows.map((row, i) => {
    const method = rows[i - 1]?.method === row.method ? '' : row.method
    const switches = [row.sg, row.tx, row.tso].map((on) => (on ? 'on' : 'off'))
    if (row.reason !== null) return [method, ...switches, DASH]
    return [
      method,
      ...switches,
      withRange(row.gbps, row.gbpsRange, 1),
      fixed(row.cpu, 2),
      fixed(row.user, 2),
      fixed(row.system, 2),
      fixed(row.soaked, 2),
      fixed(row.receiver, 2),
      fixed(row.copied, 2),
      fixed(row.summed, 2),
      whole(row.frames),
      whole(row.systemCalls),
    ]
  })
  const right = [false, false, false, false, ...Array(10).fill(true)]
  const lines = columns([[...titles, ...more], ...cells], right)
  return lines.map((line, i) => {
    const reason = rows[i - 1]?.reason
    return reason ? `${line}  ${reason}` : line
  })
}

export function besideTable({ beside2001 }: Pick<Report, 'beside2001'>): string[] {
  const head = ['', '2001:', '', 'here, tso off:', '', '', 'tso on:', '', '']
  const methods = [
    'sendfile',
    'read+write',
    'sendfile',
    'mmap+write',
    'read+write',
    'sendfile',
    'mmap+write',
    'read+write',
  ]
  const rows = beside2001.map(({ what, sg, tx, in2001, now, nowWithTso }) => [
    `${what} (sg ${sg ? 'on' : 'off'}, tx ${tx ? 'on' : 'off'})`,
    ...[in2001.sendfile, in2001['read+write']].map((value) => fixed(value, 2)),
    ...[now, nowWithTso].flatMap((ratios) =>
      ['sendfile', 'mmap+write', 'read+write'].map((method) => fixed(ratios[method], 2)),
    ),
  ])
  return columns([head, ['', ...methods], ...rows], [false, ...Array(8).fill(true)])
}

function fixed(value: number | null, digits: number): string {
  return value === null ? DASH : value.toFixed(digits)
}

function whole(value: number | null): string {
  return value === null ? DASH : value.toLocaleString('en')
}

function withRange(value: number | null, range: readonly [number, number] | null, digits: number): string {
  if (value === null) return DASH
  return range && range[0] !== range[1]
    ? `${value.toFixed(digits)} (${range[0].toFixed(digits)}-${range[1].toFixed(digits)})`
    : value.toFixed(digits)
}

export function mib(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.round(bytes / 2 ** 20)} MiB`
}

/** Lines of at most WIDTH characters; what follows the first is indented by the width of `lead`. */
export function wrap(text: string, lead = ''): string[] {
  const lines: string[] = []
  let line = lead
  for (const word of text.split(' ')) {
    if (line.length + word.length > WIDTH && line.trim() !== lead.trim()) {
      lines.push(line.trimEnd())
      line = ' '.repeat(lead.length)
    }
    line += `${word} `
  }
  return [...lines, line.trimEnd()]
}
