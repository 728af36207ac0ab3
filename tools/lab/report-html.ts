// The report as one page that needs nothing else: plots as inline SVG, colours for light and dark, no script. The plots
// themselves are in plots.ts.

import { bars, escapeText, groupedBars, type Series } from './plots.ts'
import type { Report } from './report.ts'
import { mib } from './report-text.ts'
import type { Row } from './rows.ts'

export function reportHtml(report: Report): string {
  const { machine, rows } = report
  const possible = rows.filter(({ reason }) => reason === null)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>pagewire lab zerocopy</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>From the page cache to the wire: what zero copy and each offload are worth</h1>
<p class="facts">${escapeText(facts(report))}</p>
<section>
<h2>What the figures say</h2>
<ul>${report.says.map((line) => `<li>${escapeText(line)}</li>`).join('')}</ul>
</section>
<section>
<h2>Processor time for a GiB</h2>
<p>Seconds of processor for each GiB of payload: the sending process in user space and in the kernel, the receiving process, and
what else of the machine ${report.measure === 'soakers' ? 'the soakers did not get' : 'was used (not measured: no soakers)'}. Shorter is better.</p>
${bars(possible.map(label), timeSeries(possible), { unit: 's/GiB', digits: 2, title: 'Processor seconds for each GiB, by cell' })}
</section>
<section>
<h2>Throughput</h2>
<p>Gbit/s of payload on one connection; the thin line is the range of the rounds. Longer is better.</p>
${bars(possible.map(label), [{ name: 'Gbit/s', values: possible.map((row) => row.gbps ?? 0), colour: 'a' }], {
  unit: 'Gbit/s',
  digits: 1,
  title: 'Throughput, by cell',
  ranges: possible.map((row) => row.gbpsRange ?? [0, 0]),
})}
</section>
<section>
<h2>Bytes touched for each byte sent</h2>
<p>Copied by read(2), out of the mapping, into the send queue, by the card; and summed in software. Zero is the point of it all.</p>
${bars(possible.map(label), touchSeries(possible), { unit: 'bytes', digits: 2, title: 'Bytes copied and summed for each byte of payload, by cell' })}
</section>
<section>
<h2>Beside January 2001</h2>
<p>The sender's processor time as a ratio to read+write without zero copy. 2001: Linux 2.4.1-pre10, a PIII-650 that fills 100BaseT.</p>
${groupedBars(report.beside2001.map(besideLabel), besideSeries(report), 'Ratios to read+write without zero copy, 2001 and here')}
</section>
<section>
<h2>The table</h2>
<div class="wide">${table(rows)}</div>
<p>${escapeText(`Processor seconds and counts for each GiB; copied and summed for each byte of payload. ${machine.processors} processors in all.`)}</p>
</section>
<section>
<h2>How to read it</h2>
<ul>${report.notes.map((line) => `<li>${escapeText(line)}</li>`).join('')}</ul>
<p>Made by <code>pagewire lab zerocopy</code>, ${escapeText(report.pagewire)}.</p>
</section>
</main>
</body>
</html>
`
}

function facts({ machine, date, rounds, congestion, file, seconds, bytes }: Report): string {
  const each = bytes === null ? `${seconds} s each` : `${mib(bytes)} each`
  return [
    `${date.slice(0, 16).replace('T', ' ')} UTC`,
    `Linux ${machine.kernel}`,
    `${machine.processors} processors (${machine.processor})`,
    `Node ${machine.node}`,
    `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of ${each}`,
    `a file of ${mib(file.bytes)}`,
    `congestion control ${congestion.stack} (stack), ${congestion.kernel} (kernel)`,
  ].join(' · ')
}

function label({ method, sg, tx, tso }: Row): string {
  const on = Object.entries({ sg, tx, tso }).flatMap(([name, is]) => (is ? [name] : []))
  return `${method} · ${on.length > 0 ? on.join(' ') : 'all off'}`
}

function timeSeries(rows: readonly Row[]): Series[] {
  const rest = ({ soaked, cpu, receiver }: Row) =>
    soaked === null ? 0 : Math.max(0, soaked - (cpu ?? 0) - (receiver ?? 0))
  return [
    { name: 'sender, user', values: rows.map((row) => row.user ?? 0), colour: 'a' },
    { name: 'sender, kernel', values: rows.map((row) => row.system ?? 0), colour: 'b' },
    { name: 'receiver', values: rows.map((row) => row.receiver ?? 0), colour: 'c' },
    { name: 'the rest of the machine', values: rows.map(rest), colour: 'd' },
  ]
}

function touchSeries(rows: readonly Row[]): Series[] {
  const of = (place: 'read' | 'mapping' | 'queue' | 'card') => rows.map(({ copies }) => copies?.[place] ?? 0)
  return [
    { name: 'read(2)', values: of('read'), colour: 'a' },
    { name: 'out of the mapping', values: of('mapping'), colour: 'b' },
    { name: 'send queue', values: of('queue'), colour: 'c' },
    { name: 'card, linearizing', values: of('card'), colour: 'd' },
    { name: 'summed', values: rows.map((row) => row.summed ?? 0), colour: 'e' },
  ]
}

function besideLabel({ what }: Report['beside2001'][number]): string {
  return what
}

function besideSeries({ beside2001 }: Report) {
  const of = (name: string, colour: Series['colour'], value: (row: Report['beside2001'][number]) => number | null) => ({
    name,
    colour,
    values: beside2001.map(value),
  })
  return [
    of('2001, read+write', 'e', ({ in2001 }) => in2001['read+write']),
    of('2001, sendfile', 'd', ({ in2001 }) => in2001.sendfile),
    of('read+write', 'a', ({ now }) => now['read+write']),
    of('mmap+write', 'c', ({ now }) => now['mmap+write']),
    of('sendfile', 'b', ({ now }) => now['sendfile']),
    of('sendfile with tso', 'f', ({ nowWithTso }) => nowWithTso['sendfile']),
  ]
}

const HEADS = [
  'method',
  'sg',
  'tx',
  'tso',
  'Gbit/s',
  'range',
  's/GiB',
  'user',
  'system',
  'soaked',
  'receiver',
  'ratio',
  'copied',
  'summed',
  'frames',
  'calls',
]

function table(rows: readonly Row[]): string {
  const head = HEADS.map((text) => `<th scope="col">${text}</th>`).join('')
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.map(tableRow).join('')}</tbody></table>`
}

