import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  PACKET_OFFSET,
  sectionHeader,
} from '../../../drivers/pcap/blocks.ts'
import { PcapngReader } from '../../../drivers/pcap/index.ts'
import { concatenate } from '../../nic/support/oracle.ts'

function packetBlock(
  time: number,
  bytes: Uint8Array,
  original = bytes.length,
  direction = DIRECTION_INBOUND,
): Uint8Array {
  const block = enhancedPacket(time, bytes.length, original, direction)
  block.set(bytes, PACKET_OFFSET)
  return block
}

/** A block of the other byte order (or this one), from its parts: numbers are [bytes, value], texts and bytes are as they are. */
function foreign(little: boolean, type: number, parts: (Uint8Array | [2 | 4 | 8, number | bigint])[]): Uint8Array {
  const pieces = parts.map((part) => {
    if (part instanceof Uint8Array) return concatenate(part, new Uint8Array(-part.length & 3))
    const [size, value] = part
    const bytes = new Uint8Array(size)
    const view = new DataView(bytes.buffer)
    if (size === 2) view.setUint16(0, Number(value), little)
    if (size === 4) view.setUint32(0, Number(value), little)
    if (size === 8) view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), little)
    return bytes
  })
  const body = concatenate(...pieces)
  const head = new Uint8Array(8)
  const view = new DataView(head.buffer)
  view.setUint32(0, type, little)
  view.setUint32(4, body.length + 12, little)
  return concatenate(head, body, head.slice(4))
}

const text = (value: string) => new TextEncoder().encode(value)

