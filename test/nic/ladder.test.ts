import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PortCapabilities } from '../../nic/port.ts'
import { card, leaks } from './support/card.ts'
import { EVERYTHING, NOTHING } from './support/memory-port.ts'
import { segment } from './support/oracle.ts'
import type { Packet, PacketShape } from './support/packets.ts'

const SWITCHES = ['sg', 'tx', 'tx-tcp-segmentation', 'tso6', 'tx-tcp-ecn-segmentation', 'gso', 'uso']

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Every combination of switches that a port of these capabilities lets one set, each once by what it comes to. */
function combinations(capabilities: PortCapabilities): Record<string, boolean>[] {
  const seen = new Set<number>()
  const out: Record<string, boolean>[] = []
  for (let mask = 0; mask < 2 ** SWITCHES.length; mask++) {
    const wish = Object.fromEntries(SWITCHES.map((name, i) => [name, (mask & (1 << i)) !== 0]))
    const { nic } = card({ capabilities })
    nic.features.change(wish)
    const on = nic.features.effective
    nic.close()
    if (!seen.has(on)) out.push(wish)
    seen.add(on)
  }
  return out
}

const PORTS: [string, PortCapabilities][] = [
  ['that does everything', EVERYTHING],
  ['that does nothing', NOTHING],
  ['that only gathers', { ...NOTHING, scatterGather: true }],
  ['that only gathers, and whose driver sums', { ...NOTHING, scatterGather: true, sumsOnPost: true }],
  ['whose driver sums what its hardware can sum, too', { ...EVERYTHING, sumsOnPost: true }],
  ['that only sums', { ...NOTHING, txChecksum: true }],
  ['that gathers, sums and segments IPv4', { ...NOTHING, scatterGather: true, txChecksum: true, tso4: true }],
  ['that takes super-frames of a quarter of a MiB', { ...EVERYTHING, gsoMaxSize: 262_144 }],
  ['that sums and segments UDP', { ...NOTHING, txChecksum: true, uso: true }],
]

/** Frames of every kind: odd and even pieces, one and many, with and without payload in the header area. */
const SHAPES: PacketShape[] = [
  { pieces: [1460 * 3 + 7], gsoSize: 1460, flags: 0x19 },
  { pieces: [1, 2, 3, 1001, 999, 1460, 5, 7, 11, 13, 2000, 3, 1, 4096], gsoSize: 1001, tcpOptions: 12 },
  { pieces: [9999], gsoSize: 1399, tcpOptions: 12, tag: true, ipOptions: 8, identification: 0xfffe },
  { pieces: [501, 502, 503], gsoSize: 401, ecn: true, flags: 0x98 },
  { pieces: [3001, 17], gsoSize: 1427, version: 6, tcpOptions: 12, flags: 0x18 },
  { pieces: [777, 333], gsoSize: 256, version: 6, ecn: true, flags: 0x90 },
  { pieces: [1471, 1473], gsoSize: 1472, protocol: 'udp' },
  { pieces: [2001], gsoSize: 1000, protocol: 'udp', version: 6 },
  { pieces: [64, 61, 1024], inHead: 33, gsoSize: 99 },
  { pieces: [50_000, 40_001, 3, 60_000], gsoSize: 1448, tcpOptions: 12, flags: 0x18 },
  { pieces: [1460] },
  { pieces: [1, 1, 1], inHead: 1 },
  { pieces: [3], protocol: 'udp', inHead: 3 },
  { pieces: [1000], gsoSize: 1460 },
  { tcpOptions: 20 },
  { version: 6 },
  { pieces: [100], partial: false },
  { pieces: [99, 98], partial: false, version: 6, protocol: 'udp' },
]

