import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EINVAL } from '../../stack/base/errno.ts'
import { CHECKSUM_BAD, CHECKSUM_NONE, CHECKSUM_UNNECESSARY } from '../../stack/buffer/frame.ts'
import { POLL_BUDGET } from '../../stack/device.ts'
import { type Card, card, leaks } from './support/card.ts'
import { EVERYTHING, NOTHING } from './support/memory-port.ts'
import { concatenate, finish, naiveSum } from './support/oracle.ts'
import { noise, PacketLab, type PacketShape } from './support/packets.ts'

/** The finished bytes of a packet. */
function packet(shape: PacketShape): Uint8Array {
  const lab = new PacketLab()
  const { whole, frame } = lab.packet(shape)
  frame.release()
  return whole
}

/** What the card says of a frame of these bytes; `summed`: the port has made their sum. */
function verdict(world: Card, bytes: Uint8Array, split?: number, summed = false): number {
  const frame = world.lab.received(bytes, split)
  if (summed) frame.sum = naiveSum(bytes.slice(14))
  world.port.arrive(frame)
  world.nic.poll(64, 1)
  const got = world.receiver.frames.pop()!
  expect(got).toBe(frame)
  expect(got.length).toBe(bytes.length)
  const { checksum } = got
  got.release()
  return checksum
}

const shapes = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  tag: fc.boolean(),
  ipOptions: fc.constantFrom(0, 8),
  tcpOptions: fc.constantFrom(0, 12),
  inHead: fc.nat(100),
  partial: fc.constant(false),
  seed: fc.nat(),
})

