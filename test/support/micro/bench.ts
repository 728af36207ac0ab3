// The harness of the micro-benchmarks (`*.bench.ts`): what one operation of a hot path takes, in nanoseconds and in bytes
// that the collector will have to take back. Each number is the median of several rounds after warming up; time is processor time. Runs in a
// process of its own with --expose-gc and a young generation so large that no round is collected; run.mjs starts it and prints
// the table. Bytes are a budget that fails the run; nanoseconds stand beside theirs, since they are the machine's.

import { reportAllocations } from './allocations.ts'

/** What an operation may take at most. Less than one byte counts as none: pools and lists grow now and then. */
export interface Budget {
  bytes: number
  nanoseconds: number
}

/** A hot path, ready to run. */
export interface HotPath {
  /** Does the operation so many times. */
  run(operations: number): void
  /** Takes everything down; throws when a page or frame is still out. */
  close?(): void
}

/** One line of the table, as run.mjs reads it. */
export interface Figure {
  name: string
  nanoseconds: number
  bytes: number
  budget: Budget
}

const ROUNDS = 11
const WARM_UP_MS = 250
/** How long a round is, unless it would take more operations than `MOST`: their garbage must fit the young generation. */
const ROUND_MS = 20
const MOST = 40_000
const LEAST = 16

/** Measures and says so on standard output, as one line of JSON. */
export function bench(name: string, budget: Budget, prepare: () => HotPath): void {
  const path = prepare()
  const operations = warmUp(path)
  const empty: HotPath = { run: () => {} }
  const overhead = measure(empty, operations).bytes
  const { nanoseconds, bytes } = measure(path, operations)
  if (process.env.PAGEWIRE_MICRO_WHERE) reportAllocations(name, path, operations)
  path.close?.()
  const figure: Figure = { name, nanoseconds, bytes: Math.max(0, bytes - overhead), budget }
  process.stdout.write(`${JSON.stringify(figure)}\n`)
}

/** Until the optimizer has had its say; how many operations make a round. */
function warmUp(path: HotPath): number {
  const begin = spent()
  let step = LEAST
  let perMillisecond = 1
  for (let from = begin; from - begin < WARM_UP_MS; step = Math.min(step * 2, MOST)) {
    path.run(step)
    const now = spent()
    perMillisecond = step / Math.max(now - from, 0.001)
    from = now
  }
  return Math.max(LEAST, Math.min(MOST, Math.round(perMillisecond * ROUND_MS)))
}

function measure(path: HotPath, operations: number): { nanoseconds: number; bytes: number } {
  const times: number[] = []
  const grown: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    collect()
    const before = held()
    const begin = spent()
    path.run(operations)
    times.push(spent() - begin)
    grown.push(held() - before)
  }
  return { nanoseconds: (median(times) * 1e6) / operations, bytes: median(grown) / operations }
}

/** Milliseconds of processor time of this process: what else runs on the machine does not count. */
function spent(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Bytes of the heap, and of buffers outside of it. */
function held(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function collect(): void {
  if (!globalThis.gc) throw new Error('micro-benchmarks run with node --expose-gc: npm run bench:micro')
  globalThis.gc({ type: 'minor' })
}

function median(numbers: number[]): number {
  return numbers.sort((a, b) => a - b)[numbers.length >> 1]
}
