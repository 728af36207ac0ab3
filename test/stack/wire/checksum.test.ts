import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { adjust, complement, fold, pseudoHeader, pseudoHeaderV4, sum, swapBytes } from '../../../stack/wire/checksum.ts'
import { concat, internetChecksum, pseudoHeader as pseudoBytes } from '../link/packets.ts'

describe('the Internet checksum', () => {
  it("is the plain routine's, from any offset, of any length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(9), (bytes, from) => {
        const at = Math.min(from, bytes.length)
        const view = new DataView(bytes.slice().buffer)
        expect(complement(sum(view, at, bytes.length))).toBe(internetChecksum(bytes.subarray(at)))
      }),
    )
  })

  it('does not overflow over 64 KiB of ones', () => {
    const bytes = new Uint8Array(65535).fill(0xff)
    expect(complement(sum(new DataView(bytes.buffer), 0, bytes.length))).toBe(internetChecksum(bytes))
  })

  it('of RFC 1071 3 is ddf2 before the complement', () => {
    const bytes = Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7)
    expect(fold(sum(new DataView(bytes.buffer), 0, 8))).toBe(0xddf2)
  })

  it('of two pieces is that of the whole, also when the first is odd', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (first, second) => {
        const a = fold(sum(new DataView(first.slice().buffer), 0, first.length))
        const b = fold(sum(new DataView(second.slice().buffer), 0, second.length))
        const both = fold(a + (first.length & 1 ? swapBytes(b) : b))
        expect(~both & 0xffff).toBe(internetChecksum(concat(first, second)))
      }),
    )
  })

  it('changes with one word as if it were summed anew (RFC 1624)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), fc.nat(0xffff), (bytes, after) => {
        const before = (bytes[2] << 8) | bytes[3]
        // All zero is the one case in which the two forms of zero differ; no real packet is all zero.
        fc.pre(bytes.some((byte, i) => byte !== 0 && i !== 2 && i !== 3))
        const adjusted = adjust(internetChecksum(bytes), before, after)
        bytes[2] = after >> 8
        bytes[3] = after & 255
        expect(adjusted).toBe(internetChecksum(bytes))
      }),
    )
  })

  it('of a pseudo-header is the same from words, from addresses, and byte by byte', () => {
    const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
    fc.assert(
      fc.property(word, word, fc.nat(255), fc.nat(65535), (from, to, protocol, length) => {
        const source = IpAddress.v4(from)
        const destination = IpAddress.v4(to)
        const plain = ~internetChecksum(pseudoBytes(source, destination, protocol, length)) & 0xffff
        expect(pseudoHeaderV4(from, to, protocol, length)).toBe(plain)
        expect(pseudoHeader(source, destination, protocol, length)).toBe(plain)
      }),
    )
  })

  it('of an IPv6 pseudo-header covers all words and a long length', () => {
    const source = IpAddress.from('2001:db8::1')
    const destination = IpAddress.from('fe80::ffff:1234')
    const words = [0x2001, 0xdb8, 1, 0xfe80, 0xffff, 0x1234, 17, 0x1, 0x5678]
    expect(pseudoHeader(source, destination, 17, 0x15678)).toBe(fold(words.reduce((a, b) => a + b, 0)))
  })
})
