import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headerLength, Segmenter } from '../../nic/segmentation.ts'
import { type Frame, GSO_TCPV4, GSO_TCPV6, GSO_UDP, MAX_REFS } from '../../stack/buffer/frame.ts'
import { finish, merge, segment } from './support/oracle.ts'
import { bytesOf, PacketLab, type PacketShape } from './support/packets.ts'

/** All segments of a super-frame, which is released. */
function cut(lab: PacketLab, frame: Frame): Frame[] {
  const segmenter = new Segmenter()
  expect(segmenter.begin(frame)).toBe(true)
  const out: Frame[] = []
  for (let next = segmenter.next(lab.frames); next; next = segmenter.next(lab.frames)) out.push(next)
  expect(segmenter.left).toBe(0)
  expect(segmenter.count).toBe(out.length)
  frame.release()
  return out
}

const shapes: fc.Arbitrary<PacketShape> = fc.record({
  version: fc.constantFrom(4 as const, 6 as const),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  tag: fc.boolean(),
  ipOptions: fc.constantFrom(0, 0, 4, 40),
  tcpOptions: fc.constantFrom(0, 12, 40),
  pieces: fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: MAX_REFS }),
  inHead: fc.constantFrom(0, 0, 1, 17),
  gsoSize: fc.integer({ min: 41, max: 600 }),
  ecn: fc.boolean(),
  flags: fc.integer({ min: 0, max: 255 }),
  sequence: fc.constantFrom(0, 1000, 0x7fffff00, 0xffffff00),
  identification: fc.constantFrom(0, 0xfffe, 0xffff, 4660),
  seed: fc.nat(1000),
})

/** A frame may not use all refs and have payload in its header area too. */
const sane = (shape: PacketShape): PacketShape => (shape.pieces!.length === MAX_REFS ? { ...shape, inHead: 0 } : shape)

