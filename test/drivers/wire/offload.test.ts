// What a wire with offloads does for an end that does not take them: finishes checksums, cuts super-frames. The frames
// are built by hand, the result is taken apart by the strict oracle.

import { afterEach, describe, expect, test } from 'vitest'
import { createWire, Simulation, type Wire, type WireOptions } from '../../../drivers/wire/index.ts'
import { EINVAL } from '../../../stack/base/errno.ts'
import { Page } from '../../../stack/buffer/page.ts'
import { checksum, u16 } from '../../support/bytes.ts'
import { buildEthernet, buildIpv4, buildTcp, dissectIpv4, dissectTcp, pseudoHeader } from '../../support/packet.ts'
import { pattern } from '../../support/pattern.ts'
import { RawEnd } from '../../support/raw-end.ts'

const A = '192.0.2.1'
const B = '192.0.2.2'
const MSS = 1000
const HEADERS = 14 + 20 + 32

let open: { wire: Wire; ends: RawEnd[] }[] = []

afterEach(() => {
  const worlds = open
  open = []
  for (const { wire, ends } of worlds) {
    wire.close()
    expect(wire.outstandingPages).toBe(0)
    for (const end of ends) expect(end.outstanding).toBe(0)
  }
})

function setup(options: WireOptions) {
  const simulation = new Simulation()
  const wire = createWire(simulation, options)
  const a = new RawEnd(wire.a, simulation.clock)
  const b = new RawEnd(wire.b, simulation.clock)
  open.push({ wire, ends: [a, b] })
  return { simulation, wire, a, b }
}

/** A TCP super-frame with `length` bytes of the pattern and the sum of its pseudo-header where the checksum will be. */
function superFrame(length: number, flags = 'FP.'): Uint8Array {
  const options = { ts: { val: 7, ecr: 9 } }
  const fields = { sourcePort: 1, destinationPort: 2, seq: 0xffff_fc00, ack: 5, flags, window: 3, options }
  const tcp = buildTcp(A, B, { ...fields, payload: pattern(0, length) })
  tcp.set(u16(0xffff - checksum(pseudoHeader(A, B, 6, tcp.length))), 16)
  return buildEthernet(
    '02:00:00:00:00:02',
    '02:00:00:00:00:01',
    0x0800,
    buildIpv4({ source: A, destination: B, id: 77, payload: tcp }),
  )
}

function offloaded(frame: { csumStart: number; csumOffset: number; gsoSize: number; gsoType: number }): void {
  frame.csumStart = 34
  frame.csumOffset = 16
  frame.gsoSize = MSS
  frame.gsoType = 1
}

describe('a super-frame', () => {
  test('passes whole to an end that takes it, with what it asks for', () => {
    const { simulation, wire, a, b } = setup({ offload: true })
    const seen: object[] = []
    const onFrame = b.onFrame.bind(b)
    b.onFrame = (frame) => {
      const { csumStart, csumOffset, gsoSize, gsoType, segments, length } = frame
      seen.push({ csumStart, csumOffset, gsoSize, gsoType, segments, length })
      onFrame(frame)
    }
    a.send(superFrame(4500), offloaded)
    simulation.runSync()
    expect(seen).toEqual([
      { csumStart: 34, csumOffset: 16, gsoSize: MSS, gsoType: 1, segments: 5, length: HEADERS + 4500 },
    ])
    expect(b.received[0].bytes).toEqual(superFrame(4500))
    expect(wire.statistics.a.sent).toBe(1)
  })

  test('is cut for an end that does not: finished segments with everything that changes from one to the next', () => {
    const { simulation, wire, a, b } = setup({ offload: true })
    expect(wire.b.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(true)
    a.send(superFrame(4500, 'FP.W'), offloaded)
    simulation.runSync()
    const segments = b.received.map(({ bytes }) => {
      const ip = dissectIpv4(bytes.subarray(14))
      return { id: ip.id, ...dissectTcp(ip) }
    })
    expect(segments.map(({ payload }) => payload.length)).toEqual([1000, 1000, 1000, 1000, 500])
    expect(segments.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4].map((n) => (0xffff_fc00 + n * MSS) >>> 0))
    expect(segments.map(({ id }) => id)).toEqual([77, 78, 79, 80, 81])
    expect(segments.map(({ flags }) => flags)).toEqual(['W.', '.', '.', '.', 'FP.'])
    for (const [n, segment] of segments.entries()) {
      expect(segment).toMatchObject({ ack: 5, window: 3, options: { ts: { val: 7, ecr: 9 } } })
      expect(segment.payload).toEqual(pattern(n * MSS, segment.payload.length))
    }
  })

  test('that is corrupted becomes segments of which one is', () => {
    const { simulation, a, b } = setup({ offload: true, corrupt: 1 })
    a.send(superFrame(4500), offloaded)
    simulation.runSync()
    const bad = b.received.filter(({ bytes }) => {
      try {
        dissectTcp(dissectIpv4(bytes.subarray(14)))
        return false
      } catch {
        return true
      }
    })
    expect([b.received.length, bad.length]).toEqual([5, 1])
  })

  test('is refused by a wire that offers no segmentation', () => {
    const { simulation, a, b } = setup({ offload: { txChecksum: true, scatterGather: true } })
    a.send(superFrame(4500), offloaded)
    simulation.runSync()
    expect([a.errors, b.received.length]).toEqual([[EINVAL], 0])
  })
})

describe('a checksum that is left to the card', () => {
  const onlyChecksum = (frame: { csumStart: number; csumOffset: number }) => {
    frame.csumStart = 34
    frame.csumOffset = 16
  }

  test('is finished for an end that does not take it unfinished', () => {
    const { simulation, wire, a, b } = setup({ offload: true })
    expect(wire.b.setReceiveOptions({ rxChecksum: false, rxGroHw: false })).toBe(true)
    a.send(superFrame(999), onlyChecksum)
    simulation.runSync()
    expect(dissectTcp(dissectIpv4(b.received[0].bytes.subarray(14))).payload).toEqual(pattern(0, 999))
  })

  test('stays as it is for an end that does', () => {
    const { simulation, a, b } = setup({ offload: true })
    a.send(superFrame(999), onlyChecksum)
    simulation.runSync()
    expect(b.received[0].bytes).toEqual(superFrame(999))
  })
})

test('a port says what it cannot be told to hand up', () => {
  const { wire } = setup({})
  expect(wire.a.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(false)
  expect(wire.a.setReceiveOptions({ rxChecksum: false, rxGroHw: false })).toBe(true)
  const full = setup({ offload: true })
  expect(full.wire.a.setReceiveOptions({ rxChecksum: false, rxGroHw: true })).toBe(false)
})

test('a frame in pieces is gathered in order', () => {
  const { simulation, wire, a, b } = setup({ offload: { scatterGather: true } })
  const pages = [1, 2, 3].map((n) => {
    const region = wire.a.memory.allocate(100)
    const page = new Page(null, region.id, region.buffer, 0, 100)
    page.bytes.fill(n)
    return page
  })
  a.send(new Uint8Array(20).fill(9), (frame) => {
    for (const [n, page] of pages.entries()) frame.addRef(page, n * 10, 10 + n)
  })
  simulation.runSync()
  expect([...b.received[0].bytes]).toEqual([
    ...new Array(20).fill(9),
    ...new Array(10).fill(1),
    ...new Array(11).fill(2),
    ...new Array(12).fill(3),
  ])
  for (const page of pages) expect(page.count).toBe(0)
})
