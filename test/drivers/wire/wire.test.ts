// The simulated wire: when frames arrive, in which order, what is lost, what pushes back, and that nothing leaks.

import { afterEach, describe, expect, test } from 'vitest'
import { createWire, Simulation, type Wire, type WireOptions } from '../../../drivers/wire/index.ts'
import { EFAULT, EINVAL, EMSGSIZE, ENETDOWN, ENODEV } from '../../../stack/base/errno.ts'
import { Page } from '../../../stack/buffer/page.ts'
import { RawEnd } from '../../support/raw-end.ts'

let open: { wire: Wire; ends: RawEnd[] }[] = []

function setup(options: WireOptions = {}) {
  const simulation = new Simulation()
  const wire = createWire(simulation, options)
  const a = new RawEnd(wire.a, simulation.clock)
  const b = new RawEnd(wire.b, simulation.clock)
  open.push({ wire, ends: [a, b] })
  return { simulation, wire, a, b }
}

afterEach(() => {
  const worlds = open
  open = []
  for (const { wire, ends } of worlds) {
    wire.close()
    expect(wire.outstandingPages).toBe(0)
    for (const end of ends) expect(end.outstanding).toBe(0)
  }
})

function numbered(n: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).fill(n)
  bytes[14] = n >>> 8
  bytes[15] = n
  return bytes
}

const numbers = (end: RawEnd) => end.received.map(({ bytes }) => (bytes[14] << 8) | bytes[15])
const times = (end: RawEnd) => end.received.map(({ time }) => time)

describe('when a frame arrives', () => {
  test('without options: at once, unchanged', () => {
    const { simulation, a, b } = setup()
    a.send(numbered(1))
    expect(b.received).toEqual([])
    simulation.runSync()
    expect(b.received).toEqual([{ time: 0, bytes: numbered(1) }])
  })

  test('after the delay, each way its own', () => {
    const { simulation, a, b } = setup({ delay: 1000, b: { delay: 70 } })
    a.send(numbered(1))
    b.send(numbered(2))
    simulation.runSync()
    expect([times(b), times(a)]).toEqual([[1000], [70]])
  })

  test('at the rate of the bottleneck: 1250 bytes at 10 Mbit/s take 1 ms each', () => {
    const { simulation, a, b } = setup({ delay: 500, rate: 10e6 })
    for (let n = 0; n < 4; n++) a.send(numbered(n, 1250))
    simulation.runSync()
    expect(times(b)).toEqual([1500, 2500, 3500, 4500])
    expect(numbers(b)).toEqual([0, 1, 2, 3])
  })

  test('the bottleneck rests between bursts', () => {
    const { simulation, a, b } = setup({ rate: 10e6 })
    a.send(numbered(1, 1250))
    simulation.runSync({ until: 10_000 })
    a.send(numbered(2, 1250))
    simulation.runSync()
    expect(times(b)).toEqual([1000, 11_000])
  })
})

describe('the queue of the bottleneck', () => {
  test('in frames: one leaves, as many as fit wait, the tail is dropped', () => {
    const { simulation, wire, a, b } = setup({ rate: 10e6, queue: 3 })
    for (let n = 0; n < 10; n++) a.send(numbered(n, 1250))
    simulation.runSync()
    expect(numbers(b)).toEqual([0, 1, 2, 3])
    expect(wire.statistics.a).toMatchObject({ sent: 10, queueDropped: 6, delivered: 4, lost: 0, queueHighest: 3 })
  })

  test('in bytes', () => {
    const { simulation, a, b } = setup({ rate: 10e6, queue: { bytes: 2000 } })
    for (const length of [1250, 1250, 600, 1000, 100]) a.send(numbered(length, length))
    simulation.runSync()
    expect(numbers(b)).toEqual([1250, 1250, 600, 100])
  })

  test('has room again as it empties', () => {
    const { simulation, a, b } = setup({ rate: 10e6, queue: 1 })
    for (let n = 0; n < 3; n++) a.send(numbered(n, 1250))
    simulation.runSync({ until: 1000 })
    a.send(numbered(3, 1250))
    simulation.runSync()
    expect(numbers(b)).toEqual([0, 1, 3])
  })
})

