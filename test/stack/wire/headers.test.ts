// Every header: what is emitted is parsed back, byte for byte what the declared layout decodes, and no bytes whatever throw.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as arp from '../../../stack/wire/arp.ts'
import * as ethernet from '../../../stack/wire/ethernet.ts'
import * as icmpv4 from '../../../stack/wire/icmpv4.ts'
import * as ipv4 from '../../../stack/wire/ipv4.ts'
import * as tcp from '../../../stack/wire/tcp.ts'
import * as udp from '../../../stack/wire/udp.ts'
import { internetChecksum } from '../link/packets.ts'

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })
/** A page of rubbish in which headers stand at any offset. */
const AT = fc.nat(13)

function page(): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(96).fill(0xa5)
  return { bytes, view: new DataView(bytes.buffer) }
}

/** Bytes outside of [at, at + length) are untouched. */
function expectUntouched(bytes: Uint8Array, at: number, length: number): void {
  for (let i = 0; i < bytes.length; i++) if (i < at || i >= at + length) expect(bytes[i]).toBe(0xa5)
}

function noise(name: string, parse: (view: DataView, at: number, available: number) => boolean, least: number): void {
  it(`${name}: noise never throws, and what is too short is refused`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), AT, (bytes, at) => {
        const available = bytes.length - at
        if (available < 0) return
        const exact = bytes.slice()
        const fine = parse(new DataView(exact.buffer), at, available)
        if (available < least) expect(fine).toBe(false)
        expect(exact).toEqual(bytes)
      }),
    )
  })
}

describe('ethernet', () => {
  const record = fc.record({
    destinationHigh: u16,
    destinationLow: i32,
    sourceHigh: u16,
    sourceLow: i32,
    etherType: u16,
  })

  it('parse(emit(x)) = x', () => {
    fc.assert(
      fc.property(record, AT, (header, at) => {
        const { bytes, view } = page()
        ethernet.emit(header, view, at)
        const out = ethernet.ethernetHeader()
        expect(ethernet.parse(view, at, 14, out)).toBe(true)
        expect(out).toEqual(header)
        expectUntouched(bytes, at, 14)
      }),
    )
  })

  it('stands where IEEE 802.3 says', () => {
    const { bytes, view } = page()
    const header = {
      destinationHigh: 0x0102,
      destinationLow: 0x03040506,
      sourceHigh: 0x1112,
      sourceLow: 0x13141516,
      etherType: 0x0800,
    }
    ethernet.emit(header, view, 0)
    expect([...bytes.subarray(0, 14)]).toEqual([1, 2, 3, 4, 5, 6, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 8, 0])
  })

  noise('ethernet', (view, at, available) => ethernet.parse(view, at, available, ethernet.ethernetHeader()), 14)
})

describe('arp', () => {
  const record = fc.record({
    operation: u16,
    senderHigh: u16,
    senderLow: i32,
    senderAddress: i32,
    targetHigh: u16,
    targetLow: i32,
    targetAddress: i32,
  })

  it('parse(emit(x)) = x', () => {
    fc.assert(
      fc.property(record, AT, (packet, at) => {
        const { bytes, view } = page()
        arp.emit(packet, view, at)
        const out = arp.arpPacket()
        expect(arp.parse(view, at, 28, out)).toBe(true)
        expect(out).toEqual(packet)
        expectUntouched(bytes, at, 28)
      }),
    )
  })

  it.each([
    ['hardware type', 1],
    ['protocol type', 2],
    ['hardware length', 4],
    ['protocol length', 5],
  ])('another %s is refused', (_name, offset) => {
    const { bytes, view } = page()
    arp.emit(arp.arpPacket(), view, 0)
    expect(arp.parse(view, 0, 28, arp.arpPacket())).toBe(true)
    bytes[offset] ^= 0x80
    expect(arp.parse(view, 0, 28, arp.arpPacket())).toBe(false)
  })

  noise('arp', (view, at, available) => arp.parse(view, at, available, arp.arpPacket()), 28)
})

