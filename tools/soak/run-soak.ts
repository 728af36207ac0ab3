// `pagewire bench soak` from its options to the exit status: looks whether the machine has what it takes, runs itself once
// more in a network namespace without a name, and there one phase after the other. Nothing has a name that would be left.

import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CommandError } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { print, printJson } from '../cli/text.ts'
import { unshareWords } from '../lab/needs.ts'
import { currentStage, keeperSignal, runUnnamed } from '../up/stage.ts'
import { LiveLine } from './live-line.ts'
import { checkNeeds, processors } from './needs.ts'
import type { SoakOptions } from './options.ts'
import { phases } from './phases/index.ts'
import { secondsOf } from './plan.ts'
import { phaseText, type SoakReport, verdictText } from './report.ts'
import { runPhase } from './run-phase.ts'

/** As a shell says of a program that Ctrl-C ended. */
const INTERRUPTED = 130

/** 0 when all phases passed, 1 when one did not. */
export async function runSoak(options: SoakOptions): Promise<number> {
  if (currentStage().kind !== 'unnamed') {
    checkOutput(options.json)
    checkNeeds(options)
    return await runUnnamed(unshareWords())
  }
  const interrupt = catchInterrupt()
  const signal = AbortSignal.any([interrupt.signal, keeperSignal()])
  try {
    const report = await soak(options, signal)
    if (typeof options.json === 'string') writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
    if (options.json === true) printJson(report)
    else print(verdictText(report))
    return report.passed ? 0 : 1
  } catch (error) {
    if (signal.aborted) return INTERRUPTED
    throw error
  } finally {
    interrupt.release()
  }
}

async function soak(options: SoakOptions, signal: AbortSignal): Promise<SoakReport> {
  const live = new LiveLine(process.stderr)
  const begun = performance.now()
  const report: SoakReport = { seed: options.seed, seconds: 0, processors: processors(), passed: true, phases: [] }
  for (const [name, seconds] of secondsOf(options.phases, options.duration)) {
    live.begin(name, phases[name].about)
    try {
      const result = await runPhase(name, phases[name], options, seconds, signal, (sample) => live.show(sample))
      report.phases.push(result)
      if (result.troubles.length > 0) report.passed = false
      live.clear()
      if (options.json !== true) print(phaseText(result))
    } finally {
      live.clear()
    }
  }
  report.seconds = (performance.now() - begun) / 1000
  return report
}

/** A place that cannot be written to is told now and not after hours. */
function checkOutput(path: SoakOptions['json']): void {
  if (typeof path !== 'string') return
  const folder = dirname(resolve(path))
  if (!existsSync(folder)) throw new CommandError(`${path} cannot be written: no folder ${folder}`)
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new CommandError(`${path} is a folder`)
  try {
    accessSync(existsSync(path) ? path : folder, constants.W_OK)
  } catch {
    throw new CommandError(`${path} cannot be written: no leave`)
  }
}
