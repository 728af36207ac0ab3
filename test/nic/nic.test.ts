import { describe, expect, it } from 'vitest'
import { Nic, TypeScriptChecksum } from '../../nic/index.ts'
import { EAGAIN, EFAULT, EINVAL, EIO, EMSGSIZE, ENETDOWN, ENOBUFS, ENODEV } from '../../stack/base/errno.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { Page } from '../../stack/buffer/page.ts'
import { card, leaks, Owner } from './support/card.ts'
import { EVERYTHING, MemoryPort, NOTHING } from './support/memory-port.ts'
import { segment } from './support/oracle.ts'
import { PacketLab } from './support/packets.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the card as a device', () => {
  it('is what its port is', () => {
    const world = card({ mtu: 1400 })
    const { nic, port, receiver } = world
    expect([nic.name, nic.mtu, nic.up, nic.writable, `${nic.address}`]).toEqual([
      'mem0',
      1400,
      true,
      true,
      '02:00:00:00:00:01',
    ])
    port.mtu = 9000
    expect(nic.mtu).toBe(9000)
    port.link(false)
    expect(nic.up).toBe(false)
    port.link(true)
    port.link(false, true)
    expect(receiver.links).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ])
    port.up = true
    expect(nic.up).toBe(false)
    expect(leaks(world)).toBe(0)
  })

  it('refuses a port whose ring cannot hold the largest frame', () => {
    const lab = new PacketLab()
    const options = {
      frames: lab.frames,
      engine: new TypeScriptChecksum(),
      address: new MacAddress(2, 1),
      log: () => {},
    }
    const small = (capabilities: object, ringSize: number) =>
      new Nic({ ...options, port: new MemoryPort(lab.memory, { capabilities, ringSize }) })
    expect(() => small({ scatterGather: true }, 17)).toThrow(RangeError)
    expect(small({ scatterGather: true }, 18).writable).toBe(true)
    expect(small({}, 1).writable).toBe(true)
  })

  it('rings once for all that was taken since the last time', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    nic.flush()
    expect(port.doorbells).toBe(0)
    for (let i = 0; i < 8; i++) nic.transmit(lab.packet({ pieces: [100] }).frame)
    expect(port.wire.length).toBe(0)
    nic.flush()
    expect([port.doorbells, port.wire.length]).toEqual([1, 8])
    expect(leaks(world)).toBe(0)
  })

  it('rings as soon as tx-frames are on the ring, and for the rest at the end of the burst', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    const burst = (frames: number) => {
      const before = port.doorbells
      for (let i = 0; i < frames; i++) nic.transmit(lab.packet({ pieces: [100] }).frame)
      const during = port.doorbells - before
      nic.flush()
      return [during, port.doorbells - before]
    }
    expect(burst(10)).toEqual([0, 1])
    expect(nic.setCoalesce({ txFrames: 4 })).toBe(0)
    expect(burst(10)).toEqual([2, 3])
    nic.setCoalesce({ txFrames: 1 })
    expect(burst(10)).toEqual([10, 10])
    nic.setCoalesce({ txFrames: 0 })
    expect(burst(10)).toEqual([0, 1])
    expect(port.wire.length).toBe(40)
    expect(leaks(world)).toBe(0)
  })

  it('loses nothing of what comes back from a doorbell in the middle of a burst', () => {
    const world = card({ capabilities: EVERYTHING, ringSize: 40 })
    const { lab, nic, port } = world
    nic.setCoalesce({ txFrames: 3 })
    // The hardware refuses the second super-frame: it and all later ones are cut here, twenty segments each.
    port.errnos = [0, EINVAL]
    const expected: string[] = []
    for (let seed = 1; seed <= 6; seed++) {
      const { frame, whole, layout } = lab.packet({ pieces: [2000], gsoSize: 100, seed })
      expected.push(...segment(whole, layout, 100).map(hex))
      while (!nic.transmit(frame)) nic.flush()
    }
    nic.flush()
    expect(port.wire.map(hex).sort()).toEqual(expected.sort())
    expect(nic.counters.tx_gso_fallback).toBe(1)
    expect(leaks(world)).toBe(0)
  })

  it('counts each frame by the errno that it ended with, and tells its owner', () => {
    const world = card()
    const { lab, nic, port } = world
    const owner = new Owner()
    port.errnos = [0, EIO, EAGAIN, EIO, 200]
    port.statistics['tx_errors'] = 17
    for (let i = 0; i < 5; i++) {
      const { frame } = lab.packet({ partial: false })
      frame.owner = owner
      nic.transmit(frame)
    }
    nic.flush()
    expect(owner.errnos).toEqual([EIO, EAGAIN, EIO, 200])
    const { tx_packets, tx_errors, tx_error_EIO, tx_error_EAGAIN, tx_error_E200, rx_no_buffer } = nic.statistics()
    expect([tx_packets, tx_errors, tx_error_EIO, tx_error_EAGAIN, tx_error_E200]).toEqual([1, 4, 2, 1, 1])
    // The port's own are among them, and hide none of the card's.
    expect([rx_no_buffer, nic.statistics()['port_tx_errors']]).toEqual([0, 17])
    expect(leaks(world)).toBe(0)
  })

  it('refuses what the MTU does not allow, and says so at the next flush and not within the call', () => {
    const world = card({ capabilities: EVERYTHING, mtu: 600 })
    const { lab, nic, port } = world
    const owner = new Owner()
    const send = (shape: Parameters<typeof lab.packet>[0]) => {
      const { frame } = lab.packet(shape)
      frame.owner = owner
      expect(nic.transmit(frame)).toBe(true)
    }
    send({ pieces: [560] })
    send({ pieces: [561] })
    send({ pieces: [2000], gsoSize: 560 })
    send({ pieces: [2000], gsoSize: 561 })
    send({ pieces: [560], tag: true })
    send({ pieces: [561], gsoSize: 561 })
    expect(owner.errnos).toEqual([])
    nic.flush()
    expect(owner.errnos).toEqual([EMSGSIZE, EMSGSIZE, EMSGSIZE])
    expect(port.wire.map((packet) => packet.length)).toEqual([614, 614, 614, 614, 374, 618])
    expect([nic.counters.tx_oversize, nic.counters.tx_dropped]).toEqual([3, 3])
    expect(leaks(world)).toBe(0)
  })

  it('drops what contradicts itself', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic } = world
    const owner = new Owner()
    const beyond = lab.packet({ pieces: [10] }).frame
    beyond.csumStart = 40
    beyond.csumOffset = 16
    const noChecksum = lab.packet({ pieces: [3000], gsoSize: 1000 }).frame
    noChecksum.csumStart = -1
    const tooLong = lab.packet({ pieces: [60000, 6000], gsoSize: 1000, version: 6 }).frame
    for (const frame of [beyond, noChecksum, tooLong]) {
      frame.owner = owner
      nic.transmit(frame)
    }
    nic.flush()
    expect(owner.errnos).toEqual([EINVAL, EINVAL, EINVAL])
    expect(nic.counters.tx_malformed).toBe(3)
    expect(leaks(world)).toBe(0)
  })

  it('tells EFAULT when a page cannot be read by whoever has to', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    const owner = new Owner()
    for (const wish of [
      { sg: false, tx: true },
      { sg: true, tx: false },
      { sg: false, tx: false },
    ]) {
      nic.features.set(wish)
      const { frame } = lab.packet({ pieces: [10] })
      frame.addRef(new Page(null, 99, null, 0, 4096), 0, 100)
      frame.owner = owner
      nic.transmit(frame)
      nic.flush()
    }
    expect(owner.errnos).toEqual([EFAULT, EFAULT, EFAULT])
    expect(port.wire.length).toBe(0)
    expect([nic.counters.tx_dropped, nic.counters.tx_copied_bytes, nic.counters.tx_summed_bytes]).toEqual([3, 0, 0])
    expect(leaks(world)).toBe(0)
  })

  it('drops and tells while there is no carrier', () => {
    const world = card()
    const { lab, nic, port } = world
    const owner = new Owner()
    port.link(false)
    const { frame } = lab.packet({})
    frame.owner = owner
    expect(nic.transmit(frame)).toBe(true)
    nic.flush()
    expect(owner.errnos).toEqual([ENETDOWN])
    expect([nic.counters.tx_carrier_errors, nic.counters.tx_dropped]).toEqual([1, 1])
    port.link(true)
    nic.transmit(lab.packet({}).frame)
    nic.flush()
    expect(port.wire.length).toBe(1)
    expect(leaks(world)).toBe(0)
  })
})

