// Software GRO: what is merged and what is not, judged by the segments that the plain oracle cuts a super-frame into; and
// the way back: the card's own segmentation of what was merged gives the frames that came, byte for byte.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Segmenter } from '../../nic/segmentation.ts'
import { CHECKSUM_UNNECESSARY, type Frame, GSO_ECN, GSO_FIXED_ID, GSO_TCPV4 } from '../../stack/buffer/frame.ts'
import { type Card, card, leaks } from './support/card.ts'
import { EVERYTHING } from './support/memory-port.ts'
import { finish, type Layout, naiveChecksum, naiveSum, pseudoHeader, segment } from './support/oracle.ts'
import { bytesOf, PacketLab, type PacketShape } from './support/packets.ts'

const ACK = 0x10
const PSH = 0x08

interface Write extends PacketShape {
  payload: number
}

/** The frames that a sender's segmentation makes of one write, and where their headers are. */
function burst({ payload, ...shape }: Write, size: number): { frames: Uint8Array[]; layout: Layout } {
  const lab = new PacketLab()
  const { frame, whole, layout } = lab.packet({ partial: false, pieces: [payload], ...shape })
  frame.release()
  return { frames: segment(whole, layout, size), layout }
}

/** Sends frames through the card in one poll; what comes up. */
function pass(world: Card, frames: Uint8Array[], split?: number): Frame[] {
  world.port.arrive(...frames.map((bytes) => world.lab.received(bytes, Math.min(split ?? bytes.length, bytes.length))))
  world.nic.poll(frames.length + 1, 1)
  return world.receiver.frames.splice(0)
}

/** What a frame stands for on the wire: itself, or what the card's segmentation makes of it, checksums finished plainly. */
function onWire(world: Card, frame: Frame): Uint8Array[] {
  if (frame.gsoSize === 0) return [bytesOf(frame)]
  const out: Uint8Array[] = []
  const segmenter = new Segmenter()
  expect(segmenter.begin(frame)).toBe(true)
  while (segmenter.left > 0) {
    const piece = segmenter.next(world.lab.frames) as Frame
    const bytes = bytesOf(piece)
    const at = piece.csumStart + piece.csumOffset
    const checksum = naiveChecksum(bytes.slice(piece.csumStart))
    bytes.set([checksum >>> 8, checksum & 0xff], at)
    out.push(bytes)
    piece.release()
  }
  return out
}

const wire = (world: Card, frames: Frame[]) => frames.flatMap((frame) => onWire(world, frame))
const hex = (frames: Uint8Array[]) => frames.map((bytes) => Buffer.from(bytes).toString('hex'))

/** Family, tag and source port. */
function flowOf(bytes: Uint8Array): string {
  const ip = bytes[12] === 0x81 ? 18 : 14
  const version = bytes[ip] >>> 4
  return `${version} ${ip} ${bytes[ip + (version === 4 ? 20 : 40) + 1]}`
}

function release(frames: Frame[]): void {
  for (const frame of frames) frame.release()
}

/** How many segments each frame that comes up stands for, when the second of three arrivals was changed. */
function segmentsWhen(change: (second: Uint8Array, view: DataView) => void, shape: PacketShape = {}): number[] {
  const world = card()
  const { frames, layout } = burst({ payload: 300, tcpOptions: 12, ...shape }, 100)
  change(frames[1], new DataView(frames[1].buffer))
  frames[1] = finish(frames[1], layout)
  const up = pass(world, frames)
  const counts = up.map((frame) => frame.segments)
  // Whatever is merged: the same frames, in the same order.
  expect(hex(wire(world, up))).toEqual(hex(frames))
  release(up)
  expect(leaks(world)).toBe(0)
  return counts
}

