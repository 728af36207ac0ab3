import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type CaptureOptions,
  CapturePort,
  capturePort,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  PcapngReader,
  pcapngWriter,
} from '../../../drivers/pcap/index.ts'
import { Nic, TypeScriptChecksum } from '../../../nic/index.ts'
import { EINVAL } from '../../../stack/base/errno.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { Page } from '../../../stack/buffer/page.ts'
import { Receiver } from '../../nic/support/card.ts'
import { EVERYTHING, MemoryPort } from '../../nic/support/memory-port.ts'
import { concatenate, segment } from '../../nic/support/oracle.ts'
import { bytesOf, PacketLab, type PacketShape } from '../../nic/support/packets.ts'

class Sink {
  readonly blocks: Uint8Array[] = []
  writableLength = 0

  write(bytes: Uint8Array): boolean {
    this.blocks.push(bytes)
    return true
  }

  read() {
    const reader = new PcapngReader(concatenate(...this.blocks))
    return { packets: reader.packets(), reader }
  }
}

function world(capabilities: object = EVERYTHING) {
  const lab = new PacketLab()
  const port = new MemoryPort(lab.memory, { capabilities })
  const capture = capturePort(port)
  let time = 1_000_000
  const clock = { now: () => time++ }
  const receiver = new Receiver()
  const options = { frames: lab.frames, engine: new TypeScriptChecksum(), log: () => {} }
  const nic = new Nic({ ...options, port: capture, address: new MacAddress(2, 1) })
  nic.attach(receiver)
  const send = (shape: PacketShape) => {
    const packet = lab.packet(shape)
    nic.transmit(packet.frame)
    nic.flush()
    return packet
  }
  const close = () => {
    for (const frame of receiver.frames.splice(0)) frame.release()
    nic.close()
    return lab.outstanding
  }
  return { lab, port, capture, clock, receiver, nic, send, close }
}

const start = ({ capture, clock }: ReturnType<typeof world>, sink: Sink, options: Partial<CaptureOptions> = {}) =>
  capture.start(sink, { clock, ...options })