describe.each(PORTS)('the transmit ladder on a port %s', (_name, capabilities) => {
  const wishes = combinations(capabilities)

  it(`gives the same bytes on the wire in each of its ${wishes.length} combinations of features`, () => {
    for (const wish of wishes) {
      const world = card({ capabilities })
      const { lab, nic, port } = world
      nic.features.change(wish)
      const expected: Uint8Array[] = []
      for (const [i, shape] of SHAPES.entries()) {
        const packet = lab.packet({ ...shape, seed: i + 1 })
        expected.push(...segment(packet.whole, packet.layout, shape.gsoSize ?? 0))
        expect(nic.transmit(packet.frame)).toBe(true)
        nic.flush()
      }
      expect({ wish, wire: port.wire.map(hex) }).toEqual({ wish, wire: expected.map(hex) })
      expect(nic.counters.tx_segments).toBe(expected.length)
      expect(nic.counters.tx_errors + nic.counters.tx_dropped).toBe(0)
      expect(leaks(world)).toBe(0)
    }
  })

  it('never asks the port for what is switched off', () => {
    for (const wish of wishes) {
      const world = card({ capabilities })
      const { lab, nic, port } = world
      nic.features.change(wish)
      const { features } = nic
      for (const shape of SHAPES) {
        nic.transmit(lab.packet(shape).frame)
        nic.flush()
      }
      const segments = features.tso4 || features.tso6 || features.uso
      for (const { csumStart, gsoSize, refs } of port.posted) {
        if (!features.txChecksum) expect(csumStart).toBe(-1)
        if (!features.scatterGather) expect(refs).toBe(0)
        if (!segments) expect(gsoSize).toBe(0)
      }
      expect(leaks(world)).toBe(0)
    }
  })
})

describe('the counters of the ladder', () => {
  /** Sends one frame and gives the transmit counters that are not zero. */
  function count(
    wish: Record<string, boolean>,
    shape: PacketShape,
    sumsOnPost = false,
  ): { counters: Record<string, number>; packet: Packet } {
    const world = card({ capabilities: { ...EVERYTHING, sumsOnPost } })
    world.nic.features.set(wish)
    const packet = world.lab.packet(shape)
    world.nic.transmit(packet.frame)
    world.nic.flush()
    const counters = Object.fromEntries(
      Object.entries(world.nic.statistics()).filter(([name, value]) => name.startsWith('tx_') && value !== 0),
    )
    expect(leaks(world)).toBe(0)
    return { counters, packet }
  }

  // Ethernet 14, IPv4 20, TCP 32; payload 3 x 1448 + 700.
  const shape: PacketShape = { pieces: [3001, 2043], tcpOptions: 12, gsoSize: 1448 }
  const payload = 5044
  const frame = 66 + payload
  const wire = 4 * 66 + payload
  const summed = 4 * 32 + payload

  it('with everything on: nothing copied, nothing summed', () => {
    expect(count({}, shape).counters).toEqual({
      tx_packets: 1,
      tx_bytes: frame,
      tx_segments: 4,
      tx_gso_hw_frames: 1,
      tx_gso_hw_bytes: frame,
      tx_csum_hw_frames: 1,
      tx_csum_hw_bytes: frame,
      tx_sg_hw_frames: 1,
      tx_sg_hw_bytes: frame,
    })
  })

  it('with segmentation off: headers copied, no payload', () => {
    const counters = {
      tx_packets: 4,
      tx_bytes: wire,
      tx_segments: 4,
      tx_csum_hw_frames: 4,
      tx_csum_hw_bytes: wire,
      tx_sg_hw_frames: 4,
      tx_sg_hw_bytes: wire,
      tx_copied_header_bytes: 4 * 66,
    }
    const software = { tx_gso_sw_frames: 1, tx_gso_sw_bytes: frame, tx_gso_sw_segments: 4 }
    expect(count({ tso: false }, shape).counters).toEqual({ ...counters, ...software })
    const otherName = { tx_nogso_frames: 1, tx_nogso_bytes: frame, tx_nogso_segments: 4 }
    expect(count({ tso: false, gso: false }, shape).counters).toEqual({ ...counters, ...otherName })
  })

  it.each([
    ['the card', false],
    ['the driver', true],
  ])('with the checksum off: each byte from the transport header on summed once, by %s', (_who, sumsOnPost) => {
    expect(count({ tx: false }, shape, sumsOnPost).counters).toEqual({
      tx_packets: 4,
      tx_bytes: wire,
      tx_segments: 4,
      tx_gso_sw_frames: 1,
      tx_gso_sw_bytes: frame,
      tx_gso_sw_segments: 4,
      tx_csum_sw_frames: 4,
      tx_csum_sw_bytes: wire,
      tx_summed_bytes: summed,
      tx_sg_hw_frames: 4,
      tx_sg_hw_bytes: wire,
      tx_copied_header_bytes: 4 * 66,
    })
  })

  it('with scatter-gather off: each payload byte copied once', () => {
    expect(count({ sg: false }, shape).counters).toEqual({
      tx_packets: 4,
      tx_bytes: wire,
      tx_segments: 4,
      tx_nogso_frames: 1,
      tx_nogso_bytes: frame,
      tx_nogso_segments: 4,
      tx_linearized_frames: 4,
      tx_linearized_bytes: wire,
      tx_copied_bytes: payload,
      tx_copied_header_bytes: 2 * 4 * 66,
      tx_csum_hw_frames: 4,
      tx_csum_hw_bytes: wire,
    })
  })

  it('with both off: each payload byte copied once and summed once', () => {
    expect(count({ sg: false, tx: false }, shape).counters).toEqual({
      tx_packets: 4,
      tx_bytes: wire,
      tx_segments: 4,
      tx_nogso_frames: 1,
      tx_nogso_bytes: frame,
      tx_nogso_segments: 4,
      tx_linearized_frames: 4,
      tx_linearized_bytes: wire,
      tx_copied_bytes: payload,
      tx_copied_header_bytes: 2 * 4 * 66,
      tx_csum_sw_frames: 4,
      tx_csum_sw_bytes: wire,
      tx_summed_bytes: summed,
    })
  })

  it('of a plain frame that asks for nothing', () => {
    const { counters, packet } = count({ sg: false, tx: false }, { partial: false })
    expect(counters).toEqual({ tx_packets: 1, tx_bytes: packet.whole.length, tx_segments: 1 })
  })
})