describe('what goes wrong on the way', () => {
  const many = (options: WireOptions) => {
    const world = setup(options)
    for (let n = 0; n < 2000; n++) world.simulation.at(n * 10, () => world.a.send(numbered(n)))
    world.simulation.runSync()
    return world
  }

  test('loss: about as many as asked for, the same ones for the same seed, others for another', () => {
    const first = many({ loss: 0.1, seed: 7 })
    expect(first.wire.statistics.a.lost).toBeGreaterThan(140)
    expect(first.wire.statistics.a.lost).toBeLessThan(260)
    expect(first.b.received.length).toBe(2000 - first.wire.statistics.a.lost)
    expect(numbers(many({ loss: 0.1, seed: 7 }).b)).toEqual(numbers(first.b))
    expect(numbers(many({ loss: 0.1, seed: 8 }).b)).not.toEqual(numbers(first.b))
  })

  test('loss by choice', () => {
    const { b } = many({ loss: (bytes, index) => index > 2 && bytes[15] !== 9 })
    expect(numbers(b).slice(0, 5)).toEqual([0, 1, 2, 9, 256 + 9])
  })

  test('one way only', () => {
    const { simulation, a, b } = setup({ a: { loss: 1 } })
    a.send(numbered(1))
    b.send(numbered(2))
    simulation.runSync()
    expect([a.received.length, b.received.length]).toEqual([1, 0])
  })

  test('reordering: the chosen ones come late and others pass them; nothing is missing', () => {
    const { b, wire } = many({ reorder: { chance: 0.05, delay: 35 } })
    const got = numbers(b)
    expect(got).not.toEqual([...got].sort((x, y) => x - y))
    expect([...got].sort((x, y) => x - y)).toEqual(Array.from({ length: 2000 }, (_, n) => n))
    expect(wire.statistics.a.reordered).toBeGreaterThan(50)
    const furthest = Math.max(...got.map((n, at) => Math.abs(n - at)))
    expect(furthest).toBeLessThanOrEqual(4)
  })

  test('duplication: both copies are whole', () => {
    const { b, wire } = many({ duplicate: 0.05 })
    expect(b.received.length).toBe(2000 + wire.statistics.a.duplicated)
    expect(wire.statistics.a.duplicated).toBeGreaterThan(50)
    for (const { bytes } of b.received) expect(bytes).toEqual(numbered((bytes[14] << 8) | bytes[15]))
  })

  test('corruption: one bit of the copy behind the Ethernet header; the page of the sender is untouched', () => {
    const { simulation, wire, a, b } = setup({ corrupt: 1 })
    const page = new Page(null, wire.a.memory.allocate(100).id, new ArrayBuffer(100), 0, 100)
    page.bytes.set(numbered(5))
    wire.a.post(a.frames.wrap(page, 0, 100))
    wire.a.doorbell()
    simulation.runSync()
    expect(page.bytes).toEqual(numbered(5))
    const flipped = b.received[0].bytes.map((byte, at) => byte ^ page.bytes[at])
    expect([...flipped].filter((byte) => byte !== 0)).toHaveLength(1)
    expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(Math.max(...flipped))
    expect(Math.max(...flipped.subarray(0, 14))).toBe(0)
  })

  test('switching one chance on does not shift another', () => {
    const lost = numbers(many({ loss: 0.1, seed: 3 }).b)
    expect(numbers(many({ loss: 0.1, corrupt: 0, reorder: { chance: 0.2, delay: 0 }, seed: 3 }).b)).toEqual(lost)
  })

  test('the way can change while frames travel', () => {
    const { simulation, wire, a, b } = setup({ delay: 100 })
    a.send(numbered(1))
    wire.change({ loss: 1 }, 'a')
    a.send(numbered(2))
    wire.change({ loss: 0, delay: 10 })
    a.send(numbered(3))
    simulation.runSync()
    expect(numbers(b)).toEqual([3, 1])
  })
})

describe('the ring', () => {
  test('at the speed of the line: frames stay on the ring until they are out, then it has room again', () => {
    const { simulation, a } = setup({ a: { lineRate: 10e6, ringSize: 4 } })
    for (let n = 0; n < 4; n++) expect(a.send(numbered(n, 1250))).toBe(true)
    expect(a.send(numbered(4, 1250))).toBe(false)
    expect(a.port.txRingFree).toBe(0)
    simulation.runSync({ until: 999 })
    expect(a.writables).toBe(0)
    simulation.runSync({ until: 1000 })
    expect([a.writables, a.port.txRingFree]).toEqual([1, 1])
    simulation.runSync()
    expect([a.writables, a.port.txRingFree, a.port.statistics.tx_ring_full]).toEqual([1, 4, 1])
  })

  test('nothing leaves before the doorbell', () => {
    const { simulation, a, b } = setup()
    a.port.post(a.frame(numbered(1)))
    simulation.runSync()
    expect(b.received).toEqual([])
    a.port.doorbell()
    simulation.runSync()
    expect(numbers(b)).toEqual([1])
  })

  test('a frame that the hardware cannot send completes with an errno; the others go', () => {
    const { simulation, wire, a, b } = setup({ mtu: 1000 })
    const foreign = new Page(null, 12345, new ArrayBuffer(100), 0, 100)
    a.send(new Uint8Array(10))
    a.send(numbered(1, 2000))
    a.send(numbered(2), (frame) => {
      frame.csumStart = 14
    })
    a.send(numbered(3), (frame) => {
      frame.addRef(foreign.retain(), 0, 10)
    })
    wire.a.post(a.frames.wrap(foreign, 0, 100))
    wire.a.doorbell()
    a.send(numbered(4))
    simulation.runSync()
    expect(a.errors).toEqual([EINVAL, EMSGSIZE, EINVAL, EINVAL, EFAULT])
    expect(numbers(b)).toEqual([4])
    expect(wire.a.statistics.tx_errors).toBe(5)
  })
})

