// What the soak needs of the machine, asked before anything is started: each lack is one line with the way to mend it. A count
// is never lowered in silence: whoever wants fewer connections says so.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { CommandError } from '../cli/errors.ts'
import { checkMachine } from '../lab/needs.ts'
import type { SoakOptions } from './options.ts'

/** Files of a client process beside its connections. */
const SPARE = 1000
/** More client processes than this and they are in each other's way. */
const MOST_CLIENTS = 64
/** What one connection takes of a client process and of the stack, and of the kernel, by measurement; bytes. */
const BYTES_EACH = 24_000

/** The soft limit of this process, which its children inherit. Node raises it to the hard limit when it starts. */
export function openFilesPerProcess(): number {
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
  return soft === 'unlimited' || soft === undefined ? 1_048_576 : Number(soft)
}

/** Throws CommandError for the first thing that is missing. */
export function checkNeeds({ phases, connections }: SoakOptions): void {
  checkMachine('the soak')
  const { error } = spawnSync('ip', ['-V'], { stdio: 'ignore' })
  if (error) throw new CommandError("the soak needs the program 'ip'; to mend it: apt-get install iproute2")
  if (!phases.includes('idle')) return
  const trouble = connectionsTrouble(connections, {
    perProcess: openFilesPerProcess(),
    system: Number(readFileSync('/proc/sys/fs/file-max', 'latin1')),
    memory: availableMemory(),
  })
  if (trouble !== '') throw new CommandError(trouble)
}

export interface Limits {
  /** Open files of one process, and of the system. */
  perProcess: number
  system: number
  /** Bytes. */
  memory: number
}

/** Why so many connections cannot be had, and how they can; an empty string when they can. */
export function connectionsTrouble(connections: number, { perProcess, system, memory }: Limits): string {
  const possible = Math.max(0, perProcess - SPARE) * MOST_CLIENTS
  if (possible < connections) {
    const wanted = Math.ceil(connections / MOST_CLIENTS) + SPARE
    return (
      `${connections} connections need at least ${wanted} open files in each of ${MOST_CLIENTS} client processes, and ` +
      `${perProcess} are allowed; to mend it: ulimit -n ${wanted}, or ask for less with --connections ${possible}`
    )
  }
  if (system < connections * 1.1) {
    return (
      `${connections} connections need as many open files, and the system allows ${system}; to mend it, as root: ` +
      `sysctl -w fs.file-max=${2 * connections}, or ask for less with --connections`
    )
  }
  if (memory < connections * BYTES_EACH) {
    const mib = Math.ceil((connections * BYTES_EACH) / 2 ** 20)
    return `${connections} connections need about ${mib} MiB of memory, both ends together; ask for less with --connections`
  }
  return ''
}

function availableMemory(): number {
  const [, kib] = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'latin1')) ?? []
  return kib === undefined ? Number.POSITIVE_INFINITY : Number(kib) * 1024
}

/** For the report: what it was measured on. */
export function processors(): number {
  return availableParallelism()
}
