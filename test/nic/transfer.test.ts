// The card under a whole stack: transfers over cards whose features flip all the time, and over fault injectors below the
// offloads. Every byte is checked by the receiver; the wire's frames are checked by our own reading of a capture.

import { describe, expect, it } from 'vitest'
import { faultInjector } from '../../drivers/fault-injector.ts'
import { capturePort, PcapngReader } from '../../drivers/pcap/index.ts'
import { seededRandom } from '../../drivers/random.ts'
import { createWire, Simulation } from '../../drivers/wire/index.ts'
import type { Nic } from '../../nic/index.ts'
import type { Port, PortCapabilities } from '../../nic/port.ts'
import type { Random } from '../../stack/base/environment.ts'
import { TestHost } from '../support/test-host.ts'
import { transfer } from '../support/transfer.ts'
import { expectNoLeaks } from '../support/worlds.ts'
import { concatenate, finish, type Layout } from './support/oracle.ts'

const SWITCHES = ['sg', 'tx', 'rx', 'tso', 'tso6', 'gso', 'gro', 'rx-gro-hw']
const MEGABYTE = 1 << 20
const OFFLOAD: PortCapabilities = {
  txChecksum: true,
  scatterGather: true,
  tso4: true,
  tso6: true,
  tsoEcn: false,
  uso: false,
  rxChecksum: true,
  rxGroHw: true,
}

function world(wire: Parameters<typeof createWire>[1], wrap: (port: Port, name: string, sim: Simulation) => Port) {
  const simulation = new Simulation({ seed: 1 })
  const between = createWire(simulation, wire)
  const host = (name: 'a' | 'b', last: number) =>
    new TestHost(simulation, wrap(between[name], name, simulation), {
      name,
      address: `192.0.2.${last}/24`,
      mac: `02:00:00:00:00:0${last}`,
    })
  return { simulation, wire: between, a: host('a', 1), b: host('b', 2) }
}

/** Flips one switch of each card every now and then, for as long as the transfer runs. */
function flipping(simulation: Simulation, nics: Nic[], random: Random, every: number): { flips: number } {
  const count = { flips: 0 }
  const flip = () => {
    for (const nic of nics) nic.features.change({ [SWITCHES[random.below(SWITCHES.length)]]: random.below(2) === 0 })
    count.flips++
    if (count.flips < 20_000) simulation.after(1 + random.below(every), flip)
  }
  simulation.after(1, flip)
  return count
}

/** Frames of a capture whose checksums are not what the plain oracle says they must be. */
function wrongFrames(blocks: Uint8Array[]): number {
  let wrong = 0
  for (const { bytes } of new PcapngReader(concatenate(...blocks)).packets()) {
    if (bytes[12] !== 8 || bytes[13] !== 0) continue
    const transportOffset = 14 + (bytes[14] & 15) * 4
    const layout: Layout = { networkOffset: 14, transportOffset, headerLength: 0, protocol: 'tcp' }
    if (Buffer.compare(bytes, finish(bytes.slice(), layout)) !== 0) wrong++
  }
  return wrong
}

