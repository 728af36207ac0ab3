// What a process and the machine hold, from /proc.

import { readFileSync } from 'node:fs'

/** Bytes that only this process has, in KiB: JavaScript heap, external memory and mappings of its own alike. */
export function privateKib(pid: number): number {
  return parsePrivate(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))
}

/** The sum of the Private_ lines of smaps_rollup, KiB. */
export function parsePrivate(text: string): number {
  let sum = 0
  for (const [, kib] of text.matchAll(/^Private_\w+:\s+(\d+) kB$/gm)) sum += Number(kib)
  return sum
}

/** The kernel's slab, KiB. */
export function slabKib(): number {
  return Number(/^Slab:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? Number.NaN)
}

/** Processor time that a process has used, in ticks of 10 ms. */
export function ticks(pid: number): number {
  return parseTicks(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** utime and stime of /proc/PID/stat; the name, in parentheses, may have spaces and parentheses. */
export function parseTicks(text: string): number {
  const words = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return Number(words[11]) + Number(words[12])
}
