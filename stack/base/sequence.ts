// Arithmetic on 32-bit sequence numbers (RFC 9293 3.4, RFC 1982). A sequence number is kept as a signed 32-bit
// integer (`| 0`), which the engine holds without allocation; comparisons are by the sign of the difference.

/** a < b in sequence space. */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0
/** a <= b in sequence space. */
export const notAfter = (a: number, b: number): boolean => ((a - b) | 0) <= 0
/** a > b in sequence space. */
export const after = (a: number, b: number): boolean => ((a - b) | 0) > 0
/** a >= b in sequence space. */
export const notBefore = (a: number, b: number): boolean => ((a - b) | 0) >= 0
/** a - b as a signed distance. */
export const distance = (a: number, b: number): number => (a - b) | 0
/** a + n. */
export const advance = (a: number, n: number): number => (a + n) | 0
/** The later of the two. */
export const latest = (a: number, b: number): number => (((a - b) | 0) >= 0 ? a : b)