describe('a capture of a port', () => {
  it('records both directions, with their times', () => {
    const at = world()
    const sink = new Sink()
    const stop = start(at, sink, { epochOffset: 1_700_000_000_000_000, name: 'wire' })
    const { whole } = at.send({ pieces: [100] })
    const inbound = at.lab.packet({ inHead: 3, partial: false })
    at.port.arrive(inbound.frame)
    at.nic.poll(1, 0)
    const statistics = stop()
    const { packets, reader } = sink.read()
    expect(reader.error).toBe(null)
    expect(packets.map(({ direction, time }) => [direction, time])).toEqual([
      [DIRECTION_OUTBOUND, 1_700_000_001_000_001],
      [DIRECTION_INBOUND, 1_700_000_001_000_002],
    ])
    expect(packets.map((packet) => Buffer.from(packet.bytes).toString('hex'))).toEqual(
      [whole, inbound.whole].map((bytes) => Buffer.from(bytes).toString('hex')),
    )
    expect(reader.interfaces[0].name).toBe('wire')
    expect(statistics).toEqual({
      start: 1_700_000_001_000_000,
      end: 1_700_000_001_000_003,
      received: 2,
      dropped: 0,
      written: 2,
    })
    expect(reader.statistics).toEqual(statistics)
    expect(stop()).toEqual(statistics)
    expect(at.close()).toBe(0)
  })

  it('finishes in its copy the checksums that are left to the hardware, and leaves the frame alone', () => {
    const at = world()
    const sink = new Sink()
    start(at, sink)
    const shapes: PacketShape[] = [
      { pieces: [4001, 999], gsoSize: 1400, tcpOptions: 12 },
      { pieces: [3, 5, 7] },
      { pieces: [9], protocol: 'udp', version: 6 },
      { pieces: [5001], gsoSize: 1001, version: 6 },
    ]
    const expected = shapes.map((shape) => Buffer.from(at.send(shape).whole).toString('hex'))
    const { frame, whole } = at.lab.packet({ pieces: [77] })
    const before = bytesOf(frame)
    at.capture.onFrame(frame)
    expect(bytesOf(frame)).toEqual(before)
    expect(frame.csumStart).toBe(34)
    expected.push(Buffer.from(whole).toString('hex'))
    expect(sink.read().packets.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).toEqual(expected)
    expect(at.close()).toBe(0)
  })

  it('records super-frames above 64 KiB whole, and cuts what no reader takes for a packet', () => {
    const at = world({ ...EVERYTHING, gsoMaxSize: 524_280 })
    at.nic.setGsoMaxSize(524_280)
    const sink = new Sink()
    start(at, sink)
    const sizes = [[60_000, 60_001], Array(4).fill(65_500), Array(6).fill(65_501)]
    const whole = sizes.map((pieces) => at.send({ pieces, gsoSize: 1448, tcpOptions: 12 }).whole)
    const { packets } = sink.read()
    expect(packets.map(({ originalLength }) => originalLength)).toEqual(whole.map(({ length }) => length))
    for (const [i, { bytes }] of packets.entries()) {
      expect(bytes.length).toBe(Math.min(whole[i].length, 262_144))
      // With the length of 0 that it went out with, and the sum over all of it.
      expect([bytes[16], bytes[17]]).toEqual([0, 0])
      expect(Buffer.compare(bytes, whole[i].subarray(0, bytes.length))).toBe(0)
    }
    expect(at.close()).toBe(0)
  })

  it('counts what it copies and sums, as long as it runs', () => {
    const at = world()
    const packet: PacketShape = { inHead: 0, pieces: [300, 700] }
    at.send(packet)
    expect(at.capture.statistics).toMatchObject({ capture_copied_bytes: 0, capture_summed_bytes: 0 })
    const stop = start(at, new Sink())
    at.send(packet)
    const copied = 54 + 1000
    const summed = 20 + 1000
    expect(at.capture.statistics).toMatchObject({ capture_copied_bytes: copied, capture_summed_bytes: summed })
    const stopShort = start(at, new Sink(), { snapLength: 54 + 100 })
    at.send(packet)
    const all = { capture_copied_bytes: 2 * copied + 54 + 100, capture_summed_bytes: 3 * summed }
    expect(at.capture.statistics).toMatchObject(all)
    stop()
    stopShort()
    at.send(packet)
    expect(at.capture.statistics).toMatchObject(all)
    expect(at.close()).toBe(0)
  })

  it('starts and stops while traffic runs, several at a time', () => {
    const at = world()
    const sinks = [new Sink(), new Sink()]
    at.send({})
    const first = start(at, sinks[0])
    at.send({ inHead: 1 })
    const second = start(at, sinks[1])
    expect(at.capture.captures).toBe(2)
    at.send({ inHead: 2 })
    first()
    at.send({ inHead: 3 })
    second()
    at.send({ inHead: 4 })
    expect(at.capture.captures).toBe(0)
    expect(sinks.map((sink) => sink.read().packets.map(({ originalLength }) => originalLength - 54))).toEqual([
      [1, 2],
      [2, 3],
    ])
    expect(at.close()).toBe(0)
  })

  it('cuts to the snap length and tells the whole, with the checksum of the whole', () => {
    const at = world()
    for (const snapLength of [20, 54, 60, 155, 1000]) {
      const sink = new Sink()
      const stop = start(at, sink, { snapLength })
      const { whole } = at.send({ pieces: [50, 51, 52], inHead: 2 })
      stop()
      const { packets, reader } = sink.read()
      expect(reader.interfaces[0].snapLength).toBe(snapLength)
      expect(packets[0].originalLength).toBe(whole.length)
      // Before the checksum field nothing differs; behind it, it is the finished one.
      expect(Array.from(packets[0].bytes)).toEqual(Array.from(whole.slice(0, snapLength)))
    }
    expect(at.close()).toBe(0)
  })

  it('leaves out what the filter does not want', () => {
    const at = world()
    const sink = new Sink()
    const seen: string[] = []
    const stop = start(at, sink, {
      filter: (frame, direction) => {
        seen.push(direction)
        return frame.length > 100
      },
    })
    at.send({})
    at.send({ inHead: 100 })
    at.port.arrive(at.lab.packet({ partial: false }).frame)
    at.nic.poll(1, 0)
    expect(stop().received).toBe(1)
    expect(seen).toEqual(['out', 'out', 'in'])
    expect(sink.read().packets.length).toBe(1)
    expect(at.close()).toBe(0)
  })

  it('records nothing that the hardware refused', () => {
    const at = world()
    const sink = new Sink()
    start(at, sink)
    at.port.answer = (frame) => (frame.gsoSize > 0 ? EINVAL : 0)
    const { whole, layout } = at.send({ pieces: [3000], gsoSize: 1000 })
    expect(sink.read().packets.map(({ bytes }) => Array.from(bytes))).toEqual(
      segment(whole, layout, 1000).map((bytes) => Array.from(bytes)),
    )
    expect(at.close()).toBe(0)
  })

  it('leaves packets out, and counts them, while the sink cannot keep up', () => {
    const at = world()
    const sink = new Sink()
    const stop = start(at, sink, { queueLimit: 100 })
    at.send({})
    sink.writableLength = 101
    at.send({})
    at.send({})
    sink.writableLength = 100
    at.send({})
    expect(stop()).toMatchObject({ received: 4, dropped: 2, written: 2 })
    const { reader } = sink.read()
    expect(reader.statistics?.dropped).toBe(2)
    expect(at.close()).toBe(0)
  })

  it('ends without harm when the sink fails', () => {
    const at = world()
    const errors: unknown[] = []
    const sink = new Sink()
    const stop = start(at, sink, { onError: (error) => errors.push(error) })
    sink.write = () => {
      throw new Error('disk full')
    }
    at.send({})
    at.send({})
    expect(errors.map(String)).toEqual(['Error: disk full'])
    expect([at.capture.captures, at.port.wire.length, stop().written]).toEqual([0, 2, 0])
    expect(at.close()).toBe(0)
  })

  it('records the headers of what only native code may touch', () => {
    const at = world()
    const sink = new Sink()
    start(at, sink)
    const { frame } = at.lab.packet({ pieces: [10] })
    frame.addRef(new Page(null, 99, null, 0, 4096), 0, 100)
    at.capture.onFrame(frame)
    const { packets } = sink.read()
    expect([packets[0].bytes.length, packets[0].originalLength]).toEqual([54, 164])
    expect(at.close()).toBe(0)
  })

  it('is over when the port is closed', () => {
    const at = world()
    const sink = new Sink()
    const port = pcapngWriter(at.port, sink, { clock: at.clock })
    expect(port).toBeInstanceOf(CapturePort)
    port.close()
    expect(port.captures).toBe(0)
    expect(sink.read().packets).toEqual([])
    const reader = new PcapngReader(concatenate(...sink.blocks))
    reader.packets()
    expect(reader.statistics?.received).toBe(0)
  })
})

