// What a phase is, and what phases have in common.

import type { Ground } from '../ground.ts'
import type { Sample, StackSetup, Tally } from '../messages.ts'

/** What a phase found out. */
export interface Findings {
  /** What is to be read: name and value. */
  figures: Record<string, number | string>
  /** What was wrong: empty when all is well. */
  troubles: string[]
}

export interface Phase {
  /** One line for a person. */
  readonly about: string
  setup(ground: Ground): Omit<StackSetup, 'seed'>
  /** `before`: the stack that has just been started. */
  run(ground: Ground, before: Sample): Promise<Findings>
  /** Whether TIME-WAIT, timers and the like need longer to end than usual. Seconds. */
  readonly patience?: number
}

/** Of several clients as one. */
export function sum(tallies: readonly Tally[]): Tally {
  const out: Tally = { done: 0, bytes: 0, by: {}, failed: 0, tolerated: 0, troubles: [], median: 0, worst: 0 }
  for (const each of tallies) {
    out.done += each.done
    out.bytes += each.bytes
    out.failed += each.failed
    out.tolerated += each.tolerated
    out.troubles.push(...each.troubles)
    for (const [name, count] of Object.entries(each.by)) out.by[name] = (out.by[name] ?? 0) + count
    out.median = Math.max(out.median, each.median)
    out.worst = Math.max(out.worst, each.worst)
  }
  return out
}

/** The figures and troubles of mixed traffic. */
export function ofTraffic(tally: Tally): Findings {
  const figures: Findings['figures'] = { operations: tally.done, 'MiB exact': Math.round(tally.bytes / 2 ** 20) }
  if (tally.tolerated > 0) figures['refused while down'] = tally.tolerated
  const troubles = tally.failed === 0 ? [] : [`${tally.failed} operations failed: ${tally.troubles.join('; ')}`]
  if (tally.done === 0) troubles.push('no operation was done')
  return { figures, troubles }
}

export function clamp(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(most, Math.floor(value)))
}

/** `work` while a sample is taken every so often. What `work` answers, and the samples. */
export async function sampling<T>(
  ground: Ground,
  milliseconds: number,
  settled: boolean,
  work: Promise<T>,
): Promise<{ value: T; samples: Sample[] }> {
  const samples: Sample[] = []
  let over = false
  const done = work.finally(() => {
    over = true
  })
  done.catch(() => {})
  while (!over) {
    await Promise.race([ground.wait(milliseconds), done])
    if (!over) samples.push(await (settled ? ground.settle() : ground.sample()))
  }
  return { value: await done, samples }
}