describe('the pcapng reader', () => {
  const bytes = [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(1514).fill(9)]
  const file = concatenate(
    sectionHeader('pagewire'),
    interfaceDescription('pw0', 2000),
    packetBlock(1_700_000_000_123_456, bytes[0], 60),
    packetBlock(1_700_000_000_123_457, bytes[1], 0, DIRECTION_OUTBOUND),
    packetBlock(1_700_000_000_999_999, bytes[2]),
    interfaceStatistics({ start: 1, end: 2 ** 40, received: 2 ** 33, dropped: 4, written: 3 }),
  )

  it('reads what the writer wrote', () => {
    const reader = new PcapngReader(file)
    const packets = reader.packets()
    expect(reader.error).toBe(null)
    expect(packets.map(({ time, direction, originalLength }) => [time, direction, originalLength])).toEqual([
      [1_700_000_000_123_456, DIRECTION_INBOUND, 60],
      [1_700_000_000_123_457, DIRECTION_OUTBOUND, 0],
      [1_700_000_000_999_999, DIRECTION_INBOUND, 1514],
    ])
    expect(packets.map((packet) => Array.from(packet.bytes))).toEqual(bytes.map((packet) => Array.from(packet)))
    expect(reader.interfaces).toEqual([
      { name: 'pw0', linkType: 1, snapLength: 2000, unitsPerSecond: 1_000_000, offsetSeconds: 0 },
    ])
    expect(reader.statistics).toEqual({ start: 1, end: 2 ** 40, received: 2 ** 33, dropped: 4, written: 3 })
  })

  it('reads from a view that does not begin at its buffer', () => {
    const place = new Uint8Array(new ArrayBuffer(file.length + 9), 5, file.length)
    place.set(file)
    expect(new PcapngReader(place).packets().length).toBe(3)
  })

  it.each([true, false])('reads what other writers write: little-endian %s', (little) => {
    const nanoseconds = 1_700_000_000_123_456_789n
    const section = foreign(little, 0x0a0d0d0a, [
      [4, 0x1a2b3c4d],
      [2, 1],
      [2, 0],
      [8, -1n],
    ])
    const other = concatenate(
      section,
      foreign(little, 1, [
        [2, 1],
        [2, 0],
        [4, 5],
        [2, 2],
        [2, 4],
        text('eth9'),
        [2, 9],
        [2, 1],
        new Uint8Array([9]),
        [2, 14],
        [2, 8],
        [8, -3600n],
        [2, 0],
        [2, 0],
      ]),
      // Powers of two; no options.
      foreign(little, 1, [[2, 101], [2, 0], [4, 0], [2, 9], [2, 1], new Uint8Array([0x80 | 20])]),
      // A block that nobody knows, and a name resolution block.
      foreign(little, 0x0bad, [[8, 1n]]),
      foreign(little, 4, [[4, 0]]),
      foreign(little, 6, [
        [4, 0],
        [4, nanoseconds >> 32n],
        [4, nanoseconds & 0xffffffffn],
        [4, 3],
        [4, 70],
        new Uint8Array([7, 8, 9]),
      ]),
      foreign(little, 6, [
        [4, 1],
        [4, 0],
        [4, 3 << 19],
        [4, 0],
        [4, 0],
      ]),
      foreign(little, 3, [[4, 9], new Uint8Array([1, 2, 3, 4, 5])]),
      // A second section forgets the interfaces of the first.
      section,
      foreign(little, 3, [[4, 0]]),
    )
    const reader = new PcapngReader(other)
    const packets = reader.packets()
    expect(packets.map(({ time, originalLength }) => [time, originalLength])).toEqual([
      [1_700_000_000_123_456 - 3_600_000_000, 70],
      [1_500_000, 0],
      [0, 9],
    ])
    expect(packets.map(({ bytes }) => Array.from(bytes))).toEqual([[7, 8, 9], [], [1, 2, 3, 4, 5]])
    expect(packets.map((packet) => [packet.interface.name, packet.interface.linkType])).toEqual([
      ['eth9', 1],
      ['', 101],
      ['eth9', 1],
    ])
    expect(reader.error).toContain('not described')
  })

  it('says what is wrong with a file', () => {
    const wrong = (bytes: Uint8Array) => {
      const reader = new PcapngReader(bytes)
      reader.packets()
      return reader.error
    }
    const section = sectionHeader('x')
    expect(wrong(new Uint8Array(0))).toBe(null)
    expect(wrong(new Uint8Array(11))).toContain('ends within a block')
    expect(wrong(text('this is a text and no capture'))).toContain('not a pcapng file')
    expect(wrong(concatenate(new Uint8Array([0xd4, 0xc3, 0xb2, 0xa1]), new Uint8Array(20)))).toContain('not a pcapng')
    expect(wrong(file.slice(0, 20))).toContain('ends within')
    expect(wrong(file.slice(0, -1))).toContain('ends within a block')
    expect(wrong(concatenate(section, packetBlock(0, bytes[0])))).toContain('not described')
    const two = section.slice()
    two[12] = 2
    expect(wrong(two)).toContain('version 2')
    const odd = section.slice()
    odd[odd.length - 4] ^= 4
    expect(wrong(odd)).toContain('lengths of a block differ')
    const longer = concatenate(section, interfaceDescription('a', 0), packetBlock(0, bytes[0]))
    new DataView(longer.buffer).setUint32(longer.length - 4 - 12 - 4 - 8, 99, true)
    expect(wrong(longer)).toContain('longer than its block')
  })

  it('never throws and never gives more than it was given, whatever the bytes', () => {
    const noise = fc.uint8Array({ maxLength: 400 })
    const spoiled = fc
      .array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 })
      .map((changes) => {
        const out = file.slice()
        for (const [at, value] of changes) out[at] = value
        return out
      })
    const mixed = fc.tuple(fc.nat(300), noise).map(([at, tail]) => concatenate(file.slice(0, at), tail))
    fc.assert(
      fc.property(fc.oneof(noise, spoiled, mixed), (bytes) => {
        const reader = new PcapngReader(bytes)
        let total = 0
        for (let packet = reader.next(); packet; packet = reader.next()) total += packet.bytes.length
        expect(total).toBeLessThanOrEqual(bytes.length)
        expect(reader.next()).toBe(null)
      }),
      { numRuns: 3000 },
    )
  })
})
