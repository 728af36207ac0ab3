// Nothing is allocated per packet: the heap is watched while super-frames and received frames pass a warm card. The median of
// many rounds counts, so that a collection or a compilation in one of them does not matter.

import { describe, expect, it } from 'vitest'
import { Nic, type Port, type PortSink, TypeScriptChecksum } from '../../nic/index.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { CHECKSUM_UNNECESSARY, type Frame, GSO_TCPV4 } from '../../stack/buffer/frame.ts'
import { EVERYTHING } from './support/memory-port.ts'
import { PacketLab } from './support/packets.ts'

const ROUNDS = 41
/** Bytes for each frame on the wire: less than two boxed numbers. A view or a closure would be 50 to 150. */
const SMALL = 24

/** Sends into nothing, and gives the same frame again and again. Allocates nothing itself. */
class NullPort implements Port {
  readonly name = 'null0'
  readonly capabilities = EVERYTHING
  readonly mtu = 1500
  readonly up = true
  readonly txRingSize = 512
  txRingFree = 512
  readonly statistics = {}
  readonly memory
  inbound: (() => Frame) | null = null
  private readonly ring: Frame[] = new Array(512)
  private posted = 0
  private sink: PortSink | null = null

  constructor(lab: PacketLab) {
    this.memory = lab.memory
  }

  setReceiveOptions(): boolean {
    return true
  }

  post(frame: Frame): boolean {
    if (this.txRingFree < 1 + frame.refs) return false
    this.txRingFree -= 1 + frame.refs
    this.ring[this.posted++] = frame
    return true
  }

  doorbell(): void {
    const posted = this.posted
    this.posted = 0
    for (let i = 0; i < posted; i++) {
      this.txRingFree += 1 + this.ring[i].refs
      this.sink!.onComplete(this.ring[i], 0)
    }
  }

  receive(budget: number): number {
    for (let i = 0; i < budget; i++) this.sink!.onFrame(this.inbound!())
    return budget
  }

  attach(sink: PortSink): void {
    this.sink = sink
  }

  close(): void {}
}

function world() {
  const lab = new PacketLab()
  const port = new NullPort(lab)
  const options = { frames: lab.frames, engine: new TypeScriptChecksum(), log: () => {} }
  const nic = new Nic({ ...options, port, address: new MacAddress(2, 1) })
  const { frame: model } = lab.packet({ pieces: [30_000, 30_000], gsoSize: 1448, tcpOptions: 12 })
  const next = (): Frame => {
    const frame = lab.frames.allocate(32) as Frame
    for (let i = 0; i < 66; i++) frame.head.view.setUint8(32 + i, model.head.view.getUint8(32 + i))
    frame.end = 32 + 66
    frame.networkOffset = 14
    frame.transportOffset = frame.csumStart = 34
    frame.csumOffset = 16
    frame.gsoSize = 1448
    frame.gsoType = GSO_TCPV4
    for (let i = 0; i < 2; i++) frame.addRef(model.pages[i].retain(), model.offsets[i], 30_000)
    return frame
  }
  return { lab, port, nic, next, model }
}

/** Median of the bytes that the heap grows by in a run of `work`, after many runs to warm up. */
function growth(work: () => void): number {
  for (let i = 0; i < 200; i++) work()
  const grown: number[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.memoryUsage().heapUsed
    work()
    grown.push(process.memoryUsage().heapUsed - before)
  }
  return grown.sort((a, b) => a - b)[ROUNDS >> 1]
}

describe('a warm card allocates nothing', () => {
  const FRAMES = 400

  it.each([
    ['super-frames that the port segments', {}, 1, SMALL],
    ['super-frames that are segmented here', { tso: false }, 42, SMALL],
    ['super-frames that are segmented and summed here', { tx: false }, 42, SMALL],
    // A copy in JavaScript takes a view of its source, until the optimizer sees that nobody keeps it.
    ['super-frames that are segmented, copied and summed here', { tx: false, sg: false }, 42, SMALL + 112],
  ] as const)('for %s', (_name, wish, segments, limit) => {
    const { lab, nic, next, model } = world()
    nic.features.set({ ...wish })
    const frames = segments === 1 ? FRAMES : 10
    const grown = growth(() => {
      for (let i = 0; i < frames; i++) {
        const frame = next()
        if (!nic.transmit(frame)) throw new Error('no room')
        if ((i & 3) === 3) nic.flush()
      }
      nic.flush()
    })
    expect(grown / (frames * segments)).toBeLessThan(limit)
    expect(nic.counters.tx_dropped + nic.counters.tx_errors).toBe(0)
    model.release()
    nic.close()
    expect(lab.outstanding).toBe(0)
  })

  it('for received frames that are verified here', () => {
    const { lab, nic, port, model } = world()
    model.release()
    nic.attach({
      onFrame: (frame) => frame.release(),
      onReadable: () => {},
      onWritable: () => {},
      onLink: () => {},
    })
    const { frame: packet } = lab.packet({ inHead: 90, partial: false, tcpOptions: 12 })
    port.inbound = () => {
      const frame = lab.frames.wrap(packet.head.retain(), packet.start, packet.end)
      return frame
    }
    const grown = growth(() => nic.poll(FRAMES, 0))
    expect(grown / FRAMES).toBeLessThan(SMALL)
    expect(nic.counters.rx_csum_errors).toBe(0)
    packet.release()
    nic.close()
    expect(lab.outstanding).toBe(0)
  })

  it('for received frames that are merged', () => {
    const { lab, nic, port, model } = world()
    model.release()
    nic.attach({
      onFrame: (frame) => frame.release(),
      onReadable: () => {},
      onWritable: () => {},
      onLink: () => {},
    })
    const size = 90
    const { frame: packet } = lab.packet({ inHead: size, partial: false, tcpOptions: 12 })
    const length = packet.length
    let count = 0
    port.inbound = () => {
      const frame = lab.frames.allocate(32) as Frame
      const { view } = frame.head
      for (let i = 0; i < length; i++) view.setUint8(32 + i, packet.head.view.getUint8(packet.start + i))
      frame.end = 32 + length
      // Seen to be right by the port: what changes here would have to be summed.
      frame.checksum = CHECKSUM_UNNECESSARY
      const next = count++ & 15
      const low = view.getUint16(32 + 40)
      view.setUint16(32 + 40, low + next * size)
      const sum = view.getUint16(32 + 24)
      view.setUint16(32 + 18, view.getUint16(32 + 18) + next)
      view.setUint16(32 + 24, sum - next)
      return frame
    }
    const grown = growth(() => nic.poll(FRAMES, 0))
    expect(grown / FRAMES).toBeLessThan(SMALL)
    const { rx_gro_sw_frames, rx_gro_sw_segments } = nic.counters
    expect(rx_gro_sw_segments).toBe(count)
    expect(rx_gro_sw_segments).toBe(16 * rx_gro_sw_frames)
    packet.release()
    nic.close()
    expect(lab.outstanding).toBe(0)
  })
})
