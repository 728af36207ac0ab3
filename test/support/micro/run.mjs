// `npm run bench:micro [-- --strict] [WORD ...]`: compiles the sources with their micro-benchmarks, runs each file in a process of
// its own, and prints one table. Fails when an operation allocates more than its budget; with --strict also when it takes
// longer than its budget. --where says on standard error which functions allocate. With words, only files whose path has one of them.
import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../../..')
/** A folder of its own beside dist/, so that nothing of it gets into the package. */
const OUT = join(ROOT, '.micro')
const ROOMS = ['stack', 'nic', 'drivers', 'test']
/** No round of a benchmark may be collected: its garbage is what is measured. One thread, so that it is warm when it seems so. */
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=128', '--single-threaded']

const args = process.argv.slice(2)
const strict = args.includes('--strict')
const where = args.includes('--where')
const words = args.filter((arg) => !arg.startsWith('--'))

compile()
const figures = []
let failed = false
for (const file of files()) runFile(file)
print()
process.exitCode = failed ? 1 : 0

function compile() {
  rmSync(OUT, { recursive: true, force: true })
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const run = spawnSync(tsc, ['-p', 'tsconfig.micro.json'], { cwd: ROOT, stdio: 'inherit' })
  if (run.status !== 0) process.exit(1)
}

function files() {
  const all = ROOMS.flatMap((room) =>
    readdirSync(join(OUT, room), { recursive: true }).map((name) => join(room, name.toString())),
  )
  const found = all.filter((name) => name.endsWith('.bench.js')).sort()
  return words.length === 0 ? found : found.filter((name) => words.some((word) => name.includes(word)))
}

function runFile(file) {
  const run = spawnSync(process.execPath, [...FLAGS, join(OUT, file)], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PAGEWIRE_MICRO_WHERE: where ? '1' : '' },
  })
  const place = relative('.', file).replace(/\.js$/, '.ts')
  for (const line of run.stdout.split('\n')) if (line !== '') figures.push({ place, ...JSON.parse(line) })
  if (run.status === 0) return
  process.stderr.write(`${place} failed${run.signal ? ` (${run.signal})` : ''}\n`)
  failed = true
}

function print() {
  const rows = [['', 'ns/op', 'budget', 'bytes/op', 'budget', '']]
  let place = ''
  for (const { place: where, name, nanoseconds, bytes, budget } of figures) {
    if (where !== place) rows.push([where])
    place = where
    const greedy = bytes >= budget.bytes + 1
    const slow = nanoseconds > budget.nanoseconds
    if (greedy || (strict && slow)) failed = true
    const verdict = [greedy ? 'ALLOCATES' : '', slow ? 'slow' : ''].filter((word) => word !== '').join(', ')
    rows.push([`  ${name}`, number(nanoseconds), `${budget.nanoseconds}`, number(bytes), `${budget.bytes}`, verdict])
  }
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.filter((row) => row.length > 1).map((row) => row[column].length)),
  )
  for (const row of rows) {
    const cells = row.map((cell, at) =>
      at === 0 || at === 5 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at]),
    )
    process.stdout.write(`${cells.join('  ').trimEnd()}\n`)
  }
}

function number(value) {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1)
}
