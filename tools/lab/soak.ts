// The soakers' shared counters, and what follows from them: the subtractive measure. A soaker writes how far it has counted
// into its slot of a file without a name; whoever wants to know reads all slots at once. The share of a processor that a
// soaker did not get, against its rate on the idle machine, was used by something else.

import { readSync, writeSync } from 'node:fs'
import type { SoakReading } from './messages.ts'
import { median, quantile } from './statistics.ts'

const SLOT_BYTES = 16

/** Microseconds of the monotonic clock, the same in all processes. */
export function monotonic(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

export class SoakSlot {
  private readonly words = new Float64Array(SLOT_BYTES / 8)
  private readonly bytes = new Uint8Array(this.words.buffer)
  private readonly fd: number
  private readonly slot: number

  constructor(fd: number, slot: number) {
    this.fd = fd
    this.slot = slot
  }

  write(count: number): void {
    this.words[0] = monotonic()
    this.words[1] = count
    writeSync(this.fd, this.bytes, 0, SLOT_BYTES, this.slot * SLOT_BYTES)
  }
}

export function readSlots(fd: number, slots: number): SoakReading[] {
  const words = new Float64Array((slots * SLOT_BYTES) / 8)
  readSync(fd, new Uint8Array(words.buffer), 0, slots * SLOT_BYTES, 0)
  return Array.from({ length: slots }, (_, i) => ({ at: words[2 * i], count: words[2 * i + 1] }))
}

/** Counts per microsecond of each soaker between two readings; 0 for one that got nowhere. */
export function rates(before: readonly SoakReading[], after: readonly SoakReading[]): number[] {
  return after.map(({ at, count }, i) => (at > before[i].at ? (count - before[i].count) / (at - before[i].at) : 0))
}

/**
 * What the soakers get of processors that do nothing else: learned from many short looks at the idle machine, before
 * each round. Whatever else wakes up then can only slow them down, so that the best looks tell.
 */
export class Calibration {
  /** For each look of each round, the rates of all soakers. */
  private readonly rounds: number[][][] = []

  add(looks: readonly number[][]): void {
    this.rounds.push([...looks])
  }

  /** Rate of each soaker: that of its looks which one in ten exceeds. */
  get rates(): number[] {
    const looks = this.rounds.flat()
    return (looks[0] ?? []).map((_, i) =>
      quantile(
        looks.map((look) => look[i]),
        0.9,
      ),
    )
  }

  /** Of the processors, the share that the soakers got before each round: 1 on a machine that does nothing else. */
  get quiet(): number[] {
    const full = total(this.rates)
    return this.rounds.map((looks) => Math.min(1, median(looks.map(total)) / full))
  }
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

/**
 * Processor seconds that the soakers did not get in `seconds`, with `idle` their rates when nothing else ran. A soaker that
 * was starved wrote last a while ago: what it had then is what it has.
 */
export function soaked(
  before: readonly SoakReading[],
  after: readonly SoakReading[],
  idle: readonly number[],
  seconds: number,
): number {
  return total(after.map(({ count }, i) => seconds - (count - before[i].count) / idle[i] / 1e6))
}

/** `0-3,8` of /proc/self/status as numbers. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first, last = first] = part.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
}
