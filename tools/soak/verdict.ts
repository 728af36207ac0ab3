// Whether all is as it was before a phase, and whether memory stays flat: pure functions of samples.

import type { Sample } from './messages.ts'

const MIB = 1024 * 1024
/** Heap and memory outside it after a collection: how much more than before is no leak. Code is compiled, tables have grown. */
export const HEAP_TOLERANCE = 12 * MIB
/** Slabs of pages are kept for the next ones: up to what the pools may hold in a phase, not by so much again. */
export const FLAT_TOLERANCE = 24 * MIB

/** What is still out: an empty string when nothing is. */
export function outstanding(sample: Sample): string {
  const { frames, transmitPages, receivePages, endpoints, sockets } = sample
  const all = { frames, transmitPages, receivePages, endpoints, sockets }
  return Object.entries(all)
    .filter(([, count]) => count !== 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}

/** The troubles of a phase that has ended: what is out, what was wrong, what memory did not come back. */
export function leftBehind(before: Sample, after: Sample): string[] {
  const troubles: string[] = []
  const out = outstanding(after)
  if (out !== '') troubles.push(`did not come back: ${out}`)
  troubles.push(...after.wrong)
  const heap = after.heap - before.heap
  if (heap > HEAP_TOLERANCE) troubles.push(`the heap is ${mib(heap)} larger than before`)
  return troubles
}

/**
 * Memory of samples taken after collections while the same load ran: an empty string, or what grew. The least of the last
 * third against the most of the first one, so that a burst is no growth. Fewer than six samples say nothing.
 */
export function growth(samples: readonly Sample[]): string {
  if (samples.length < 6) return ''
  const third = Math.floor(samples.length / 3)
  // The first look comes before the load is there.
  const early = samples.slice(0, third)
  const late = samples.slice(-third)
  const grown = (['heap', 'external', 'rss'] as const).flatMap((name) => {
    const more = Math.min(...late.map((each) => each[name])) - Math.max(...early.map((each) => each[name]))
    return more > FLAT_TOLERANCE ? [`${name} grew by ${mib(more)}`] : []
  })
  return grown.join(', ')
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`
}
