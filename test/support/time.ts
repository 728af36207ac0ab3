// Times as a person writes them: '40ms', '1.5s', '2h'. All else in the project is integer microseconds.

const UNITS: Record<string, number> = {
  us: 1,
  ms: 1_000,
  s: 1_000_000,
  m: 60_000_000,
  h: 3_600_000_000,
  d: 86_400_000_000,
}

/** Microseconds. A number is taken as it is. */
export function microseconds(time: string | number): number {
  if (typeof time === 'number') return time
  const match = /^(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)$/.exec(time)
  if (!match) throw new TypeError(`not a time: ${time}`)
  return Math.round(Number(match[1]) * UNITS[match[2]])
}

/** Seconds with six digits, as packetdrill and tcpdump print them. */
export function seconds(time: number): string {
  return (time / 1e6).toFixed(6)
}