describe('back-pressure', () => {
  it('takes all of a super-frame or nothing, and stops until there is room', () => {
    const world = card({ capabilities: { scatterGather: true, txChecksum: true }, ringSize: 24 })
    const { lab, nic, port, receiver } = world
    port.perDoorbell = 0
    const first = lab.packet({ pieces: [20_000], gsoSize: 1000 })
    const second = lab.packet({ pieces: [3000], gsoSize: 1000, seed: 2 })
    expect(nic.transmit(first.frame)).toBe(true)
    // Twelve segments of two descriptors fill the ring; eight more wait in the card.
    expect([port.waiting, port.txRingFree, nic.writable]).toEqual([12, 0, false])
    expect(nic.transmit(second.frame)).toBe(false)
    expect(second.frame.refs).toBe(1)
    nic.flush()
    expect(receiver.writable).toBe(0)
    // Room for some: the card asks for a poll, and goes on in its flush; the stack still waits.
    port.drain(5)
    expect(receiver.readable).toBeGreaterThan(0)
    expect(receiver.writable).toBe(0)
    nic.flush()
    expect([port.waiting, port.txRingFree, nic.writable]).toEqual([12, 0, false])
    port.drain(12)
    nic.flush()
    expect([port.waiting, receiver.writable, nic.writable]).toEqual([3, 1, true])
    expect(nic.transmit(second.frame)).toBe(true)
    port.perDoorbell = 100
    nic.flush()
    expect(port.wire.map(hex)).toEqual(
      [...segment(first.whole, first.layout, 1000), ...segment(second.whole, second.layout, 1000)].map(hex),
    )
    expect([nic.counters.tx_stop, nic.counters.tx_wake]).toEqual([1, 1])
    expect(leaks(world)).toBe(0)
  })

  it('wakes by completions outside of a flush too', () => {
    const world = card({ ringSize: 4 })
    const { lab, nic, port, receiver } = world
    port.perDoorbell = 0
    for (let i = 0; i < 4; i++) expect(nic.transmit(lab.packet({}).frame)).toBe(true)
    const { frame } = lab.packet({})
    expect(nic.transmit(frame)).toBe(false)
    nic.flush()
    expect(receiver.writable).toBe(0)
    port.drain(1)
    expect(receiver.writable).toBe(1)
    port.drain(1)
    expect(receiver.writable).toBe(1)
    expect(nic.transmit(frame)).toBe(true)
    port.drain(9)
    expect(port.wire.length).toBe(5)
    expect(leaks(world)).toBe(0)
  })

  it('wakes only when a quarter of the ring is free', () => {
    const world = card({ ringSize: 40 })
    const { lab, nic, port, receiver } = world
    port.perDoorbell = 0
    for (let i = 0; i < 40; i++) nic.transmit(lab.packet({}).frame)
    expect(nic.writable).toBe(false)
    nic.flush()
    port.drain(9)
    expect(receiver.writable).toBe(0)
    port.drain(1)
    expect(receiver.writable).toBe(1)
    expect(leaks(world)).toBe(0)
  })

  it('goes on when the port says that it can', () => {
    const world = card({ ringSize: 2 })
    const { lab, nic, port, receiver } = world
    port.perDoorbell = 0
    const { frame, whole, layout } = lab.packet({ pieces: [4000], gsoSize: 1000 })
    nic.transmit(frame)
    const readable = receiver.readable
    port.writable()
    expect(receiver.readable).toBe(readable + 1)
    port.perDoorbell = 100
    nic.flush()
    expect(port.wire.map(hex)).toEqual(segment(whole, layout, 1000).map(hex))
    expect(leaks(world)).toBe(0)
  })

  it('waits for header pages in the middle of a super-frame', () => {
    const world = card({ capabilities: { scatterGather: true } })
    const { lab, nic, port } = world
    const { frame, whole, layout } = lab.packet({ pieces: [10_000], gsoSize: 1000 })
    const taken = [lab.frames.allocate(0)!]
    for (let next = lab.frames.allocate(0); next; next = lab.frames.allocate(0)) taken.push(next)
    for (let i = 0; i < 3; i++) taken.pop()!.release()
    expect(nic.transmit(frame)).toBe(true)
    expect(nic.writable).toBe(false)
    nic.flush()
    // Each doorbell gave three header pages back.
    expect(port.wire.map(hex)).toEqual(segment(whole, layout, 1000).map(hex))
    expect(nic.writable).toBe(true)
    for (const one of taken) one.release()
    expect(leaks(world)).toBe(0)
  })

  it('gives up a frame that an empty ring refuses', () => {
    const world = card()
    const { lab, nic, port } = world
    const owner = new Owner()
    port.post = () => false
    const { frame } = lab.packet({})
    frame.owner = owner
    expect(nic.transmit(frame)).toBe(true)
    nic.flush()
    expect(owner.errnos).toEqual([EINVAL])
    expect(leaks(world)).toBe(0)
  })
})

