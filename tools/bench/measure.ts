// The running: every test on every server in every round, one after the other, columns in the other direction every other
// round. A measurement that fails is noted and does not end the run. Owns servers and clients through Servers.

import { setTimeout as wait } from 'node:timers/promises'
import { CommandError, messageOf } from '../cli/errors.ts'
import type { Progress } from '../lab/progress.ts'
import { type Answer, COLUMNS, type Column, TESTS, type Test } from './catalogue.ts'
import { privateKib, slabKib, ticks } from './memory.ts'
import type { BenchOptions } from './options.ts'
import { addSources, type Server, type Servers } from './servers.ts'

/** What one server answered in the rounds of a test. */
export interface Series {
  test: Test
  column: Column
  /** By round; null: it failed. */
  answers: (Answer | null)[]
  /** The first failure. */
  error: string
}

/** Beyond the time that is asked for: warming up, trials, the last answers. */
const GRACE = 30
/** Connections from one address: load.c has the same. */
const PER_SOURCE = 20_000
/** How long idle connections are watched, and how long memory gets to settle, milliseconds. */
const WATCH = 1000
const TICK = 10
/** Garbage is looked for in transfers that are so many times as long. */
const LONGER = 3

export function chosenTests({ tests }: BenchOptions): Test[] {
  return TESTS.filter(({ name }) => !tests || tests.includes(name))
}

export function countSteps(options: BenchOptions): number {
  return chosenTests(options).reduce((sum, { servers }) => sum + Object.keys(servers).length * options.rounds, 0)
}

export async function measure(
  options: BenchOptions,
  servers: Servers,
  signal: AbortSignal,
  progress: Progress,
): Promise<Series[]> {
  const all = chosenTests(options).map((test) =>
    COLUMNS.filter((column) => test.servers[column]).map(
      (column): Series => ({ test, column, answers: [], error: '' }),
    ),
  )
  for (let round = 0; round < options.rounds; round++) {
    for (const columns of all) {
      for (const series of round % 2 === 0 ? columns : columns.toReversed()) {
        progress.step(`round ${round + 1} of ${options.rounds}`, `${series.test.name}, ${series.column}`)
        series.answers.push(await attempt(series, options, servers, signal))
      }
    }
  }
  return all.flat()
}

async function attempt(
  series: Series,
  options: BenchOptions,
  servers: Servers,
  signal: AbortSignal,
): Promise<Answer | null> {
  try {
    return await once(series.test, series.column, options, servers, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof CommandError)) throw error
    series.error ||= messageOf(error)
    return null
  }
}

async function once(
  { way, servers: names }: Test,
  column: Column,
  options: BenchOptions,
  servers: Servers,
  signal: AbortSignal,
): Promise<Answer> {
  const [name, port] = names[column] ?? []
  if (name === undefined || port === undefined) throw new CommandError(`nothing serves ${column}`)
  if (way.kind === 'idle') {
    if (name !== 'pagewire' && name !== 'kernel' && name !== 'node') throw new CommandError(`${name} has no idle ones`)
    return await idle(await servers.fresh(name), port, options.connections, servers, signal)
  }
  const server = await servers.get(name)
  const load = (measure: string, seconds: number, argument: number) =>
    ask(servers, [measure, server.address, String(port), String(seconds), String(argument)], signal, seconds)
  if (way.kind === 'load') {
    return await load(way.measure, options.seconds, way.argument === 'server' ? server.child.pid : way.argument)
  }
  // The first one compiles.
  await load(way.measure, options.seconds, 1)
  const { child } = server
  child.say('start')
  await child.answer(signal, GRACE)
  const moved = await load(way.measure, options.seconds * LONGER, 1)
  child.say('stop')
  return { ...moved, ...(await child.answer(signal, GRACE)) }
}

async function ask(servers: Servers, words: readonly string[], signal: AbortSignal, seconds: number): Promise<Answer> {
  const client = servers.client(words)
  try {
    return await client.answer(signal, seconds * 4 + GRACE)
  } finally {
    await servers.done(client)
  }
}

/** Connections that do nothing: what they cost, and whether they live. */
async function idle(
  server: Server,
  port: number,
  count: number,
  servers: Servers,
  signal: AbortSignal,
): Promise<Answer> {
  const { pid } = server.child
  addSources(server, count, PER_SOURCE)
  const pause = () => wait(WATCH, undefined, { signal })
  await pause()
  const before = { private: privateKib(pid), slab: slabKib() }
  const client = servers.client(['idle', server.address, String(port), String(count), server.firstSource])
  try {
    const { open } = await client.answer(signal, 150)
    await pause()
    const used = { private: privateKib(pid) - before.private, slab: slabKib() - before.slab }
    const [from, started] = [ticks(pid), performance.now()]
    await pause()
    const processor = ((ticks(pid) - from) * TICK * 100) / (performance.now() - started)
    client.say('ask')
    const { alive, asked } = await client.answer(signal, GRACE)
    // The kernel's sockets are no memory of the process.
    const each = server.child.name === 'kernel' ? Number.NaN : used.private / open
    return { private: each, slab: used.slab / open, alive: (alive / asked) * 100, processor, open }
  } finally {
    await servers.done(client)
  }
}
