// The content of every stream in the tests: a byte that depends on its stream offset alone, so that both ends can check
// any piece without having seen the others. Its period (251 x 65536) is longer than any window of a test.

/** The byte at a stream offset; 0 before the stream begins. */
export function patternByte(offset: number): number {
  if (offset < 0) return 0
  return (offset % 251) ^ (Math.floor(offset / 65536) & 0xff) ^ ((offset >>> 8) & 0x55)
}

/** Bytes [offset, offset + length) of the stream. */
export function pattern(offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = patternByte(offset + i)
  return bytes
}

/** The first stream offset at which the bytes differ from the pattern, -1 if they are right. */
export function patternMismatch(bytes: Uint8Array, offset: number): number {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== patternByte(offset + i)) return offset + i
  return -1
}
