import { describe, expect, it } from 'vitest'
import { FaultInjector, type FaultOptions, faultInjector } from '../../drivers/fault-injector.ts'
import { HeldFrames } from '../../drivers/faults/held-frames.ts'
import { capturePort, PcapngReader } from '../../drivers/pcap/index.ts'
import { seededRandom } from '../../drivers/random.ts'
import { Simulation } from '../../drivers/wire/index.ts'
import { Nic, TypeScriptChecksum } from '../../nic/index.ts'
import { NEVER } from '../../stack/base/deadlines.ts'
import { ENODEV } from '../../stack/base/errno.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { CHECKSUM_BAD, CHECKSUM_UNNECESSARY, type Frame } from '../../stack/buffer/frame.ts'
import { Owner, Receiver } from '../nic/support/card.ts'
import { EVERYTHING, MemoryPort, NOTHING } from '../nic/support/memory-port.ts'
import { concatenate, segment } from '../nic/support/oracle.ts'
import { PacketLab, type PacketShape } from '../nic/support/packets.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** A card over a fault injector over a port in memory, in virtual time, all of whose frames tell who they are. */
function world(faults: Omit<FaultOptions, 'random'>, seed = 1, ringSize = 4096) {
  const simulation = new Simulation()
  const lab = new PacketLab()
  const port = new MemoryPort(lab.memory, { capabilities: EVERYTHING, ringSize })
  const injector = faultInjector(port, { random: seededRandom(seed), reactor: simulation, ...faults })
  const receiver = new Receiver()
  const arrived: { at: number; number: number; checksum: number }[] = []
  receiver.onFrame = (frame: Frame) => {
    arrived.push({ at: simulation.now, number: frame.head.view.getUint32(frame.start + 38), checksum: frame.checksum })
    frame.release()
  }
  const options = { frames: lab.frames, engine: new TypeScriptChecksum(), log: () => {} }
  const nic = new Nic({ ...options, port: injector, address: new MacAddress(2, 1) })
  receiver.onReadable = () => {
    simulation.after(0, () => {
      while (nic.poll(16, simulation.now) === 16);
    })
  }
  nic.attach(receiver)
  const send = (number: number, shape: PacketShape = { pieces: [100] }) => {
    const packet = lab.packet({ ...shape, sequence: number, partial: shape.partial ?? true })
    expect(nic.transmit(packet.frame)).toBe(true)
    nic.flush()
    return packet
  }
  const arrive = (number: number, shape: PacketShape = {}) =>
    port.arrive(lab.packet({ inHead: 20, partial: false, ...shape, sequence: number }).frame)
  const close = () => {
    nic.close()
    return lab.outstanding + injector.outstanding
  }
  return { simulation, lab, port, injector, nic, arrived, send, arrive, close }
}

