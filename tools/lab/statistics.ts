// Medians and ranges of a few repeated measurements.

export interface Spread {
  median: number
  min: number
  max: number
  /** The range without the least and the most of every five: one round in which the machine was halted says nothing. */
  low: number
  high: number
}

/** The middle one, or the mean of the middle two. NaN for none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const out = Math.floor(sorted.length / 5)
  const { length } = sorted
  return {
    median: median(sorted),
    min: sorted[0],
    max: sorted[length - 1],
    low: sorted[out],
    high: sorted[length - 1 - out],
  }
}

/**
 * The median of the ratios of two series, round by round: what slowed a whole round down cancels. Rounds that one of them
 * lacks, or whose base is not above zero, do not count. Null when none is left.
 */
export function pairedRatio(values: readonly number[], base: readonly number[]): Spread | null {
  const ratios: number[] = []
  for (let i = 0; i < Math.min(values.length, base.length); i++) if (base[i] > 0) ratios.push(values[i] / base[i])
  return ratios.length === 0 ? null : spread(ratios)
}

/** The value that a share of the values (0 to 1) does not exceed. NaN for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}

/** Rounded to so many significant digits, for people and JSON. */
export function rounded(value: number, digits = 4): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(value.toPrecision(digits))
}