describe('the receiving end', () => {
  test('rings once, and again only after a receive that took less than its budget', () => {
    const { simulation, wire, a, b } = setup()
    let rung = 0
    b.onReadable = () => {
      rung++
    }
    for (let n = 0; n < 5; n++) a.send(numbered(n))
    simulation.runSync()
    expect(rung).toBe(1)
    expect(wire.b.receive(3)).toBe(3)
    a.send(numbered(5))
    simulation.runSync()
    expect(rung).toBe(1)
    expect(wire.b.receive(10)).toBe(3)
    a.send(numbered(6))
    simulation.runSync()
    expect(rung).toBe(2)
    expect(wire.b.receive(10)).toBe(1)
  })

  test('drops and counts what its queue has no room for', () => {
    const { simulation, wire, a, b } = setup({ b: { receiveQueue: 2 } })
    b.onReadable = () => {}
    for (let n = 0; n < 5; n++) a.send(numbered(n))
    simulation.runSync()
    expect(wire.b.receive(10)).toBe(2)
    expect(numbers(b)).toEqual([0, 1])
    expect(wire.b.statistics.rx_dropped).toBe(3)
  })

  test('pads to 60 bytes with bytes that are not zero when asked to', () => {
    const { simulation, a, b } = setup({ pad: true })
    a.send(numbered(1, 42))
    a.send(numbered(2, 61))
    simulation.runSync()
    expect(b.received[0].bytes.subarray(0, 42)).toEqual(numbered(1, 42))
    expect(b.received[0].bytes.subarray(42)).toEqual(new Uint8Array(18).fill(0xa5))
    expect(b.received[1].bytes.length).toBe(61)
  })
})

describe('the carrier', () => {
  test('down: what is on its way is lost, what is posted is refused; up: it works again', () => {
    const { simulation, wire, a, b } = setup({ delay: 100 })
    a.send(numbered(1))
    simulation.runSync({ until: 50 })
    wire.setLink(false)
    wire.setLink(false)
    expect([wire.a.up, wire.b.up, a.links, b.links]).toEqual([false, false, [false], [false]])
    a.send(numbered(2))
    simulation.runSync()
    expect([b.received, a.errors]).toEqual([[], [ENETDOWN]])
    wire.setLink(true)
    a.send(numbered(3))
    simulation.runSync()
    expect([numbers(b), a.links]).toEqual([[3], [false, true]])
  })

  test('close: frames on the ring come back with ENODEV, the other end loses its carrier', () => {
    const { simulation, wire, a, b } = setup({ a: { lineRate: 1e6 } })
    for (let n = 0; n < 3; n++) a.send(numbered(n))
    wire.a.close()
    wire.a.close()
    simulation.runSync()
    expect(a.errors).toEqual([ENODEV, ENODEV, ENODEV])
    expect(b.links).toEqual([false])
    expect(b.received).toEqual([])
  })
})

test('observers see every frame as it leaves, before anything happens to it', () => {
  const { simulation, wire, a, b } = setup({ delay: 100, loss: 1 })
  const seen: string[] = []
  const stop = wire.observe((end, bytes, time) => seen.push(`${time} ${end} ${bytes.length}`))
  a.send(numbered(1))
  simulation.runSync({ until: 10 })
  b.send(numbered(2, 99))
  stop()
  a.send(numbered(3))
  simulation.runSync()
  expect(seen).toEqual(['0 a 100', '10 b 99'])
})

test.each([
  [{ delay: -1 }],
  [{ rate: 0 }],
  [{ loss: 1.5 }],
  [{ queue: 0 }],
  [{ corrupt: Number.NaN }],
  [{ mtu: 10 }],
  [{ a: { ringSize: 0 } }],
])('options that make no sense are refused: %j', (options) => {
  expect(() => createWire(new Simulation(), options)).toThrow(RangeError)
})