describe('a computed checksum of zero', () => {
  it('is sent as all ones by UDP, where zero means that there is none, and as zero by TCP', () => {
    for (const [protocol, expected] of [
      ['udp', 0xffff],
      ['tcp', 0],
    ] as const) {
      for (const tx of [true, false]) {
        const world = card({ capabilities: EVERYTHING })
        const { lab, nic, port } = world
        nic.features.set({ tx })
        const packet = lab.packet({ protocol, pieces: [40] })
        const { layout, frame } = packet
        // Two payload bytes take up what is missing to a sum of 0xffff.
        const field = layout.transportOffset + frame.csumOffset
        const missing = new DataView(packet.whole.buffer).getUint16(field)
        const page = frame.pages[0]
        const sum = page.view.getUint16(frame.offsets[0]) + missing
        page.view.setUint16(frame.offsets[0], (sum & 0xffff) + (sum >>> 16))
        nic.transmit(frame)
        nic.flush()
        expect(new DataView(port.wire[0].buffer).getUint16(field)).toBe(expected)
        expect(leaks(world)).toBe(0)
      }
    }
  })
})

describe('features flipped between any two frames', () => {
  it('lose and change nothing', () => {
    const flips = fc.array(
      fc.tuple(fc.constantFrom(...SWITCHES), fc.boolean(), fc.nat(SHAPES.length - 1), fc.boolean()),
      {
        maxLength: 40,
      },
    )
    fc.assert(
      fc.property(flips, fc.constantFrom(...PORTS.map(([, capabilities]) => capabilities)), (steps, capabilities) => {
        const world = card({ capabilities, ringSize: 24 })
        const { lab, nic, port } = world
        const expected: Uint8Array[] = []
        port.perDoorbell = 3
        for (const [name, on, which, flush] of steps) {
          nic.features.change({ [name]: on })
          const packet = lab.packet(SHAPES[which])
          for (let tries = 0; !nic.transmit(packet.frame); tries++) {
            if (tries > 100) throw new Error('never any room')
            nic.flush()
            port.drain(3)
          }
          expected.push(...segment(packet.whole, packet.layout, SHAPES[which].gsoSize ?? 0))
          if (flush) nic.flush()
        }
        for (let i = 0; i < 400 && port.wire.length < expected.length; i++) {
          nic.flush()
          port.drain(3)
        }
        expect(port.wire.map(hex)).toEqual(expected.map(hex))
        expect(nic.counters.tx_errors + nic.counters.tx_dropped).toBe(0)
        expect(leaks(world)).toBe(0)
      }),
      { numRuns: 60 },
    )
  })
})