function tableRow(row: Row): string {
  const switches = [row.sg, row.tx, row.tso].map((on) => `<td>${on ? 'on' : 'off'}</td>`).join('')
  const start = `<th scope="row">${escapeText(row.method)}</th>${switches}`
  if (row.reason !== null) {
    return `<tr class="never">${start}<td colspan="${HEADS.length - 4}">– ${escapeText(row.reason)}</td></tr>`
  }
  const fixed = (value: number | null, digits: number) => (value === null ? '–' : value.toFixed(digits))
  const range = row.gbpsRange?.map((value) => value.toFixed(1)).join(' to ') ?? '–'
  const cells = [
    fixed(row.gbps, 1),
    range,
    fixed(row.cpu, 2),
    fixed(row.user, 2),
    fixed(row.system, 2),
    fixed(row.soaked, 2),
    fixed(row.receiver, 2),
    fixed(row.ratio, 2),
    fixed(row.copied, 2),
    fixed(row.summed, 2),
    row.frames?.toLocaleString('en') ?? '–',
    row.systemCalls?.toLocaleString('en') ?? '–',
  ]
  return `<tr>${start}${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`
}

const STYLE = `
:root{--ground:#fcfcfa;--ink:#1c1f24;--dim:#5d646e;--line:#d6d8dc;
--a:#3465a4;--b:#c4622d;--c:#4e8a3c;--d:#9aa1ab;--e:#8a5aa8;--f:#b8901a}
@media (prefers-color-scheme:dark){:root{--ground:#15181c;--ink:#e4e6ea;--dim:#9aa2ad;--line:#363b43;
--a:#6ea3e6;--b:#e8925f;--c:#86c274;--d:#78808b;--e:#bb90d6;--f:#e0bd55}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.15rem;margin:2.5rem 0 .5rem}
p{margin:.5rem 0}.facts{color:var(--dim);font-size:.9rem}
li{margin:.3rem 0}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.8rem;font-variant-numeric:tabular-nums;white-space:nowrap}
th,td{padding:.2rem .5rem;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,.never td:last-child{text-align:left}
thead th{color:var(--dim);font-weight:600}tbody th{font-weight:600}
.never{color:var(--dim)}
svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}
svg text{fill:var(--ink)}svg .dim{fill:var(--dim)}svg .grid{stroke:var(--line)}svg .range{stroke:var(--ink)}
svg .a{fill:var(--a)}svg .b{fill:var(--b)}svg .c{fill:var(--c)}svg .d{fill:var(--d)}svg .e{fill:var(--e)}svg .f{fill:var(--f)}
`
