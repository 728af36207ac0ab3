import { describe, expect, it } from 'vitest'
import { SYN_FRAME, writeSyn } from '../../../tools/soak/syn-frame.ts'

/** RFC 1071, byte by byte. */
function sum(bytes: Uint8Array): number {
  let total = 0
  bytes.forEach((byte, i) => {
    total += i % 2 === 0 ? byte << 8 : byte
  })
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  return total
}

describe('a SYN of the flood', () => {
  const bytes = new Uint8Array(SYN_FRAME + 6)
  const fields = { from: 0xc6120102, port: 4321, stack: 0x0a4d0002, target: 7002, sequence: 0xdeadbeef }
  writeSyn(new DataView(bytes.buffer), 6, { to: { high: 0x0200, low: 0x5e100001 }, ...fields })
  const ip = bytes.subarray(20, 40)
  const tcp = bytes.subarray(40)

  it('has sums that are right', () => {
    expect(sum(ip)).toBe(0xffff)
    const pseudo = Uint8Array.of(...ip.subarray(12, 20), 0, 6, 0, tcp.length)
    expect(sum(Uint8Array.of(...pseudo, ...tcp))).toBe(0xffff)
  })

  it('is a SYN and nothing else, from and to where it says', () => {
    const view = new DataView(tcp.buffer, tcp.byteOffset)
    expect([view.getUint16(0), view.getUint16(2), view.getUint32(4), view.getUint32(8)]).toEqual([
      4321, 7002, 0xdeadbeef, 0,
    ])
    expect([tcp[12] >> 4, tcp[13]]).toEqual([10, 0x02])
    expect([...ip.subarray(12)]).toEqual([198, 18, 1, 2, 10, 77, 0, 2])
    expect([...bytes.subarray(6, 12)]).toEqual([2, 0, 0x5e, 0x10, 0, 1])
  })
})