describe('a burst of one flow', () => {
  it('becomes one super-frame, which asks for what segmentation needs', () => {
    const world = card()
    const { frames, layout } = burst({ payload: 14_000, tcpOptions: 12, flags: ACK | PSH }, 1448)
    const [frame, ...rest] = pass(world, frames)
    expect(rest).toEqual([])
    const { segments, gsoSize, gsoType, checksum, csumStart, csumOffset } = frame
    expect({ segments, gsoSize, gsoType, checksum, csumStart, csumOffset }).toEqual({
      ...{ segments: 10, gsoSize: 1448, gsoType: GSO_TCPV4, checksum: CHECKSUM_UNNECESSARY },
      ...{ csumStart: layout.transportOffset, csumOffset: 16 },
    })
    expect(naiveChecksum(bytesOf(frame).slice(14, 34))).toBe(0)
    expect(hex(wire(world, [frame]))).toEqual(hex(frames))
    const { rx_packets, rx_gro_sw_frames, rx_gro_sw_bytes, rx_gro_sw_segments } = world.nic.counters
    expect([rx_packets, rx_gro_sw_frames, rx_gro_sw_bytes, rx_gro_sw_segments]).toEqual([...[10, 1, 14_066, 10]])
    frame.release()
    expect(leaks(world)).toBe(0)
  })

  it('of more segments than a frame has refs becomes several', () => {
    const world = card()
    const { frames } = burst({ payload: 44 * 1448, tcpOptions: 12 }, 1448)
    const up = pass(world, frames)
    expect(up.map((frame) => [frame.segments, frame.refs])).toEqual([
      [17, 16],
      [17, 16],
      [10, 9],
    ])
    expect(hex(wire(world, up))).toEqual(hex(frames))
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('never becomes longer than an IP packet can be', () => {
    const world = card()
    const first = burst({ payload: 6 * 8960 }, 8960).frames
    const second = burst({ payload: 3 * 8960, sequence: 1_000_000 + 6 * 8960, identification: 77 + 6 }, 8960).frames
    const up = pass(world, [...first, ...second])
    expect(up.map(({ segments }) => segments)).toEqual([7, 2])
    expect(hex(wire(world, up))).toEqual(hex([...first, ...second]))
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('ends with the poll', () => {
    const world = card()
    const { frames } = burst({ payload: 600 }, 100)
    const up = [...pass(world, frames.slice(0, 4)), ...pass(world, frames.slice(4))]
    expect(up.map(({ segments }) => segments)).toEqual([4, 2])
    release(up)
    expect(leaks(world)).toBe(0)
  })
})

describe('what is merged', () => {
  it.each<[string, number[], (second: Uint8Array, view: DataView) => void, PacketShape?]>([
    ['all of the same', [3], () => {}],
    ['IPv6 of the same', [3], () => {}, { version: 6 }],
    ['tagged of the same', [3], () => {}, { tag: true }],
    ['up to PSH', [2, 1], (bytes) => bytes.set([ACK | PSH], 47)],
    ['up to FIN', [2, 1], (bytes) => bytes.set([ACK | 1], 47)],
    ['no URG', [1, 1, 1], (bytes) => bytes.set([ACK | 0x20], 47)],
    ['no RST', [1, 1, 1], (bytes) => bytes.set([ACK | 4], 47)],
    ['no SYN', [1, 1, 1], (bytes) => bytes.set([ACK | 2], 47)],
    ['no CWR later than in the first', [1, 2], (bytes) => bytes.set([ACK | 0x80], 47)],
    ['no other ECE', [1, 1, 1], (bytes) => bytes.set([ACK | 0x40], 47)],
    ['no other acknowledgment', [1, 1, 1], (_, view) => view.setUint32(42, view.getUint32(42) + 1)],
    ['no other window', [1, 1, 1], (_, view) => view.setUint16(48, view.getUint16(48) ^ 1)],
    ['no other urgent pointer', [1, 1, 1], (_, view) => view.setUint16(52, 1)],
    ['no other options', [1, 1, 1], (bytes) => bytes.set([2], 60)],
    ['no gap', [1, 1, 1], (_, view) => view.setUint32(38, view.getUint32(38) + 1)],
    ['nothing seen before', [1, 1, 1], (_, view) => view.setUint32(38, view.getUint32(38) - 100)],
    ['no other TTL', [1, 1, 1], (bytes) => bytes.set([63], 22)],
    ['no other TOS', [1, 1, 1], (bytes) => bytes.set([1], 15)],
    ['no other DF', [1, 1, 1], (_, view) => view.setUint16(20, 0)],
    ['no jump of the identification', [1, 1, 1], (_, view) => view.setUint16(18, 1000)],
    ['no other hop limit', [1, 1, 1], (_, view) => view.setUint8(21, view.getUint8(21) ^ 1), { version: 6 }],
    ['no other flow label', [1, 1, 1], (_, view) => view.setUint8(17, view.getUint8(17) ^ 1), { version: 6 }],
  ])('%s', (_, expected, change, shape = {}) => {
    expect(segmentsWhen(change, shape)).toEqual(expected)
  })

  it.each<[string, number, number]>([
    ['source port', 34, 1],
    ['destination address', 33, 1],
    ['link address', 11, 1],
  ])('of another flow in between by %s, each of its own', (_, at, by) => {
    const world = card()
    const { frames, layout } = burst({ payload: 300 }, 100)
    const others = frames.map((bytes) => {
      const other = bytes.slice()
      other[at] ^= by
      return finish(other, layout)
    })
    const up = pass(world, [frames[0], others[0], frames[1], others[1], others[2], frames[2]])
    expect(up.map(({ segments }) => segments)).toEqual([3, 3])
    expect(hex(wire(world, up))).toEqual(hex([...frames, ...others]))
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('of nine flows at once: the oldest goes up for the ninth', () => {
    const world = card()
    const flows = Array.from({ length: 9 }, (_, i) => {
      const { frames, layout } = burst({ payload: 200 }, 100)
      return frames.map((bytes) => {
        bytes[35] = i
        return finish(bytes, layout)
      })
    })
    const up = pass(world, [...flows.map(([first]) => first), ...flows.map(([, second]) => second)])
    const ports = up.map((frame) => [frame.head.view.getUint8(frame.start + 35), frame.segments])
    expect(ports.slice(0, 2)).toEqual([
      [0, 1],
      [1, 1],
    ])
    const inOrder = flows.map((frames) => hex(frames))
    const arrived = wire(world, up)
    for (let i = 0; i < 9; i++) expect(hex(arrived.filter((bytes) => bytes[35] === i))).toEqual(inOrder[i])
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('with an identification that stands still, where nothing may be fragmented', () => {
    const world = card()
    const { frames, layout } = burst({ payload: 400 }, 100)
    for (const bytes of frames) {
      bytes.set([0, 0], 18)
      finish(bytes, layout)
    }
    const [frame, ...rest] = pass(world, frames)
    expect([rest.length, frame.segments, frame.gsoType]).toEqual([0, 4, GSO_TCPV4 | GSO_FIXED_ID])
    expect(hex(wire(world, [frame]))).toEqual(hex(frames))
    frame.release()
    for (const bytes of frames) {
      bytes[20] = 0
      finish(bytes, layout)
    }
    const apart = pass(world, frames)
    expect(apart.map(({ segments }) => segments)).toEqual([1, 1, 1, 1])
    release(apart)
    expect(leaks(world)).toBe(0)
  })

  it('with CWR in the first: ECN segmentation', () => {
    const world = card()
    const { frames } = burst({ payload: 300, flags: ACK | 0x80 }, 100)
    const up = pass(world, frames)
    expect(up.map(({ gsoType }) => gsoType)).toEqual([GSO_TCPV4 | GSO_ECN])
    expect(hex(wire(world, up))).toEqual(hex(frames))
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('before a shorter segment ends it; never with a longer one, a pure ACK, padding, IP options or a fragment', () => {
    const world = card()
    const { frames, layout } = burst({ payload: 250 }, 100)
    const next = burst({ payload: 100, sequence: 1_000_250, identification: 80 }, 100).frames[0]
    const ack = finish(frames[1].slice(0, layout.headerLength), layout)
    const longer = burst({ payload: 120, sequence: 1_000_100, identification: 78 }, 120).frames[0]
    const padded = new Uint8Array([...frames[1], 0, 0])
    const options = burst({ payload: 100, ipOptions: 8, sequence: 1_000_100, identification: 78 }, 100).frames[0]
    const fragment = frames[1].slice()
    fragment[20] |= 0x20
    finish(fragment, layout)
    const counts = (...arrivals: Uint8Array[]) => {
      const up = pass(world, arrivals)
      expect(hex(wire(world, up)).sort()).toEqual(hex(arrivals).sort())
      const out = up.map(({ segments }) => segments)
      release(up)
      return out
    }
    expect(counts(...frames, next)).toEqual([3, 1])
    expect(counts(frames[0], longer)).toEqual([1, 1])
    expect(counts(frames[0], ack, frames[1])).toEqual([1, 1, 1])
    expect(counts(frames[0], padded)).toEqual([1, 1])
    expect(counts(frames[0], options)).toEqual([1, 1])
    expect(counts(frames[0], fragment)).toEqual([1, 1])
    expect(leaks(world)).toBe(0)
  })

  it('with checksums that are unfinished by design, among others that are not', () => {
    const world = card({ capabilities: EVERYTHING })
    const { frames, layout } = burst({ payload: 300 }, 100)
    const arrivals = frames.map((bytes) => world.lab.received(bytes))
    for (const frame of arrivals.slice(0, 2)) {
      frame.csumStart = layout.transportOffset
      frame.csumOffset = 16
      const field = frame.start + layout.transportOffset + 16
      frame.head.view.setUint16(field, naiveSum(pseudoHeader(bytesOf(frame), layout)))
    }
    world.port.arrive(...arrivals)
    world.nic.poll(4, 1)
    const up = world.receiver.frames.splice(0)
    expect(up.map(({ segments }) => segments)).toEqual([3])
    expect(hex(wire(world, up))).toEqual(hex(frames))
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('never with super-frames of the port, which keep their place', () => {
    const world = card({ capabilities: EVERYTHING })
    const first = burst({ payload: 200 }, 100).frames
    const whole = burst({ payload: 200, sequence: 1_000_200, identification: 79 }, 200).frames[0]
    const arrivals = [...first, whole].map((bytes) => world.lab.received(bytes))
    Object.assign(arrivals[2], { gsoSize: 100, gsoType: GSO_TCPV4, segments: 2, checksum: CHECKSUM_UNNECESSARY })
    world.port.arrive(...arrivals)
    world.nic.poll(4, 1)
    const up = world.receiver.frames.splice(0)
    expect(up.map(({ segments }) => segments)).toEqual([2, 2])
    expect(up[1]).toBe(arrivals[2])
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('only when its checksums are right', () => {
    const world = card()
    const { frames } = burst({ payload: 300 }, 100)
    const wrong = frames.map((bytes) => bytes.slice())
    wrong[1][120] ^= 1
    const up = pass(world, wrong)
    expect(up.every(({ segments }) => segments === 1)).toBe(true)
    const header = frames.map((bytes) => bytes.slice())
    header[1][24] ^= 1
    const other = pass(world, header)
    expect(other.map(({ segments }) => segments)).toEqual([1, 1, 1])
    release([...up, ...other])
    expect(leaks(world)).toBe(0)
  })
})

describe('generic-receive-offload', () => {
  it('is a switch: off, each frame comes up alone', () => {
    const world = card()
    const { frames } = burst({ payload: 300 }, 100)
    expect(world.nic.features.get('gro')).toBe(true)
    world.nic.features.set({ gro: false })
    const up = pass(world, frames)
    expect(up.map(({ segments }) => segments)).toEqual([1, 1, 1])
    world.nic.features.set({ gro: true })
    const merged = pass(world, frames)
    expect(merged.map(({ segments }) => segments)).toEqual([3])
    release([...up, ...merged])
    expect(leaks(world)).toBe(0)
  })

  it('switched off in the middle of a poll lets go of what it holds first', () => {
    const world = card()
    const { frames, layout } = burst({ payload: 400 }, 100)
    const udp = burst({ protocol: 'udp', payload: 10 }, 1000).frames[0]
    const { receiver, nic } = world
    const take = receiver.onFrame.bind(receiver)
    receiver.onFrame = (frame, now) => {
      if (frame.length === udp.length) nic.features.set({ gro: false })
      take(frame, now)
    }
    const up = pass(world, [frames[0], frames[1], udp, frames[2], frames[3]])
    expect(up.map(({ segments }) => segments)).toEqual([1, 2, 1, 1])
    expect(hex(wire(world, up.slice(1)))).toEqual(hex(frames))
    expect(layout.transportOffset).toBe(34)
    release(up)
    expect(leaks(world)).toBe(0)
  })

  it('leaks nothing when the card is closed in the middle of a poll', () => {
    const world = card()
    const { frames } = burst({ payload: 300 }, 100)
    const udp = burst({ protocol: 'udp', payload: 10 }, 1000).frames[0]
    world.receiver.onFrame = (frame) => {
      frame.release()
      world.nic.close()
    }
    expect(pass(world, [frames[0], frames[1], udp])).toEqual([])
    expect(world.nic.counters.rx_dropped).toBe(1)
    expect(leaks(world)).toBe(0)
  })
})

describe('cutting what was merged', () => {
  const write = fc.record({
    version: fc.constantFrom(4 as const, 6 as const),
    tag: fc.boolean(),
    tcpOptions: fc.constantFrom(0, 12),
    payload: fc.integer({ min: 1, max: 15_000 }),
    flags: fc.constantFrom(ACK, ACK | PSH, ACK | 1, ACK | 0x80, ACK | 0x40),
    sequence: fc.nat(0xffffffff),
    identification: fc.nat(0xffff),
    seed: fc.nat(),
  })

  it('gives the same frames, byte for byte and in the order of each flow, whatever came', () => {
    const world = card()
    let merged = 0
    fc.assert(
      fc.property(
        fc.array(fc.tuple(write, fc.integer({ min: 1000, max: 9000 }), fc.nat(2)), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { minLength: 200, maxLength: 200 }),
        fc.option(fc.nat(80), { nil: undefined }),
        (writes, choices, beyond) => {
          const queues = writes.map(([shape, size, port]) => {
            const { frames, layout } = burst(shape, size)
            for (const bytes of frames) {
              bytes[layout.transportOffset + 1] = port
              finish(bytes, layout)
            }
            return { frames, layout }
          })
          // Interleaved at random, each write in order.
          const arrivals: Uint8Array[] = []
          for (let i = 0; queues.some(({ frames }) => frames.length > 0); i++) {
            const left = queues.filter(({ frames }) => frames.length > 0)
            arrivals.push(left[choices[i % choices.length] % left.length].frames.shift() as Uint8Array)
          }
          const headers = Math.max(...queues.map(({ layout }) => layout.headerLength))
          const up = pass(world, arrivals, beyond === undefined ? undefined : headers + beyond)
          merged += up.filter(({ segments }) => segments > 1).length
          const sent = wire(world, up)
          for (const key of new Set(arrivals.map(flowOf))) {
            const of = (frames: Uint8Array[]) => hex(frames.filter((bytes) => flowOf(bytes) === key))
            expect(of(sent)).toEqual(of(arrivals))
          }
          release(up)
        },
      ),
      { numRuns: 150 },
    )
    expect(merged).toBeGreaterThan(100)
    expect(leaks(world)).toBe(0)
  })
})