describe('a port that refuses what it offered', () => {
  it('gets super-frames no more; the refused ones go out in software, in order, and it is said once', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port, said } = world
    port.answer = (frame) => (frame.gsoSize > 0 ? EINVAL : 0)
    const heard: string[] = []
    nic.features.onChange((change) => heard.push(...change.deltas.map(({ name, on }) => `${name} ${on}`)))
    const expected: string[] = []
    const owner = new Owner()
    for (let i = 0; i < 4; i++) {
      const packet = lab.packet({ pieces: [3000, 2000], gsoSize: 1448, tcpOptions: 12, seed: i })
      packet.frame.owner = owner
      expected.push(...segment(packet.whole, packet.layout, 1448).map(hex))
      expect(nic.transmit(packet.frame)).toBe(true)
    }
    nic.flush()
    const late = lab.packet({ pieces: [5000], gsoSize: 1448, tcpOptions: 12 })
    expected.push(...segment(late.whole, late.layout, 1448).map(hex))
    nic.transmit(late.frame)
    nic.flush()
    expect(port.wire.map(hex)).toEqual(expected)
    expect(heard).toEqual(['tx-tcp-segmentation false'])
    expect(said.length).toBe(1)
    expect(said[0]).toContain('tx-tcp-segmentation')
    expect(owner.errnos).toEqual([])
    expect([nic.features.tso4, nic.features.tso6, nic.features.isWanted('tso')]).toEqual([false, true, true])
    const { tx_gso_fallback, tx_errors, tx_dropped, tx_gso_sw_frames, tx_packets } = nic.counters
    expect([tx_gso_fallback, tx_errors, tx_dropped, tx_gso_sw_frames, tx_packets]).toEqual([4, 0, 0, 5, 20])
    expect(leaks(world)).toBe(0)
  })

  it('gets the rest of its segmentation offloads still', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    port.answer = (frame) => ((frame.gsoType & 0x80) !== 0 ? EINVAL : 0)
    for (const ecn of [true, true, false]) {
      nic.transmit(lab.packet({ pieces: [3000], gsoSize: 1000, ecn }).frame)
    }
    nic.flush()
    expect([nic.features.tsoEcn, nic.features.tso4]).toEqual([false, true])
    expect([nic.counters.tx_gso_fallback, nic.counters.tx_gso_hw_frames, nic.counters.tx_packets]).toEqual([2, 3, 7])
    nic.transmit(lab.packet({ version: 6, pieces: [3000], gsoSize: 1000 }).frame)
    nic.transmit(lab.packet({ protocol: 'udp', pieces: [3000], gsoSize: 1000 }).frame)
    port.answer = (frame) => (frame.gsoSize > 0 ? EINVAL : 0)
    nic.flush()
    expect([nic.features.tso6, nic.features.uso, nic.features.tso4]).toEqual([false, false, true])
    expect(leaks(world)).toBe(0)
  })

  it('also when the answer comes long after: the stack is asked for a poll, and its flush sends', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port, receiver } = world
    port.perDoorbell = 0
    port.errnos = [EINVAL]
    const packet = lab.packet({ pieces: [3000], gsoSize: 1000 })
    nic.transmit(packet.frame)
    nic.flush()
    port.perDoorbell = 100
    expect(receiver.readable).toBe(0)
    port.drain(1)
    expect([receiver.readable, nic.writable]).toEqual([1, false])
    nic.flush()
    expect(port.wire.map(hex)).toEqual(segment(packet.whole, packet.layout, 1000).map(hex))
    expect(leaks(world)).toBe(0)
  })

  it('is no reason to doubt checksums: that owner is told', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    const owner = new Owner()
    port.errnos = [EINVAL]
    const { frame } = lab.packet({ pieces: [100] })
    frame.owner = owner
    nic.transmit(frame)
    nic.flush()
    expect(owner.errnos).toEqual([EINVAL])
    expect([nic.counters.tx_csum_rejected, nic.counters.tx_errors, nic.features.txChecksum]).toEqual([1, 1, true])
    expect(leaks(world)).toBe(0)
  })

  it('and with another errno: no fallback', () => {
    const world = card({ capabilities: EVERYTHING })
    const { lab, nic, port } = world
    const owner = new Owner()
    port.errnos = [ENOBUFS]
    const { frame } = lab.packet({ pieces: [3000], gsoSize: 1000 })
    frame.owner = owner
    nic.transmit(frame)
    nic.flush()
    expect([owner.errnos, nic.features.tso4, nic.counters.tx_gso_fallback]).toEqual([[ENOBUFS], true, 0])
    expect(leaks(world)).toBe(0)
  })
})