describe('ipv4', () => {
  const record = fc.record({
    headerLength: fc.constant(20),
    trafficClass: u8,
    totalLength: u16,
    identification: u16,
    fragment: u16,
    ttl: u8,
    protocol: u8,
    checksum: fc.constant(0),
    source: i32,
    destination: i32,
  })

  it('parse(emit(x)) = x, with the checksum that the plain routine finds', () => {
    fc.assert(
      fc.property(record, AT, (header, at) => {
        const { bytes, view } = page()
        ipv4.emit(header, view, at)
        const out = ipv4.ipv4Header()
        expect(ipv4.parse(view, at, 20, out)).toBe(true)
        expect({ ...out, checksum: 0 }).toEqual(header)
        expectUntouched(bytes, at, 20)
        expect(internetChecksum(bytes.subarray(at, at + 20))).toBe(0)
        expect(ipv4.checksumValid(view, at, 20)).toBe(true)
      }),
    )
  })

  it('a changed bit anywhere is found', () => {
    fc.assert(
      fc.property(record, fc.nat(159), (header, bit) => {
        const { bytes, view } = page()
        ipv4.emit(header, view, 0)
        bytes[bit >> 3] ^= 0x80 >> (bit & 7)
        expect(ipv4.checksumValid(view, 0, 20)).toBe(false)
      }),
    )
  })

  it('what it lets through is version 4, with a header length that is there', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 80 }), fc.nat(0xff), (bytes, first) => {
        bytes[0] = first
        const out = ipv4.ipv4Header()
        const fine = ipv4.parse(new DataView(bytes.buffer), 0, bytes.length, out)
        const length = (first & 15) * 4
        expect(fine).toBe(first >> 4 === 4 && length >= 20 && length <= bytes.length)
        if (fine) expect(out.headerLength).toBe(length)
      }),
    )
  })

  noise('ipv4', (view, at, available) => ipv4.parse(view, at, available, ipv4.ipv4Header()), 20)

  it.each([
    ['none', [], ipv4.OPTIONS_FINE],
    ['end of list before rubbish', [0, 1, 131, 255], ipv4.OPTIONS_FINE],
    ['no operation, record route', [1, 7, 7, 4, 0, 0, 0, 0], ipv4.OPTIONS_FINE],
    ['router alert', [148, 4, 0, 0], ipv4.OPTIONS_FINE],
    ['loose source route', [131, 7, 4, 1, 2, 3, 4, 0], ipv4.OPTIONS_SOURCE_ROUTE],
    ['strict source route', [1, 137, 3, 4], ipv4.OPTIONS_SOURCE_ROUTE],
    ['a length of 0', [7, 0, 0, 0], ipv4.OPTIONS_MALFORMED],
    ['a length of 1', [7, 1, 0, 0], ipv4.OPTIONS_MALFORMED],
    ['a length past the end', [7, 5, 0, 0], ipv4.OPTIONS_MALFORMED],
    ['a kind without a length', [1, 1, 1, 7], ipv4.OPTIONS_MALFORMED],
  ])('options: %s', (_name, list, verdict) => {
    const bytes = Uint8Array.from(list)
    expect(ipv4.checkOptions(new DataView(bytes.buffer), 0, bytes.length)).toBe(verdict)
  })

  it('options: noise never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([0, 1, 2]).toContain(ipv4.checkOptions(new DataView(bytes.buffer), 0, bytes.length))
      }),
    )
  })
})

