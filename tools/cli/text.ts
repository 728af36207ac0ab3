// Words and columns for terminals.

/** Rows as columns of equal width, two spaces between them. `right` says which columns are numbers. */
export function columns(rows: readonly (readonly string[])[], right: readonly boolean[] = []): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (right[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at])))
      .join('  ')
      .trimEnd(),
  )
}

/** A rate or count with three digits and a prefix of thousands: `1.53 Gbit/s`, `12.0 kB`, `0 B`. */
export function scaled(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P']
  let scaledValue = value
  let at = 0
  while (scaledValue >= 999.5 && at < prefixes.length - 1) {
    scaledValue /= 1000
    at++
  }
  const digits = at === 0 || scaledValue >= 99.95 ? 0 : scaledValue >= 9.995 ? 1 : 2
  return `${scaledValue.toFixed(digits)} ${prefixes[at]}${unit}`
}

/** Writes to standard output; a reader that is gone (`| head`) ends the program quietly. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** A value as one line of JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value))
}
