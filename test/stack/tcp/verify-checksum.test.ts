import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import type { ReceivedPacket } from '../../../stack/network/contract.ts'
import { isChecksumGood } from '../../../stack/tcp/verify-checksum.ts'
import { checksum, concat, u16, u32 } from '../../support/bytes.ts'
import { Pools } from './support/pools.ts'

const V4 = [IpAddress.from('192.0.2.1'), IpAddress.from('192.0.2.2')]
const V6 = [IpAddress.from('2001:db8::1'), IpAddress.from('fe80::2%3')]

function addressBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(address.byteLength)
  address.write(new DataView(bytes.buffer), 0)
  return bytes
}

describe('the checksum in software', () => {
  it('is that of the pairs, wherever the pieces lie, and finds any flipped bit', () => {
    const pools = new Pools(8192)
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 3000 }),
        fc.integer({ min: 20, max: 3000 }),
        fc.integer({ min: 200, max: 1501 }),
        fc.boolean(),
        fc.nat(),
        (bytes, head, piece, v6, flip) => {
          const [source, destination] = v6 ? V6 : V4
          const packet = { source, destination, transportLength: bytes.length } as ReceivedPacket
          bytes.set([0, 0], 16)
          const pseudo = v6 ? concat(u32(bytes.length), u32(6)) : concat(u16(6), u16(bytes.length))
          bytes.set(u16(checksum(addressBytes(source), addressBytes(destination), pseudo, bytes)), 16)
          const good = pools.frame(bytes, head, piece)
          expect(isChecksumGood(good, packet)).toBe(true)
          good.release()
          bytes[flip % bytes.length] ^= 1 << (flip % 8)
          const bad = pools.frame(bytes, head, piece)
          expect(isChecksumGood(bad, packet)).toBe(false)
          bad.release()
        },
      ),
    )
    expect(pools.outstanding).toBe(0)
  })
})