describe('icmpv4', () => {
  const record = fc.record({ type: u8, code: u8, checksum: u16, identifier: u16, sequence: u16 })

  it('parse(emit(x)) = x', () => {
    fc.assert(
      fc.property(record, AT, (header, at) => {
        const { bytes, view } = page()
        icmpv4.emit(header, view, at)
        const out = icmpv4.icmpv4Header()
        expect(icmpv4.parse(view, at, 8, out)).toBe(true)
        expect(out).toEqual(header)
        expectUntouched(bytes, at, 8)
      }),
    )
  })

  it('knows errors from questions', () => {
    const errors = Array.from({ length: 256 }, (_, type) => type).filter(icmpv4.isError)
    expect(errors).toEqual([3, 4, 5, 11, 12])
  })

  noise('icmpv4', (view, at, available) => icmpv4.parse(view, at, available, icmpv4.icmpv4Header()), 8)
})

describe('udp', () => {
  const record = fc.record({
    sourcePort: u16,
    destinationPort: u16,
    length: fc.integer({ min: 8, max: 80 }),
    checksum: u16,
  })

  it('parse(emit(x)) = x', () => {
    fc.assert(
      fc.property(record, AT, (header, at) => {
        const { bytes, view } = page()
        udp.emit(header, view, at)
        const out = udp.udpHeader()
        expect(udp.parse(view, at, 80, out)).toBe(true)
        expect(out).toEqual(header)
        expectUntouched(bytes, at, 8)
      }),
    )
  })

  it('a length below 8 or beyond what came is refused', () => {
    const { view } = page()
    for (const [length, fine] of [
      [0, false],
      [7, false],
      [8, true],
      [20, true],
      [21, false],
      [65535, false],
    ] as const) {
      udp.emit({ sourcePort: 1, destinationPort: 2, length, checksum: 0 }, view, 0)
      expect(udp.parse(view, 0, 20, udp.udpHeader())).toBe(fine)
    }
  })

  noise('udp', (view, at, available) => udp.parse(view, at, available, udp.udpHeader()), 8)
})

describe('tcp', () => {
  const record = fc.record({
    sourcePort: u16,
    destinationPort: u16,
    sequence: i32,
    acknowledgment: i32,
    dataOffset: fc.integer({ min: 5, max: 15 }).map((words) => 4 * words),
    flags: u8,
    window: u16,
    checksum: u16,
    urgent: u16,
  })

  it('parse(emit(x)) = x', () => {
    fc.assert(
      fc.property(record, AT, (header, at) => {
        const { bytes, view } = page()
        tcp.emit(header, view, at)
        const out = tcp.tcpHeader()
        expect(tcp.parse(view, at, 60, out)).toBe(true)
        expect(out).toEqual(header)
        expectUntouched(bytes, at, 20)
      }),
    )
  })

  it('a data offset below 20 or beyond what came is refused', () => {
    const { bytes, view } = page()
    for (let words = 0; words < 16; words++) {
      bytes[12] = words << 4
      expect(tcp.parse(view, 0, 40, tcp.tcpHeader())).toBe(words >= 5 && words <= 10)
    }
  })

  noise('tcp', (view, at, available) => tcp.parse(view, at, available, tcp.tcpHeader()), 20)
})

describe('the declared layouts', () => {
  it('decode what emit wrote, by name', () => {
    const bytes = Buffer.alloc(20)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const header = {
      ...tcp.tcpHeader(),
      sourcePort: 80,
      destinationPort: 4000,
      sequence: -2,
      acknowledgment: 7,
      flags: 0x12,
    }
    tcp.emit({ ...header, window: 500 }, view, 0)
    expect(tcp.layout.decode(bytes)).toEqual({
      sourcePort: 80,
      destinationPort: 4000,
      sequence: 0xfffffffe,
      acknowledgment: 7,
      dataOffset: 0x50,
      flags: 0x12,
      window: 500,
      checksum: 0,
      urgent: 0,
    })
    expect(() => tcp.layout.offset('nonsense')).toThrow(TypeError)
    expect([ethernet.HEADER, arp.LENGTH, ipv4.HEADER, icmpv4.HEADER, udp.HEADER, tcp.HEADER]).toEqual([
      14, 28, 20, 8, 8, 20,
    ])
  })
})