const numbers = (wire: Uint8Array[]): number[] => wire.map((bytes) => new DataView(bytes.buffer).getUint32(38))
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('the fault injector', () => {
  it('without faults changes nothing', () => {
    const at = world({})
    for (const i of range(10)) at.send(i)
    for (const i of range(10)) at.arrive(i)
    at.simulation.runSync()
    expect(numbers(at.port.wire)).toEqual(range(10))
    expect(at.arrived.map(({ number }) => number)).toEqual(range(10))
    expect(at.close()).toBe(0)
  })

  it('loses about as many as it was told, the same ones for the same seed, and completes them', () => {
    const run = (seed: number) => {
      const at = world({ loss: 0.2 }, seed)
      for (const i of range(1000)) at.send(i)
      for (const i of range(1000)) at.arrive(i)
      at.simulation.runSync()
      const { fault_tx_lost, fault_rx_lost, tx_packets } = at.nic.statistics()
      expect([fault_tx_lost, fault_rx_lost]).toEqual([1000 - at.port.wire.length, 1000 - at.arrived.length])
      // The card knows of no loss.
      expect(tx_packets).toBe(1000)
      expect(at.close()).toBe(0)
      return { sent: numbers(at.port.wire), got: at.arrived.map(({ number }) => number) }
    }
    const first = run(7)
    expect(run(7)).toEqual(first)
    const second = run(8)
    expect(second).not.toEqual(first)
    expect(first.sent).not.toEqual(first.got)
    for (const { sent, got } of [first, second]) {
      for (const left of [sent.length, got.length]) expect(Math.abs(left - 800)).toBeLessThan(60)
    }
  })

  it('loses all or nothing when told so', () => {
    for (const [loss, left] of [
      [0, 5],
      [1, 0],
    ]) {
      const at = world({ loss })
      for (const i of range(5)) at.send(i)
      expect(at.port.wire.length).toBe(left)
      expect(at.close()).toBe(0)
    }
  })

  it('duplicates', () => {
    const at = world({ duplicate: 1 })
    for (const i of range(3)) at.send(i)
    for (const i of range(3)) at.arrive(i)
    at.simulation.runSync()
    expect(numbers(at.port.wire)).toEqual([0, 0, 1, 1, 2, 2])
    expect(hex(at.port.wire[0])).toBe(hex(at.port.wire[1]))
    expect(at.arrived.map(({ number }) => number)).toEqual([0, 0, 1, 1, 2, 2])
    expect(at.nic.statistics()).toMatchObject({ fault_tx_duplicated: 3, fault_rx_duplicated: 3, tx_packets: 3 })
    const copied = 3 * (54 + 100) + 3 * (54 + 20)
    expect(at.nic.statistics()).toMatchObject({ fault_copied_bytes: copied, fault_summed_bytes: 0 })
    expect(at.close()).toBe(0)
  })

  it('delays each direction by its own time, keeping the order', () => {
    const at = world({ delay: 300, receive: { delay: 500 } })
    at.simulation.at(1000, () => at.send(1))
    at.simulation.at(1000, () => at.send(2))
    at.simulation.at(1100, () => at.arrive(3))
    const seen: [number, number][] = []
    for (const time of [1299, 1300, 1599, 1600]) {
      at.simulation.runSync({ until: time })
      seen.push([at.port.wire.length, at.arrived.length])
    }
    expect(seen).toEqual([
      [0, 0],
      [2, 0],
      [2, 0],
      [2, 1],
    ])
    expect(numbers(at.port.wire)).toEqual([1, 2])
    expect(at.arrived).toEqual([{ at: 1600, number: 3, checksum: CHECKSUM_UNNECESSARY }])
    // Completed at once: the ring is not blocked by what is under way.
    expect(at.nic.counters.tx_packets).toBe(2)
    expect(at.injector.nextDeadline()).toBe(NEVER)
    expect(at.close()).toBe(0)
  })

  it('lets later frames overtake by reordering and by jitter', () => {
    for (const faults of [
      { reorder: 0.3, reorderDelay: 250 },
      { delay: 100, jitter: 400 },
    ]) {
      const at = world(faults, 3)
      for (const i of range(50)) {
        at.simulation.at(i * 100, () => {
          at.send(i)
          at.arrive(i)
        })
      }
      at.simulation.runSync()
      for (const order of [numbers(at.port.wire), at.arrived.map(({ number }) => number)]) {
        expect(order).not.toEqual(range(50))
        expect(order.sort((a, b) => a - b)).toEqual(range(50))
      }
      const { fault_tx_reordered, fault_rx_reordered, fault_tx_delayed, fault_rx_delayed } = at.nic.statistics()
      if ('reorder' in faults) {
        expect([fault_tx_delayed, fault_rx_delayed]).toEqual([fault_tx_reordered, fault_rx_reordered])
        expect(fault_tx_reordered).toBeGreaterThan(5)
      } else {
        expect([fault_tx_delayed, fault_rx_delayed]).toEqual([50, 50])
      }
      expect(at.close()).toBe(0)
    }
  })

  it('corrupts one bit of a copy, which the receiver finds', () => {
    const at = world({ corrupt: 1 })
    for (const i of range(100)) {
      const { whole, frame } = at.lab.packet({ pieces: [60], sequence: i })
      const page = frame.pages[0].retain()
      const before = hex(page.bytes)
      at.nic.transmit(frame)
      at.nic.flush()
      // The page is what it was.
      expect(hex(page.bytes)).toBe(before)
      page.release()
      const bytes = at.port.wire[i]
      let bits = 0
      for (let at = 0; at < whole.length; at++) {
        for (let rest = whole[at] ^ bytes[at]; rest > 0; rest &= rest - 1) bits++
      }
      expect(bits).toBe(1)
      expect(hex(bytes.slice(0, 14))).toBe(hex(whole.slice(0, 14)))
    }
    for (const i of range(100)) at.arrive(i)
    at.simulation.runSync()
    expect(at.arrived.length).toBe(100)
    expect(at.arrived.filter(({ checksum }) => checksum === CHECKSUM_BAD).length).toBeGreaterThan(60)
    expect(at.nic.statistics()).toMatchObject({ fault_tx_corrupted: 100, fault_rx_corrupted: 100 })
    expect(at.close()).toBe(0)
  })

  it('spares what no checksum protects', () => {
    const at = world({ corrupt: 1 })
    const { frame } = at.lab.packet({ partial: false, inHead: 10 })
    frame.head.view.setUint16(frame.start + 12, 0x0806)
    const expected = hex(frame.head.bytes.slice(frame.start, frame.end))
    at.nic.transmit(frame)
    at.nic.flush()
    expect(at.port.wire.map(hex)).toEqual([expected])
    expect(at.nic.statistics()['fault_tx_corrupted']).toBe(0)
    expect(at.close()).toBe(0)
  })

  it('offers no offload unless told to', () => {
    const at = world({})
    expect(at.injector.capabilities).toEqual(NOTHING)
    // The port below hands up finished frames of the MTU too.
    expect(at.port.told).toEqual([{ rxChecksum: false, rxGroHw: false }])
    expect(at.injector.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(false)
    const { whole, layout } = at.send(9, { pieces: [5000], gsoSize: 1400 })
    expect(at.port.wire.map(hex)).toEqual(segment(whole, layout, 1400).map(hex))
    expect(at.close()).toBe(0)
    const with_ = world({ offload: true, loss: 0.5 })
    expect(with_.injector.capabilities).toEqual({ ...EVERYTHING, gsoMaxSize: 65535, sumsOnPost: false })
    expect(with_.port.told).toEqual([{ rxChecksum: true, rxGroHw: true }])
    for (const i of range(40)) with_.send(i, { pieces: [5000], gsoSize: 1400 })
    // Lost as a whole.
    expect(with_.port.wire.length % 4).toBe(0)
    expect(with_.port.posted.every(({ gsoSize }) => gsoSize === 1400)).toBe(true)
    expect(with_.close()).toBe(0)
  })

  it('does not let harm be summed into an unfinished checksum', () => {
    const at = world({ offload: true, corrupt: 1 })
    at.send(1, { pieces: [50] })
    expect(at.port.posted[0].csumStart).toBe(-1)
    at.send(2, { pieces: [5000], gsoSize: 1400 })
    expect(at.port.wire.length).toBe(1)
    at.port.arrive(at.lab.packet({ pieces: [70], sequence: 3 }).frame)
    at.simulation.runSync()
    expect(at.arrived.length).toBe(1)
    expect(at.nic.counters.rx_csum_partial_frames).toBe(0)
    expect(at.nic.statistics()).toMatchObject({ fault_tx_corrupted: 2, fault_rx_corrupted: 1 })
    expect(at.close()).toBe(0)
  })

  it('does not let harm hide behind a verdict of the hardware', () => {
    const at = world({ offload: true, corrupt: 1 })
    for (const i of range(50)) {
      const { frame } = at.lab.packet({ inHead: 150, partial: false, sequence: i })
      frame.checksum = CHECKSUM_UNNECESSARY
      at.port.arrive(frame)
    }
    at.simulation.runSync()
    expect(at.nic.counters.rx_csum_hw_frames).toBe(0)
    expect(at.nic.counters.rx_csum_errors).toBeGreaterThan(40)
    expect(at.close()).toBe(0)
  })

  it('asks its reactor for a poll when something is due earlier than before', () => {
    const lab = new PacketLab()
    let time = 0
    let polls = 0
    const handle = { requestPoll: () => polls++, ref: () => {}, unref: () => {}, detach: () => {} }
    const reactor = { clock: { now: () => time }, attach: () => handle }
    const port = new MemoryPort(lab.memory)
    const injector = faultInjector(port, { random: seededRandom(1), reactor, delay: 10 })
    const onComplete = (frame: Frame) => frame.release()
    const nothing = () => {}
    const sink = { onFrame: onComplete, onComplete, onReadable: nothing, onWritable: nothing, onLink: nothing }
    injector.attach(sink, lab.frames)
    expect(injector.nextDeadline()).toBe(NEVER)
    for (const at of [100, 105]) {
      time = at
      injector.post(lab.packet({ partial: false }).frame)
      injector.doorbell()
    }
    // The later one is due later: the reactor knows enough.
    expect([polls, injector.nextDeadline()]).toEqual([1, 110])
    time = 110
    expect(injector.poll()).toBe(false)
    expect([port.wire.length, injector.nextDeadline()]).toEqual([1, 115])
    injector.close()
    expect(lab.outstanding + injector.outstanding).toBe(0)
  })

  it('holds back no more than its limit', () => {
    const at = world({ delay: 1000, limit: 3 })
    for (const i of range(5)) at.send(i)
    for (const i of range(5)) at.arrive(i)
    at.simulation.runSync()
    expect(numbers(at.port.wire)).toEqual([0, 1, 2])
    expect(at.arrived.map(({ number }) => number)).toEqual([0, 1, 2])
    expect(at.nic.statistics()).toMatchObject({ fault_tx_overflowed: 2, fault_rx_overflowed: 2 })
    expect(at.close()).toBe(0)
  })

  it('waits for room on the ring below', () => {
    const at = world({ delay: 10 }, 1, 18)
    at.port.perDoorbell = 0
    for (const i of range(20)) at.send(i)
    at.simulation.runSync({ until: 100 })
    expect([at.port.waiting, at.port.wire.length]).toEqual([18, 0])
    expect(at.injector.nextDeadline()).toBe(NEVER)
    at.port.drain(5)
    at.simulation.runSync({ until: 200 })
    at.port.drain(100)
    expect(numbers(at.port.wire)).toEqual(range(20))
    expect(at.close()).toBe(0)
  })

  it('passes back-pressure, link and errors on', () => {
    const at = world({ loss: 0.5 }, 1, 18)
    at.port.perDoorbell = 0
    const owner = new Owner()
    let taken = 0
    for (let i = 0; i < 100; i++) {
      const { frame } = at.lab.packet({})
      frame.owner = owner
      if (at.nic.transmit(frame)) taken++
      else frame.release()
    }
    expect([at.port.txRingFree, at.nic.writable]).toEqual([0, false])
    at.port.link(false)
    expect(at.nic.up).toBe(false)
    at.nic.close()
    // All that was taken ended with an answer: lost ones too, for the doorbell never came.
    expect(owner.errnos).toEqual(Array(taken).fill(ENODEV))
    expect(at.lab.outstanding).toBe(0)
  })

  it('stands in a row with a capture, each seeing what passes it', () => {
    const simulation = new Simulation()
    const lab = new PacketLab()
    const port = new MemoryPort(lab.memory, { capabilities: EVERYTHING })
    const below = capturePort(port)
    const injector = new FaultInjector(below, { random: seededRandom(5), loss: 0.5 })
    const above = capturePort(injector)
    const nic = new Nic({
      port: above,
      frames: lab.frames,
      engine: new TypeScriptChecksum(),
      address: new MacAddress(2, 1),
      log: () => {},
    })
    const blocks: Uint8Array[][] = [[], []]
    for (const [i, capture] of [below, above].entries()) {
      capture.start({ write: (bytes) => blocks[i].push(bytes) }, { clock: simulation.clock })
    }
    for (let i = 0; i < 20; i++) nic.transmit(lab.packet({ sequence: i }).frame)
    nic.flush()
    nic.close()
    const counts = blocks.map((list) => new PcapngReader(concatenate(...list)).packets().length)
    expect(counts).toEqual([port.wire.length, 20])
    expect(lab.outstanding).toBe(0)
  })

  it('refuses rates that are none', () => {
    const lab = new PacketLab()
    const port = new MemoryPort(lab.memory)
    const random = seededRandom(1)
    expect(() => faultInjector(port, { random, loss: 1.1 })).toThrow(RangeError)
    expect(() => faultInjector(port, { random, receive: { corrupt: -1 } })).toThrow(RangeError)
    expect(() => faultInjector(port, { random, duplicate: Number.NaN })).toThrow(RangeError)
    expect(() => faultInjector(port, { random, delay: -1, reactor: new Simulation() })).toThrow(RangeError)
    expect(() => faultInjector(port, { random, delay: 5 })).toThrow(TypeError)
    expect(() => faultInjector(port, { random, transmit: { reorder: 0.1 } })).toThrow(TypeError)
  })
})

describe('held frames', () => {
  it('come out by time, and in the order in which they came in among equals', () => {
    const lab = new PacketLab()
    const held = new HeldFrames(10)
    const frames = range(6).map(() => lab.frames.allocate(0) as Frame)
    for (const [i, time] of [50, 10, 50, 20, 10, 5].entries()) expect(held.add(frames[i], time)).toBe(true)
    const order: number[] = []
    expect(held.due(4)).toBe(false)
    while (held.due(50)) {
      order.push(held.next())
      expect(held.peek()).toBe(frames[[5, 1, 4, 3, 0, 2][order.length - 1]])
      held.take().release()
    }
    expect(order).toEqual([5, 10, 10, 20, 50, 50])
    expect(held.next()).toBe(NEVER)
    expect(lab.outstanding).toBe(0)
  })
})
