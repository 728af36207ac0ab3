import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IpAddress, parseCidr } from '../../../stack/base/ip-address.ts'

const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
/** Words with long runs of zeros, which the short form is about. */
const sparse = fc.oneof(
  word,
  fc.constant(0),
  fc.nat(0xffff),
  fc.nat(0xffff).map((half) => half << 16),
)
const v4 = word.map((d) => IpAddress.v4(d))
const v6 = fc
  .tuple(sparse, sparse, sparse, sparse, fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 99 })))
  .map(([a, b, c, d, scope]) => new IpAddress(6, a, b, c, d, scope))
const any = fc.oneof(v4, v6)

/** The groups of an address written out in full: the plainest form of IPv6. */
function fullForm(address: IpAddress): string {
  const words = [address.a, address.b, address.c, address.d]
  return words.flatMap((value) => [value >>> 16, value & 0xffff].map((group) => group.toString(16))).join(':')
}

describe('text', () => {
  it('parse(format(x)) = x, and Node takes it for an address of the family', () => {
    fc.assert(
      fc.property(any, (address) => {
        const text = String(address)
        expect(IpAddress.parse(text)?.equals(address)).toBe(true)
        expect(isIP(text.split('%')[0])).toBe(address.family)
        expect(JSON.stringify(address)).toBe(JSON.stringify(text))
      }),
    )
  })

  it('the full form and capitals are read too', () => {
    fc.assert(
      fc.property(v6, (address) => {
        const zone = address.scope ? `%${address.scope}` : ''
        expect(IpAddress.parse(fullForm(address).toUpperCase() + zone)?.equals(address)).toBe(true)
      }),
    )
  })

  it.each([
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['1:0:0:0:0:0:0:0', '1::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['::ffff:c000:201', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['FE80::1%2', 'fe80::1%2'],
  ])('%s is written %s (RFC 5952)', (text, canonical) => {
    expect(String(IpAddress.parse(text))).toBe(canonical)
  })

  it.each([
    '',
    ' ',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.04',
    '0x1.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '1..2.3',
    '１.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '::1%',
    '::1%0',
    '::1%01',
    '::1%eth0',
    '::1%1%2',
    '1:2:3:4:5:6:7:1.2.3.4',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
  ])('%j is none', (text) => {
    expect(IpAddress.parse(text)).toBe(null)
    expect(() => IpAddress.from(text)).toThrow(TypeError)
  })

  it('noise is read as Node reads it', () => {
    const characters = fc.constantFrom(...'0123456789abcdef:.:.:')
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 24 }), (list) => {
        const text = list.join('')
        expect(IpAddress.parse(text)?.family ?? 0).toBe(isIP(text))
      }),
      { numRuns: 5000 },
    )
  })
})

describe('bytes', () => {
  it('read(write(x)) = x, in network order', () => {
    fc.assert(
      fc.property(any, fc.nat(7), (address, at) => {
        const view = new DataView(new ArrayBuffer(32))
        address.write(view, at)
        const back = address.family === 4 ? IpAddress.readV4(view, at) : IpAddress.readV6(view, at, address.scope)
        expect(back.equals(address)).toBe(true)
        expect(address.byteLength * 8).toBe(address.bits)
      }),
    )
    const view = new DataView(new ArrayBuffer(16))
    IpAddress.from('1.2.3.4').write(view, 0)
    expect([...new Uint8Array(view.buffer, 0, 4)]).toEqual([1, 2, 3, 4])
    IpAddress.from('102:304::f10').write(view, 0)
    expect([...new Uint8Array(view.buffer)]).toEqual([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 16])
  })
})

describe('prefixes', () => {
  /** Bit i of an address, the first is 0. */
  const bit = (address: IpAddress, i: number) => {
    const words = address.family === 4 ? [address.d] : [address.a, address.b, address.c, address.d]
    return (words[i >> 5] >>> (31 - (i & 31))) & 1
  }

  it('matches and masked, bit by bit', () => {
    fc.assert(
      fc.property(any, fc.nat(128), fc.nat(127), (address, wanted, flip) => {
        const length = Math.min(wanted, address.bits)
        const network = address.masked(length)
        for (let i = 0; i < address.bits; i++) expect(bit(network, i)).toBe(i < length ? bit(address, i) : 0)
        expect(address.matches(network, length)).toBe(true)
        const at = flip % address.bits
        const words = [address.a, address.b, address.c, address.d]
        words[address.family === 4 ? 3 : at >> 5] ^= 1 << (31 - (at & 31))
        const other = new IpAddress(address.family, words[0], words[1], words[2], words[3], address.scope)
        expect(other.matches(address, length)).toBe(at >= length)
        expect(other.equals(address)).toBe(false)
      }),
    )
  })

  it('families never match', () => {
    expect(IpAddress.from('0.0.0.1').matches(IpAddress.from('::1'), 0)).toBe(false)
    expect(IpAddress.from('0.0.0.1').equals(IpAddress.from('::1'))).toBe(false)
    expect(IpAddress.from('fe80::1%1').equals(IpAddress.from('fe80::1%2'))).toBe(false)
  })

  it('CIDR notation', () => {
    expect(String(parseCidr('192.0.2.2/24')?.address)).toBe('192.0.2.2')
    expect(parseCidr('192.0.2.2/24')?.length).toBe(24)
    expect(parseCidr('192.0.2.2')?.length).toBe(32)
    expect(parseCidr('2001:db8::1')?.length).toBe(128)
    expect(parseCidr('::/0')?.length).toBe(0)
    for (const text of [
      '192.0.2.2/33',
      '192.0.2.2/-1',
      '192.0.2.2/024',
      '192.0.2.2/',
      '192.0.2.2/a',
      '/24',
      '::/129',
      '1.2.3/8',
    ]) {
      expect(parseCidr(text)).toBe(null)
    }
  })
})

describe('kinds', () => {
  it.each([
    ['0.0.0.0', 'isUnspecified'],
    ['::', 'isUnspecified'],
    ['127.0.0.1', 'isLoopback'],
    ['127.255.255.254', 'isLoopback'],
    ['::1', 'isLoopback'],
    ['224.0.0.1', 'isMulticast'],
    ['239.255.255.255', 'isMulticast'],
    ['ff02::1', 'isMulticast'],
    ['255.255.255.255', 'isLimitedBroadcast'],
    ['169.254.1.1', 'isLinkLocal'],
    ['fe80::1', 'isLinkLocal'],
    ['febf::1', 'isLinkLocal'],
    ['240.0.0.1', 'isReserved'],
    ['192.0.2.1', 'none'],
    ['126.255.255.255', 'none'],
    ['128.0.0.0', 'none'],
    ['223.255.255.255', 'none'],
    ['::2', 'none'],
    ['fec0::1', 'none'],
    ['2001:db8::1', 'none'],
  ])('%s: %s', (text, kind) => {
    const address = IpAddress.from(text)
    const kinds = [
      'isUnspecified',
      'isLoopback',
      'isMulticast',
      'isLimitedBroadcast',
      'isLinkLocal',
      'isReserved',
    ] as const
    expect(kinds.filter((name) => address[name])).toEqual(kind === 'none' ? [] : [kind])
  })
})
