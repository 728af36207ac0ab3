// Byte arithmetic for packets built by hand: big-endian numbers, addresses as text, and the checksum pair by pair, which is
// the oracle of every clever one.

/** The Internet checksum (RFC 1071), pair by pair. */
export function checksum(...parts: Uint8Array[]): number {
  const bytes = concat(...parts)
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) {
    sum += bytes[i] * 256 + (i + 1 < bytes.length ? bytes[i + 1] : 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return 0xffff - sum
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

export const u16 = (value: number) => Uint8Array.of(value >>> 8, value)
export const u32 = (value: number) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
export const read16 = (bytes: Uint8Array, at: number) => bytes[at] * 256 + bytes[at + 1]
export const read32 = (bytes: Uint8Array, at: number) => read16(bytes, at) * 65536 + read16(bytes, at + 2)

export const ipBytes = (text: string) => Uint8Array.from(text.split('.'), Number)
export const ipText = (bytes: Uint8Array, at: number) => bytes.subarray(at, at + 4).join('.')
export const macBytes = (text: string) => Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16))
export const macText = (bytes: Uint8Array, at: number): string =>
  Array.from(bytes.subarray(at, at + 6), (byte) => byte.toString(16).padStart(2, '0')).join(':')