describe('a transfer in both directions', () => {
  it.each([
    { offload: true, loss: 0 },
    { offload: { ...OFFLOAD, gsoMaxSize: 262_144 }, loss: 0 },
    { offload: { ...OFFLOAD, gsoMaxSize: 524_280 }, loss: 0.01 },
    { offload: true, loss: 0.01 },
    { offload: { scatterGather: true, txChecksum: true, rxChecksum: true }, loss: 0 },
  ])('is byte-exact while features flip: %o', ({ offload, loss }) => {
    const blocks: Uint8Array[] = []
    const at = world({ offload, loss, delay: 200, rate: 1e9 }, (port, name, simulation) => {
      const capture = capturePort(port)
      if (name === 'a') capture.start({ write: (bytes) => blocks.push(bytes) }, { clock: simulation.clock })
      return capture
    })
    const { simulation, a, b } = at
    const nics = [a.nic!, b.nic!]
    const count = flipping(simulation, nics, seededRandom(4), 300)
    transfer(simulation, a, b, '192.0.2.2', { up: 2 * MEGABYTE, down: MEGABYTE })
    expect(count.flips).toBeGreaterThan(100)
    for (const { counters } of nics) {
      expect([counters.tx_errors, counters.tx_dropped, counters.rx_csum_errors]).toEqual([0, 0, 0])
      // Each rung had its turn.
      expect(counters.tx_csum_hw_frames).toBeGreaterThan(0)
      expect(counters.tx_csum_sw_frames).toBeGreaterThan(0)
      expect(counters.tx_linearized_frames).toBeGreaterThan(0)
      expect(counters.tx_gso_sw_frames + counters.tx_nogso_frames).toBeGreaterThan(0)
    }
    if (loss === 0) expect(a.stack.counters.TcpRetransSegs + b.stack.counters.TcpRetransSegs).toBe(0)
    expect(wrongFrames(blocks)).toBe(0)
    expectNoLeaks({ hosts: [a, b], wire: at.wire })
  })

  it.each([0, 0.02])('is byte-exact in super-frames above 64 KiB, loss: %d', (loss) => {
    const at = world({ offload: { ...OFFLOAD, gsoMaxSize: 262_144 }, loss, delay: 50 }, (port) => port)
    const { simulation, a, b } = at
    transfer(simulation, a, b, '192.0.2.2', { up: 8 * MEGABYTE, down: MEGABYTE })
    const { rx_gro_hw_bytes, rx_gro_hw_frames, rx_csum_errors } = b.nic!.counters
    if (loss === 0) expect(rx_gro_hw_bytes / rx_gro_hw_frames).toBeGreaterThan(100_000)
    expect([rx_csum_errors, b.stack.counters.IpInHdrErrors, b.stack.counters.IpExtInTruncatedPkts]).toEqual([0, 0, 0])
    expectNoLeaks({ hosts: [a, b], wire: at.wire })
  })

  it.each([false, true])('is byte-exact over fault injectors, offload: %s', (offload) => {
    // A super-frame is one frame: there are fewer of them. Each direction passes two injectors.
    const rate = offload ? 0.03 : 0.01
    const faults = { loss: rate, duplicate: rate, reorder: rate, corrupt: rate, delay: 500, jitter: 20 }
    const at = world({ offload: true }, (port, name, reactor) =>
      faultInjector(port, { ...faults, offload, random: seededRandom(`faults ${name}`), reactor }),
    )
    const { simulation, a, b } = at
    transfer(simulation, a, b, '192.0.2.2', { up: MEGABYTE, down: MEGABYTE })
    const [one, other] = [a.nic!.statistics(), b.nic!.statistics()]
    for (const what of ['lost', 'duplicated', 'reordered', 'corrupted', 'delayed']) {
      for (const name of [`fault_tx_${what}`, `fault_rx_${what}`]) expect(one[name] + other[name]).toBeGreaterThan(0)
    }
    expect(a.stack.counters.TcpRetransSegs).toBeGreaterThan(0)
    if (!offload) expect(a.nic!.counters.rx_csum_errors).toBeGreaterThan(0)
    expectNoLeaks({ hosts: [a, b], wire: at.wire })
  })
})

describe('generic receive offload under a whole stack', () => {
  const end = { receiveQueue: 1 << 20 }
  const plain = { offload: false as const, delay: 200, a: end, b: end }

  it.each([
    { loss: 0, reorder: 0 },
    { loss: 0.01, reorder: 0 },
    { loss: 0, reorder: 0.02 },
    { loss: 0.01, reorder: 0.01, duplicate: 0.01 },
  ])('is byte-exact and changes what TCP sees, not what it counts: %o', (faults) => {
    const { simulation, a, b, wire } = world({ ...plain, ...faults }, (port) => port)
    transfer(simulation, a, b, '192.0.2.2', { up: 4 * MEGABYTE, down: MEGABYTE })
    for (const { nic, stack } of [a, b]) {
      const { rx_gro_sw_frames, rx_gro_sw_segments, rx_gro_sw_acks, rx_packets } = nic!.counters
      expect(rx_gro_sw_frames).toBeGreaterThan(0)
      expect(rx_gro_sw_segments).toBeGreaterThan(2 * rx_gro_sw_frames)
      // Each segment is counted, and each frame only once.
      expect(stack.counters.TcpInSegs - stack.counters.IpInReceives).toBe(
        rx_gro_sw_segments - rx_gro_sw_frames + rx_gro_sw_acks,
      )
      expect(rx_packets).toBeGreaterThanOrEqual(stack.counters.TcpInSegs)
    }
    if (faults.loss + faults.reorder === 0) expect(a.stack.counters.TcpRetransSegs).toBe(0)
    expectNoLeaks({ hosts: [a, b], wire })
  })

  it('takes a transfer in as many segments as without it', () => {
    const [on, off] = [true, false].map((gro) => {
      const { simulation, a, b, wire } = world(plain, (port) => port)
      for (const { nic } of [a, b]) nic!.features.set({ gro })
      transfer(simulation, a, b, '192.0.2.2', { up: 4 * MEGABYTE })
      const { TcpInSegs, IpInReceives, TcpRetransSegs } = b.stack.counters
      expectNoLeaks({ hosts: [a, b], wire })
      return { TcpInSegs, IpInReceives, TcpRetransSegs, merged: b.nic!.counters.rx_gro_sw_frames }
    })
    expect(off.merged).toBe(0)
    expect(on.TcpInSegs).toBe(off.TcpInSegs)
    expect(on.IpInReceives).toBeLessThan(off.IpInReceives / 4)
  })
})
