// The oracle itself: packets by hand against bytes that were checked elsewhere, and taken apart again.

import { expect, test } from 'vitest'
import { checksum } from './bytes.ts'
import { buildIpv4, buildTcp, buildUdp, dissectIpv4, dissectTcp } from './packet.ts'

test('the checksum of the example in RFC 1071, 3', () => {
  expect(checksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(0xffff - 0xddf2)
  expect(checksum(Uint8Array.of(1))).toBe(0xffff - 0x0100)
  expect(checksum(new Uint8Array(0))).toBe(0xffff)
})

test('a SYN as Linux sends it, byte for byte', () => {
  const options = { mss: 1460, sackOK: true, ts: { val: 0x11223344, ecr: 0 }, wscale: 7 }
  const fields = { sourcePort: 40_000, destinationPort: 80, seq: 1, ack: 0, flags: 'S', window: 64_240, options }
  const tcp = buildTcp('192.0.2.1', '192.0.2.2', fields)
  const hex = Buffer.from(tcp).toString('hex')
  expect(hex.slice(0, 32)).toBe('9c400050000000010000000' + '0a002faf0')
  expect(hex.slice(40)).toBe('020405b4' + '0402' + '080a1122334400000000' + '01' + '030307')
  expect(checksum(Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0, tcp.length), tcp)).toBe(0)
})

test('what was built is what is read', () => {
  const fields = {
    sourcePort: 1,
    destinationPort: 65_535,
    seq: 0xffff_ffff,
    ack: 0x8000_0000,
    flags: 'FP.',
    window: 1,
    urgent: 0,
    options: { ts: { val: 1, ecr: 0xffff_ffff }, sack: [[1, 2]] as [number, number][] },
    payload: Uint8Array.of(1, 2, 3),
  }
  const addresses = { source: '10.0.0.1', destination: '10.0.0.2' }
  const packet = buildIpv4({ ...addresses, ttl: 3, tos: 4, payload: buildTcp('10.0.0.1', '10.0.0.2', fields) })
  const ip = dissectIpv4(packet)
  expect(ip).toMatchObject({ ...addresses, ttl: 3, tos: 4, protocol: 6 })
  expect(dissectTcp(ip)).toEqual({ ...fields, optionOrder: 'nop,nop,TS,nop,nop,sack' })
})

test('what is wrong is refused with a reason', () => {
  const addresses = { source: '10.0.0.1', destination: '10.0.0.2' }
  const good = buildIpv4({ ...addresses, payload: buildTcp('10.0.0.1', '10.0.0.2', { flags: '.' }) })
  const broken = (at: number) => good.map((byte, i) => (i === at ? byte ^ 0x10 : byte))
  expect(() => dissectIpv4(broken(8))).toThrow(/header checksum/)
  expect(() => dissectIpv4(good.subarray(0, 30))).toThrow(/total length/)
  expect(() => dissectTcp(dissectIpv4(broken(25)))).toThrow(/TCP: checksum/)
})

test('a UDP checksum is never sent as zero (RFC 768)', () => {
  for (let n = 0; n < 70_000; n++) {
    const datagram = buildUdp('10.0.0.1', '10.0.0.2', [n & 0xffff, n >>> 16], new Uint8Array(2))
    if (datagram[6] === 0 && datagram[7] === 0) throw new Error(`zero for ${n}`)
  }
})