describe('the end of a card', () => {
  it('tells the owners of all that was not sent, and leaks nothing', () => {
    const world = card({ capabilities: { scatterGather: true }, ringSize: 20 })
    const { lab, nic, port } = world
    const owner = new Owner()
    port.perDoorbell = 0
    const { frame } = lab.packet({ pieces: [20_000], gsoSize: 1000 })
    frame.owner = owner
    nic.transmit(frame)
    nic.flush()
    expect(port.waiting).toBe(10)
    nic.close()
    nic.close()
    // Ten segments on the ring, one that was cut, and the super-frame with the rest.
    expect(owner.errnos).toEqual(Array(12).fill(ENODEV))
    const late = lab.packet({})
    late.frame.owner = owner
    expect(nic.transmit(late.frame)).toBe(true)
    nic.flush()
    expect(owner.errnos.length).toBe(13)
    expect(leaks(world)).toBe(0)
  })

  it('comes when the hardware goes', () => {
    const world = card({ capabilities: { scatterGather: true }, ringSize: 20 })
    const { lab, nic, port, receiver } = world
    const owner = new Owner()
    port.perDoorbell = 0
    const { frame } = lab.packet({ pieces: [20_000], gsoSize: 1000 })
    frame.owner = owner
    nic.transmit(frame)
    port.link(false, true)
    expect(receiver.links).toEqual([[false, true]])
    expect(owner.errnos).toEqual([ENODEV, ENODEV])
    expect(nic.up).toBe(false)
    expect(leaks(world)).toBe(0)
  })
})

