// `pagewire bench run`, from the options to the exit status: looks whether the machine has what it takes, runs itself once more
// in a network namespace without a name, measures there, and reports. What it makes is gone at its end, also after Ctrl-C.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { addonAvailable } from '../../drivers/index.ts'
import { CommandError, oneLine } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { print } from '../cli/text.ts'
import { Progress } from '../lab/progress.ts'
import { currentStage, keeperSignal, runUnnamed } from '../up/stage.ts'
import { compareText, readReport } from './compare.ts'
import { countSteps, measure } from './measure.ts'
import { settle } from './network.ts'
import type { BenchOptions } from './options.ts'
import { checkCompiler, Programs } from './programs.ts'
import { type Report, reportOf } from './report.ts'
import { Servers } from './servers.ts'
import { tableOf } from './table.ts'

/** As a shell says of a program that Ctrl-C ended. */
const INTERRUPTED = 130
const DEVICE_NODE = '/dev/net/tun'
/** What a stack has when nobody says otherwise. */
const STACK_CONGESTION = 'cubic'

/** The exit status: 1 when a measurement failed. Goals that are not met are no failure. */
export async function runBench(options: BenchOptions): Promise<number> {
  if (currentStage().kind !== 'unnamed') {
    checkNeeds(options)
    return await runUnnamed(['--net'])
  }
  const interrupt = catchInterrupt()
  const signal = AbortSignal.any([interrupt.signal, keeperSignal()])
  try {
    return await inNamespace(options, signal)
  } catch (error) {
    if (signal.aborted) return INTERRUPTED
    throw error
  } finally {
    interrupt.release()
  }
}

async function inNamespace(options: BenchOptions, signal: AbortSignal): Promise<number> {
  const old = options.compare === undefined ? null : readReport(options.compare)
  const congestion = settle()
  const progress = new Progress(process.stderr, countSteps(options), undefined, 'pagewire bench')
  const programs = new Programs(options.fileBytes)
  const servers = new Servers(programs, signal)
  let report: Report
  try {
    const series = await measure(options, servers, signal, progress)
    const kernel = servers.congestion || congestion
    report = reportOf(series, options, { kernel, stack: STACK_CONGESTION }, new Date())
  } finally {
    progress.clear()
    await servers.kill()
    programs.remove()
  }
  say(report, old, options)
  return report.rows.some(({ cells }) => cells.some(({ error }) => error)) ? 1 : 0
}

function say(report: Report, old: Report | null, { json }: BenchOptions): void {
  const text = JSON.stringify(report, null, 2)
  if (typeof json === 'string') writeFileSync(json, `${text}\n`)
  if (json === true) {
    print(text)
    return
  }
  print(tableOf(report))
  if (old) print(`\n${compareText(old, report)}`)
}

/** Throws CommandError for the first thing that is missing. */
function checkNeeds({ json, compare }: BenchOptions): void {
  if (process.platform !== 'linux') throw new CommandError('the benchmarks need Linux: TAPs and network namespaces')
  if (compare !== undefined) readReport(compare)
  if (typeof json === 'string') checkWritable(json)
  if (process.getuid?.() !== 0) {
    throw new CommandError('the benchmarks make TAPs and network namespaces: run it as root')
  }
  const addon = addonAvailable()
  if (addon !== true) {
    throw new CommandError(`the benchmarks need the addon: ${oneLine(addon.message)}; to mend it: npm run build:native`)
  }
  if (!existsSync(DEVICE_NODE)) {
    throw new CommandError(`there is no ${DEVICE_NODE}; to mend it: modprobe tun; mknod ${DEVICE_NODE} c 10 200`)
  }
  checkCompiler()
  if (spawnSync('ip', ['-V'], { stdio: 'ignore' }).error) {
    throw new CommandError("the benchmarks need the program 'ip'; to mend it: apt-get install iproute2")
  }
  const tried = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' })
  if (tried.error) throw new CommandError("the benchmarks need 'unshare'; to mend it: apt-get install util-linux")
  if (tried.status !== 0) throw new CommandError(`no network namespace can be made: ${oneLine(tried.stderr)}`)
}

function checkWritable(path: string): void {
  const folder = dirname(resolve(path))
  const there = existsSync(path)
  if (there && statSync(path).isDirectory()) throw new CommandError(`${path} is a folder`)
  try {
    accessSync(there ? path : folder, constants.W_OK)
  } catch {
    throw new CommandError(`${path} cannot be written`)
  }
}