/** `it` with a program of the machine, or one loud line and, where everything is required, a failure. */
function itWith(program: string, name: string, body: () => void): void {
  if (spawnSync(program, ['--version']).status === 0) {
    it(name, body)
    return
  }
  const why = `LEFT OUT: ${name}: no ${program} (apt-get install ${program})`
  if (process.env['PAGEWIRE_REQUIRE_ALL']) {
    it(name, () => {
      throw new Error(why)
    })
    return
  }
  process.stderr.write(`\n*** ${why} ***\n`)
  it.skip(why, body)
}

describe('a capture as others see it', () => {
  const SHAPES: PacketShape[] = [
    { pieces: [20_001, 20_002], gsoSize: 1448, tcpOptions: 12 },
    { pieces: [3, 5, 7] },
    { pieces: [9], protocol: 'udp' },
    { pieces: [5001], gsoSize: 1001, version: 6 },
    { pieces: [11], protocol: 'udp', version: 6 },
    { partial: false, inHead: 5 },
  ]

  /** A capture of all shapes in both directions in a file; with a wrong checksum at the end if asked for. */
  function withFile<T>(wrong: boolean, use: (file: string) => T): T {
    const at = world()
    const sink = new Sink()
    const stop = start(at, sink, { epochOffset: 1_700_000_000_000_000 })
    for (const shape of SHAPES) at.send(shape)
    for (const shape of SHAPES) at.port.arrive(at.lab.packet(shape).frame)
    if (wrong) {
      const { frame } = at.lab.packet({ partial: false, inHead: 5 })
      frame.head.bytes[frame.end - 1] ^= 1
      at.port.arrive(frame)
    }
    at.nic.poll(64, 0)
    stop()
    expect(at.close()).toBe(0)
    const folder = mkdtempSync(join(tmpdir(), 'pagewire-pcap-'))
    try {
      const file = join(folder, 'capture.pcapng')
      writeFileSync(file, concatenate(...sink.blocks))
      return use(file)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  function tshark(file: string): string[][] {
    const checks = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`])
    const fields = ['ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status', 'frame.packet_flags_direction']
    const names = [...fields, 'frame.interface_name', 'frame.time_epoch', '_ws.malformed']
    const run = spawnSync('tshark', ['-r', file, '-T', 'fields', ...checks, ...names.flatMap((name) => ['-e', name])], {
      encoding: 'utf8',
    })
    expect(run.status).toBe(0)
    return run.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
  }

  itWith('tshark', 'tshark finds all checksums good, the direction, the interface and the time', () => {
    const rows = withFile(false, tshark)
    expect(rows.length).toBe(2 * SHAPES.length)
    for (const [i, [ip, tcp, udp, direction, name, time, malformed]] of rows.entries()) {
      const { version = 4, protocol = 'tcp' } = SHAPES[i % SHAPES.length]
      // 1 is "good".
      expect([ip, tcp, udp]).toEqual([
        version === 4 ? '1' : '',
        protocol === 'tcp' ? '1' : '',
        protocol === 'udp' ? '1' : '',
      ])
      expect(Number(direction)).toBe(i < SHAPES.length ? 2 : 1)
      expect([name, malformed ?? '']).toEqual(['mem0', ''])
      expect(time).toBe(`1700000001.${String(i + 1).padStart(6, '0')}000`)
    }
    // And it would have seen a bad one.
    expect(withFile(true, tshark).at(-1)?.[1]).toBe('0')
  })

  itWith('tcpdump', 'tcpdump reads it and finds nothing incorrect', () => {
    const tcpdump = (file: string) => {
      const run = spawnSync('tcpdump', ['-vv', '-n', '-r', file], { encoding: 'utf8' })
      expect(run.status).toBe(0)
      return run.stdout
    }
    const good = withFile(false, tcpdump)
    expect(good).not.toMatch(/incorrect|bad|invalid|truncated/)
    expect(good.match(/\(correct\)/g)?.length).toBe(8)
    expect(good.match(/udp sum ok/g)?.length).toBe(4)
    expect(withFile(true, tcpdump)).toMatch(/incorrect/)
  })
})