describe('receive features', () => {
  it('are told to the port, at first and whenever they change', () => {
    const world = card({ capabilities: EVERYTHING })
    const { nic, port } = world
    nic.features.set({ 'rx-gro-hw': false })
    nic.features.set({ tso: false })
    nic.features.set({ rx: false, 'rx-gro-hw': true })
    nic.features.set({ rx: true })
    expect(port.told).toEqual([
      { rxChecksum: true, rxGroHw: true },
      { rxChecksum: true, rxGroHw: false },
      { rxChecksum: false, rxGroHw: false },
      { rxChecksum: true, rxGroHw: true },
    ])
    expect(leaks(world)).toBe(0)
  })

  it('stay when the port refuses, and nothing else is held up by it', () => {
    const world = card({ capabilities: EVERYTHING })
    const { nic, port } = world
    port.takesReceiveOptions = false
    const change = nic.features.set({ rx: false, tso: false })
    expect([nic.features.rxChecksum, nic.features.rxGroHw, nic.features.tso4]).toEqual([true, true, false])
    expect(change.deltas.find(({ name }) => name === 'rx-checksum')).toEqual({
      name: 'rx-checksum',
      on: true,
      changed: false,
      requested: false,
    })
    expect(leaks(world)).toBe(0)
  })

  it('are not told to a port that has none', () => {
    const world = card({ capabilities: NOTHING })
    expect(world.port.told).toEqual([])
    expect(leaks(world)).toBe(0)
  })
})
