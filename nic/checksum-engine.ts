// The contract of a checksum engine, owned by the card; the addon's SIMD routine and the TypeScript twin implement it.

import type { Frame } from '../stack/buffer/frame.ts'

export interface ChecksumEngine {
  /** `native` or `typescript`: what a person sees. */
  readonly name: string
  /**
   * The one's complement sum (RFC 1071) of the frame's bytes from `from` (offset from the frame's first byte) to its end,
   * in network order, folded to 16 bits and not complemented. Never throws; a page that cannot be read gives -1.
   */
  sumFrame(frame: Frame, from: number): number
  /**
   * Copies the frame's refs to `bytes` at `at` and returns the sum of what was copied (as if it began at an even offset),
   * or -1 when a page cannot be read. One pass.
   */
  copyAndSumRefs(frame: Frame, bytes: Uint8Array, at: number): number
  /** As above without the sum: 0, or -1 when a page cannot be read. */
  copyRefs(frame: Frame, bytes: Uint8Array, at: number): number
}
