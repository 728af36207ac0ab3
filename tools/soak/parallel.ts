// Many things at once, but not all at once; and what times look like in two figures.

/** Calls `work` for 0 to `count` - 1, at most `atOnce` at a time. */
export async function inParallel(count: number, atOnce: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane))
}

/** 0 of no times at all. */
export function quantiles(times: readonly number[]): { median: number; worst: number } {
  if (times.length === 0) return { median: 0, worst: 0 }
  const sorted = Float64Array.from(times).sort()
  return { median: sorted[sorted.length >> 1], worst: sorted[sorted.length - 1] }
}