describe('software segmentation', () => {
  it('builds each segment byte for byte', () => {
    const lab = new PacketLab()
    const { frame } = lab.packet({
      pieces: [5, 4],
      gsoSize: 4,
      flags: 0x99, // CWR, ACK, PSH, FIN
      sequence: 0xfffffffe,
      identification: 0xffff,
      ecn: true,
    })
    const payload = bytesOf(frame).slice(54)
    const addresses = Array.from(bytesOf(frame).slice(26, 34))
    const ports = Array.from(bytesOf(frame).slice(34, 38))
    const segments = cut(lab, frame).map(bytesOf)
    const expected = [
      { length: 44, id: 0xffff, seq: 0xfffffffe, flags: 0x90, data: payload.slice(0, 4) },
      { length: 44, id: 0, seq: 2, flags: 0x10, data: payload.slice(4, 8) },
      { length: 41, id: 1, seq: 6, flags: 0x19, data: payload.slice(8) },
    ]
    expect(segments.length).toBe(3)
    for (const [i, { length, id, seq, flags, data }] of expected.entries()) {
      const bytes = segments[i]
      const view = new DataView(bytes.buffer)
      expect(Array.from(bytes.slice(14, 24))).toEqual([0x45, 0, 0, length, id >> 8, id & 255, 0x40, 0, 64, 6])
      expect(Array.from(bytes.slice(26, 34))).toEqual(addresses)
      expect(Array.from(bytes.slice(34, 38))).toEqual(ports)
      expect(view.getUint32(38)).toBe(seq)
      expect(bytes[46]).toBe(0x50)
      expect(bytes[47]).toBe(flags)
      expect(bytes.slice(54)).toEqual(data)
      // The unfinished checksum: the folded sum of addresses, protocol and the segment's own TCP length.
      let pseudo = 6 + (length - 20)
      for (let at = 26; at < 34; at += 2) pseudo += view.getUint16(at)
      expect(view.getUint16(50)).toBe((pseudo & 0xffff) + (pseudo >>> 16))
    }
    // Nobody released them: three frames, three header pages, and the page they share.
    expect(lab.outstanding).toBe(7)
  })

  it('sets the offload request and points at the same pages, copying nothing', () => {
    const lab = new PacketLab()
    const { frame, layout } = lab.packet({ pieces: [300, 100, 200], gsoSize: 256, tcpOptions: 12 })
    const owner = { onTransmitError: () => {} }
    frame.owner = owner
    const pages = frame.pages.slice(0, 3)
    const places = Array.from(frame.offsets.slice(0, 3))
    const before = pages[0].count
    const segments = cut(lab, frame)
    expect(segments.map((part) => part.refs)).toEqual([1, 3, 1])
    expect(segments[1].pages.slice(0, 3)).toEqual(pages)
    expect(Array.from(segments[1].offsets.slice(0, 3))).toEqual([places[0] + 256, places[1], places[2]])
    expect(Array.from(segments[1].lengths.slice(0, 3))).toEqual([44, 100, 112])
    expect(segments[2].offsets[0]).toBe(places[2] + 112)
    // All refs are to one page: three of the super-frame went, five of the segments came.
    expect(pages[0].count).toBe(before - 3 + 5)
    for (const part of segments) {
      expect(part.csumStart).toBe(layout.transportOffset)
      expect(part.csumOffset).toBe(16)
      expect(part.gsoSize).toBe(0)
      expect(part.owner).toBe(owner)
      expect([part.networkOffset, part.transportOffset]).toEqual([14, 34])
      expect(part.head).not.toBe(frame.head)
      part.release()
    }
    expect(lab.outstanding).toBe(0)
  })

  it('equals the oracle for frames of any shape', () => {
    fc.assert(
      fc.property(shapes.map(sane), (shape) => {
        const lab = new PacketLab()
        const { frame, whole, layout } = lab.packet(shape)
        const expected = segment(whole, layout, shape.gsoSize!)
        const segments = cut(lab, frame)
        expect(segments.length).toBe(expected.length)
        for (const [i, part] of segments.entries()) {
          // The rest of the ladder is the checksum: done by the oracle here, it must not change anything but that field.
          const bytes = bytesOf(part)
          const finished = finish(bytes.slice(), layout)
          expect(finished).toEqual(expected[i])
          const field = layout.transportOffset + part.csumOffset
          finished.set(bytes.slice(field, field + 2), field)
          expect(bytes).toEqual(finished)
          part.release()
        }
        expect(lab.outstanding).toBe(0)
      }),
    )
  })

  it('is undone by merging', () => {
    fc.assert(
      fc.property(shapes.map(sane), (shape) => {
        const lab = new PacketLab()
        const { frame, whole, layout } = lab.packet(shape)
        const segments = cut(lab, frame)
        const wire = segments.map((part) => finish(bytesOf(part), layout))
        for (const part of segments) part.release()
        expect(merge(wire, layout)).toEqual(whole)
        expect(lab.outstanding).toBe(0)
      }),
    )
  })

  it('stops when there is no header page, and goes on later', () => {
    const lab = new PacketLab()
    const { frame, whole, layout } = lab.packet({ pieces: [1000], gsoSize: 100 })
    const segmenter = new Segmenter()
    segmenter.begin(frame)
    const first = segmenter.next(lab.frames)!
    const taken: Frame[] = []
    for (let next = lab.frames.allocate(0); next; next = lab.frames.allocate(0)) taken.push(next)
    expect(segmenter.next(lab.frames)).toBe(null)
    expect(segmenter.left).toBe(900)
    taken.pop()!.release()
    const second = segmenter.next(lab.frames)!
    expect(finish(bytesOf(second), layout)).toEqual(segment(whole, layout, 100)[1])
    for (const one of [first, second, frame, ...taken]) one.release()
    expect(lab.outstanding).toBe(0)
  })

  it('refuses headers and requests that contradict each other', () => {
    const wrong: [string, (frame: Frame) => void][] = [
      ['no checksum request', (frame) => (frame.csumStart = -1)],
      ['a checksum elsewhere', (frame) => (frame.csumStart += 2)],
      ['the checksum field of UDP', (frame) => (frame.csumOffset = 6)],
      ['the other family', (frame) => (frame.gsoType = GSO_TCPV6)],
      ['UFO, which nobody does any more', (frame) => (frame.gsoType = GSO_UDP)],
      ['no type', (frame) => (frame.gsoType = 0)],
      ['a data offset below 5', (frame) => frame.head.view.setUint8(frame.start + 46, 0x40)],
      ['a data offset beyond the header area', (frame) => frame.head.view.setUint8(frame.start + 46, 0xf0)],
      ['an IP version of 5', (frame) => frame.head.view.setUint8(frame.start + 14, 0x55)],
      ['an IP header length of 4', (frame) => frame.head.view.setUint8(frame.start + 14, 0x41)],
      ['a transport header before the network header', (frame) => (frame.networkOffset = 40)],
      ['a header area that is cut off', (frame) => (frame.end = frame.start + 50)],
    ]
    for (const [what, spoil] of wrong) {
      const lab = new PacketLab()
      const { frame } = lab.packet({ pieces: [1000], gsoSize: 100 })
      expect(headerLength(frame)).toBe(54)
      spoil(frame)
      expect({ what, length: headerLength(frame) }).toEqual({ what, length: -1 })
      expect(new Segmenter().begin(frame)).toBe(false)
      frame.release()
    }
    const lab = new PacketLab()
    const { frame } = lab.packet({ version: 6, pieces: [1000], gsoSize: 100 })
    expect(headerLength(frame)).toBe(74)
    frame.gsoType = GSO_TCPV4
    expect(headerLength(frame)).toBe(-1)
  })

  it('never throws, whatever the header says', () => {
    const lab = new PacketLab()
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 60, maxLength: 60 }), shapes.map(sane), (bytes, shape) => {
        const { frame } = lab.packet(shape)
        frame.head.bytes.set(bytes, frame.start)
        const segmenter = new Segmenter()
        if (segmenter.begin(frame)) {
          for (let next = segmenter.next(lab.frames); next; next = segmenter.next(lab.frames)) next.release()
          expect(segmenter.left).toBe(0)
        }
        frame.release()
        expect(lab.outstanding).toBe(0)
      }),
    )
  })
})
