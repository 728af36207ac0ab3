// `pagewire nstat`: the counters of a running stack, in the form and with the switches of nstat(8). Without -a it shows
// what was counted since the last call; the running stack itself remembers that, for all callers together, so that no
// history file is left behind.

import type { Command } from 'commander'
import { print, printJson } from '../cli/text.ts'
import { ask } from '../control/client.ts'
import { type RunningOptions, running, withRunning } from './running.ts'

interface NstatOptions extends RunningOptions {
  ignore?: boolean
  zeros?: boolean
  noupdate?: boolean
  nooutput?: boolean
  reset?: boolean
}

export function registerNstat(program: Command): void {
  withRunning(
    program
      .command('nstat')
      .description('print the counters of a running stack, as nstat(8)')
      .argument('[pattern...]', "only counters of these names; * and ? stand for anything, as in 'Tcp*'")
      .option('-a, --ignore', 'absolute values, not what was counted since the last call')
      .option('-z, --zeros', 'also counters that are zero')
      .option('-s, --noupdate', 'do not count this as a call')
      .option('-n, --nooutput', 'print nothing: only count this as a call')
      .option('-r, --reset', 'forget the last call: the same as -a, and count this as a call'),
  ).action(async (patterns: string[], options: NstatOptions) => {
    const { path } = await running(options)
    const counters = await ask(path, 'nstat', {
      absolute: Boolean(options.ignore || options.reset),
      zeros: Boolean(options.zeros),
      noUpdate: Boolean(options.noupdate),
    })
    if (options.nooutput) return
    const chosen = filterCounters(counters, patterns)
    if (options.json) printJson(chosen)
    else print(formatNstat(chosen))
  })
}

/** The counters whose name fits one of the patterns; all without patterns. */
export function filterCounters(counters: Record<string, number>, patterns: readonly string[]): Record<string, number> {
  if (patterns.length === 0) return counters
  const tests = patterns.map(globTest)
  return Object.fromEntries(Object.entries(counters).filter(([name]) => tests.some((test) => test.test(name))))
}

/** As `nstat` prints: name, value, and the rate that only its daemon knows. */
export function formatNstat(counters: Record<string, number>): string {
  const lines = Object.entries(counters).map(([name, value]) => `${name.padEnd(32)}${String(value).padEnd(16)}   0.0`)
  return ['#pagewire', ...lines].join('\n')
}

function globTest(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 'i')
}