describe('verification of what nobody vouched for', () => {
  it('finds right checksums right, of any packet, in pieces or not, with padding or without', () => {
    const world = card()
    fc.assert(
      fc.property(shapes, fc.nat(30), fc.nat(), fc.boolean(), (shape, padding, at, summed) => {
        const bytes = packet(shape)
        const headers = bytes.length - shape.inHead
        const padded = concatenate(bytes, noise(padding, 5))
        const split = headers + (at % (padded.length - headers + 1))
        expect(verdict(world, padded, split, summed)).toBe(CHECKSUM_UNNECESSARY)
      }),
    )
    expect(leaks(world)).toBe(0)
  })

  it('finds any wrong byte behind the IP header wrong', () => {
    const world = card()
    fc.assert(
      fc.property(shapes, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean(), (shape, at, change, summed) => {
        const bytes = packet(shape)
        const transport = (shape.tag ? 18 : 14) + (shape.version === 4 ? 20 + shape.ipOptions : 40)
        const place = transport + (at % (bytes.length - transport))
        // UDP's length and checksum fields have meanings of their own when they change.
        fc.pre(shape.protocol === 'tcp' || place < transport + 4 || place >= transport + 8)
        bytes[place] ^= change
        expect(verdict(world, bytes, undefined, summed)).toBe(CHECKSUM_BAD)
      }),
    )
    const { rx_csum_errors, rx_csum_sw_frames, rx_packets } = world.nic.counters
    expect([rx_csum_errors, rx_csum_sw_frames]).toEqual([rx_packets, rx_packets])
    expect(world.nic.counters.rx_dropped).toBe(0)
    expect(leaks(world)).toBe(0)
  })

  it('counts each byte it sums', () => {
    const world = card()
    verdict(world, concatenate(packet({ inHead: 100, tcpOptions: 12, partial: false }), new Uint8Array(9)))
    const { rx_packets, rx_bytes, rx_segments, rx_summed_bytes, rx_csum_sw_bytes } = world.nic.counters
    expect([rx_packets, rx_bytes, rx_segments, rx_summed_bytes, rx_csum_sw_bytes]).toEqual([1, 175, 1, 132, 175])
    expect(leaks(world)).toBe(0)
  })

  it('takes the sum of a port that has made it, and counts what that summed', () => {
    const world = card()
    const bytes = packet({ inHead: 100, tcpOptions: 12, partial: false })
    expect(verdict(world, bytes, undefined, true)).toBe(CHECKSUM_UNNECESSARY)
    const { rx_summed_bytes, rx_csum_sw_frames } = world.nic.counters
    expect([rx_summed_bytes, rx_csum_sw_frames]).toEqual([bytes.length - 14, 1])
    // What it says is believed: another sum is a wrong checksum.
    const frame = world.lab.received(bytes)
    frame.sum = naiveSum(bytes.slice(14)) ^ 1
    world.port.arrive(frame)
    world.nic.poll(64, 1)
    expect(world.receiver.frames.pop()!.checksum).toBe(CHECKSUM_BAD)
    frame.release()
    expect(leaks(world)).toBe(0)
  })

  it('knows a UDP packet without a checksum, and where it is not allowed', () => {
    const world = card()
    for (const [version, expected] of [
      [4, CHECKSUM_UNNECESSARY],
      [6, CHECKSUM_BAD],
    ] as const) {
      const bytes = packet({ version, protocol: 'udp', inHead: 9, partial: false })
      const transport = version === 4 ? 34 : 54
      bytes.fill(0, transport + 6, transport + 8)
      expect(verdict(world, bytes)).toBe(expected)
    }
    expect(leaks(world)).toBe(0)
  })

  it('believes the UDP length and not the IP length', () => {
    const world = card()
    const bytes = packet({ protocol: 'udp', inHead: 20, partial: false })
    const layout = { networkOffset: 14, transportOffset: 34, headerLength: 42, protocol: 'udp' as const }
    const inner = finish(bytes.slice(0, 42 + 13), layout)
    // Seven more bytes in the IP packet that UDP does not know of.
    const outer = finish(concatenate(inner, noise(7, 3)), layout)
    outer.set(inner.slice(34), 34)
    expect(verdict(world, outer)).toBe(CHECKSUM_UNNECESSARY)
    expect(leaks(world)).toBe(0)
  })

  it('looks behind IPv6 extension headers', () => {
    const world = card()
    const plain = packet({ version: 6, inHead: 11, partial: false })
    const insert = (chain: number[][]) => {
      const extensions = chain.map((bytes) => new Uint8Array(bytes))
      const bytes = concatenate(plain.slice(0, 54), ...extensions, plain.slice(54))
      bytes[20] = FIRST
      new DataView(bytes.buffer).setUint16(18, bytes.length - 54)
      return bytes
    }
    const FIRST = 60
    const options = (next: number) => [next, 1, ...Array(14).fill(1)]
    const routing = (next: number, left: number) => [next, 0, 0, left, 0, 0, 0, 0]
    const fragment = (next: number, low: number) => [next, 0, 0, low, 0, 0, 0, 1]
    expect(verdict(world, insert([options(6)]))).toBe(CHECKSUM_UNNECESSARY)
    expect(verdict(world, insert([options(43), routing(6, 0)]))).toBe(CHECKSUM_UNNECESSARY)
    expect(verdict(world, insert([options(44), fragment(6, 0)]))).toBe(CHECKSUM_UNNECESSARY)
    expect(verdict(world, insert([options(44), fragment(6, 1)]))).toBe(CHECKSUM_NONE)
    expect(verdict(world, insert([options(44), fragment(6, 8)]))).toBe(CHECKSUM_NONE)
    expect(verdict(world, insert([options(43), routing(6, 1)]))).toBe(CHECKSUM_NONE)
    expect(verdict(world, insert([options(59)]))).toBe(CHECKSUM_NONE)
    const nine = [...Array(8).fill(options(60)), options(6)]
    expect(verdict(world, insert(nine))).toBe(CHECKSUM_NONE)
    expect(verdict(world, insert(nine.slice(1)))).toBe(CHECKSUM_UNNECESSARY)
    expect(leaks(world)).toBe(0)
  })

  it('says nothing of what it cannot verify', () => {
    const world = card()
    const tcp = packet({ inHead: 60, partial: false })
    const change = (what: (bytes: Uint8Array) => void) => {
      const bytes = tcp.slice()
      what(bytes)
      return bytes
    }
    const cases: Uint8Array[] = [
      change((bytes) => bytes.set([0x08, 0x06], 12)), // ARP
      change((bytes) => bytes.set([1], 23)), // ICMP
      change((bytes) => bytes.set([0x20], 20)), // more fragments
      change((bytes) => bytes.set([9], 21)), // a later fragment
      change((bytes) => bytes.set([0x44], 14)), // a short IP header
      change((bytes) => bytes.set([0x65], 14)), // another version
      change((bytes) => bytes.set([0xff, 0xff], 16)), // longer than the frame
      change((bytes) => bytes.set([0, 19], 16)), // shorter than its header
      change((bytes) => bytes.set([0, 39], 16)), // no whole TCP header
      tcp.slice(0, 33),
    ]
    for (const bytes of cases) expect(verdict(world, bytes)).toBe(CHECKSUM_NONE)
    expect(verdict(world, tcp, 40)).toBe(CHECKSUM_NONE) // headers that are not in the header area
    expect(world.nic.counters.rx_csum_none).toBe(cases.length + 1)
    expect(leaks(world)).toBe(0)
  })

  it('never throws, whatever comes', () => {
    const world = card()
    const starts = fc.constantFrom('0800', '86dd', '8100', '88a8', '0806', '').map((type) => Buffer.from(type, 'hex'))
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 120 }), fc.nat(120), (type, tail, split) => {
        const bytes = concatenate(noise(12, 1), new Uint8Array(type), tail)
        const frame = world.lab.received(bytes, Math.min(bytes.length, split))
        world.port.arrive(frame)
        world.nic.poll(64, 1)
        for (const one of world.receiver.frames.splice(0)) one.release()
      }),
      { numRuns: 2000 },
    )
    expect(world.nic.counters.rx_length_errors).toBeGreaterThan(0)
    expect(leaks(world)).toBe(0)
  })
})

