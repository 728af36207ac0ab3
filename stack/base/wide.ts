// Counters of bytes. V8 keeps a field that only ever held whole numbers below 2^31 as such; the first larger one changes
// the shape of its object and throws away all optimized code that knows it, in the middle of the first large transfer.
// A field that was a fraction once is a double for good.

/** What a field that will count beyond 2^31 is declared with, before it is set to 0. */
export const WIDE = 0.5

/** Sets the fields that were declared WIDE to 0. */
export function clearWide(counters: object): void {
  const fields = counters as Record<string, unknown>
  for (const name of Object.keys(fields)) if (fields[name] === WIDE) fields[name] = 0
}
