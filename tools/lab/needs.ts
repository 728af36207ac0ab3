// What the lab needs of the machine, asked before anything is started: each lack is one line with the way to mend it.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { addonAvailable } from '../../drivers/index.ts'
import { CommandError, codeOf, oneLine } from '../cli/errors.ts'
import type { LabOptions } from './options.ts'

const DEVICE_NODE = '/dev/net/tun'

/** Throws CommandError for the first thing that is missing. */
export function checkNeeds(options: LabOptions): void {
  if (process.platform === 'linux') checkOutputs(options)
  checkMachine('the lab')
  if (options.soak) for (const program of ['chrt', 'taskset']) checkProgram(program)
}

/** What everything needs that makes a TAP in a namespace of its own; `who` is for the words. */
export function checkMachine(who: string): void {
  if (process.platform !== 'linux') throw new CommandError(`${who} needs Linux: a TAP and network namespaces`)
  const addon = addonAvailable()
  if (addon !== true) {
    throw new CommandError(`${who} needs the addon: ${oneLine(addon.message)}; to mend it: npm run build:native`)
  }
  if (!existsSync(DEVICE_NODE)) {
    throw new CommandError(
      `there is no ${DEVICE_NODE}; to mend it, as root: modprobe tun; mknod ${DEVICE_NODE} c 10 200`,
    )
  }
  try {
    accessSync(DEVICE_NODE, constants.R_OK | constants.W_OK)
  } catch {
    throw new CommandError(`${DEVICE_NODE} may not be opened; run it as root, or, as root: chmod 666 ${DEVICE_NODE}`)
  }
  checkNamespace(who)
}

/** The arguments of unshare(1) for a network namespace in which this user may make a TAP. */
export function unshareWords(): string[] {
  return process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']
}

function checkNamespace(who: string): void {
  const tried = spawnSync('unshare', [...unshareWords(), 'true'], { encoding: 'utf8' })
  if (tried.error) throw new CommandError(`${who} needs the program 'unshare'; to mend it: apt-get install util-linux`)
  if (tried.status === 0) return
  throw new CommandError(`no network namespace can be made: ${oneLine(tried.stderr)}; run it as root`)
}

function checkProgram(program: string): void {
  const { error } = spawnSync(program, ['--version'], { stdio: 'ignore' })
  if (!error) return
  const leave = 'or leave the soakers out with --no-soak'
  if (codeOf(error) !== 'ENOENT')
    throw new CommandError(`the program '${program}' cannot be run (${codeOf(error)}); mend that, ${leave}`)
  throw new CommandError(`the soakers need the program '${program}'; to mend it: apt-get install util-linux, ${leave}`)
}

/** A place that cannot be written to is told now and not after three minutes. */
function checkOutputs({ file, json, html }: LabOptions): void {
  if (file !== undefined) {
    const stats = statSync(file, { throwIfNoEntry: false })
    if (!stats) throw new CommandError(`there is no file ${file}`)
    if (!stats.isFile() || stats.size === 0) throw new CommandError(`${file} is not a file with bytes in it`)
  }
  for (const path of [json, html]) {
    if (typeof path !== 'string') continue
    const folder = dirname(resolve(path))
    const target = existsSync(path) ? path : folder
    try {
      accessSync(target, constants.W_OK)
    } catch {
      throw new CommandError(
        `${path} cannot be written: ${existsSync(folder) ? `no leave for ${target}` : `no folder ${folder}`}`,
      )
    }
    if (target === path && statSync(path).isDirectory()) throw new CommandError(`${path} is a folder`)
  }
}