describe('trust', () => {
  it('in what the port vouches for, while rx-checksumming is on', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port, receiver } = world
    const bytes = packet({ inHead: 10, partial: false })
    bytes[60] ^= 1
    const arrive = () => {
      const frame = lab.received(bytes)
      frame.checksum = CHECKSUM_UNNECESSARY
      port.arrive(frame)
      nic.poll(1, 0)
      const { checksum } = receiver.frames[0]
      receiver.frames.pop()!.release()
      return checksum
    }
    expect(arrive()).toBe(CHECKSUM_UNNECESSARY)
    expect([nic.counters.rx_csum_hw_frames, nic.counters.rx_summed_bytes]).toEqual([1, 0])
    nic.features.set({ rx: false })
    expect(arrive()).toBe(CHECKSUM_BAD)
    expect([nic.counters.rx_csum_hw_frames, nic.counters.rx_csum_sw_frames]).toEqual([1, 1])
    expect(leaks(world)).toBe(0)
  })

  it('in what the port vouches for and nobody can verify any more: a merged frame', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port, receiver } = world
    nic.features.set({ rx: false })
    const frame = lab.received(packet({ inHead: 150, partial: false }))
    frame.head.bytes[frame.end - 1] ^= 1
    frame.gsoSize = 75
    frame.checksum = CHECKSUM_UNNECESSARY
    port.arrive(frame)
    nic.poll(1, 0)
    expect(receiver.frames[0].checksum).toBe(CHECKSUM_UNNECESSARY)
    expect(nic.counters.rx_csum_hw_frames).toBe(1)
    expect(leaks(world)).toBe(0)
  })

  it('in what is unfinished by design, always', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port, receiver } = world
    for (const on of [true, false]) {
      nic.features.set({ rx: on })
      const { frame } = lab.packet({ pieces: [4000], gsoSize: 1000 })
      frame.segments = 4
      port.arrive(frame)
      nic.poll(1, 0)
      expect(receiver.frames[0].checksum).toBe(CHECKSUM_UNNECESSARY)
      receiver.frames.pop()!.release()
    }
    const { rx_csum_partial_frames, rx_gro_hw_frames, rx_segments, rx_packets, rx_summed_bytes } = nic.counters
    expect([rx_csum_partial_frames, rx_gro_hw_frames, rx_segments, rx_packets, rx_summed_bytes]).toEqual([
      2, 2, 8, 2, 0,
    ])
    expect(leaks(world)).toBe(0)
  })
})

describe('polling', () => {
  it('takes no more than its budget and passes the time on', () => {
    const world = card()
    const { lab, nic, port, receiver } = world
    port.arrive(...[1, 2, 3].map(() => lab.received(packet({ partial: false }))))
    expect(receiver.readable).toBe(1)
    expect(nic.poll(2, 77)).toBe(2)
    expect(nic.poll(2, 78)).toBe(1)
    expect(receiver.times).toEqual([77, 77, 78])
    expect(leaks(world)).toBe(0)
  })

  it('tells the stack the most that a poll may take: rx-frames', () => {
    const world = card()
    const { nic } = world
    const set = (rxFrames: unknown) => [nic.setCoalesce({ rxFrames: rxFrames as number }), nic.pollBudget]
    expect([nic.coalesce, nic.pollBudget]).toEqual([{ rxFrames: POLL_BUDGET, txFrames: 0 }, POLL_BUDGET])
    expect(set(7)).toEqual([0, 7])
    for (const wrong of [-1, 1.5, 2 ** 32, Number.NaN, '8', null]) expect(set(wrong)).toEqual([EINVAL, 7])
    expect(set(0)).toEqual([0, 1])
    expect(nic.coalesce.rxFrames).toBe(0)
    expect(set(2 ** 32 - 1)).toEqual([0, 64])
    expect(leaks(world)).toBe(0)
  })

  it('drops and counts what is no Ethernet frame', () => {
    const world = card()
    world.port.arrive(world.lab.received(new Uint8Array(13)))
    world.nic.poll(1, 0)
    expect([world.receiver.frames.length, world.nic.counters.rx_length_errors]).toEqual([0, 1])
    expect(leaks(world)).toBe(0)
  })

  it('drops and counts what nobody takes', () => {
    const world = card({ capabilities: NOTHING })
    world.nic.close()
    const frame = world.lab.received(packet({ partial: false }))
    world.nic.onFrame(frame)
    expect(world.nic.counters.rx_dropped).toBe(1)
    expect(leaks(world)).toBe(0)
  })
})
