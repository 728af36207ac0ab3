// The TAP port against a real TAP: every test makes a device of its own in the namespace of this run.

import { spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import {
  configureInterface,
  interfaceInfo,
  type OpenTapOptions,
  openTap,
  type TapPort,
} from '../../../drivers/tap/index.ts'
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Frame, GSO_TCPV4 } from '../../../stack/buffer/frame.ts'
import { describeInNamespace, leaveOut } from '../../native/namespace.ts'
import { ETHERNET, fold, frameBytes, IPV4, macBytes, Pools, Sink, spread, sumOf, UDP, udpFrame } from './support.ts'
import { TcpAnswerer } from './tcp-answerer.ts'

const EIO = 5
const ENODEV = 19
const EINVAL = 22

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff)
}

describeInNamespace('a TAP port', import.meta.url, () => {
  let pools: Pools
  let sink: Sink
  const ports: TapPort[] = []
  const sockets: Socket[] = []

  beforeEach(() => {
    pools = new Pools()
    sink = new Sink()
  })

  afterEach(() => {
    sink.release()
    for (const socket of sockets.splice(0)) socket.close()
    for (const port of ports.splice(0)) {
      port.close()
      expect(port.memory.regions).toBe(0)
    }
    expect(pools.outstanding).toBe(0)
    pools.close()
    expect(pools.memory.regions).toBe(0)
  })

  function open(options: Partial<OpenTapOptions> = {}): TapPort {
    const port = openTap({ name: 'pw0', ...options })
    ports.push(port)
    return port
  }

  function openUp(options: Partial<OpenTapOptions> = {}): TapPort {
    const port = open(options)
    configureInterface(port.name, { address: '192.0.2.1/24', up: true })
    port.attach(sink, pools.frames)
    // True at once, and nothing that the sink would have to be told within `attach`.
    expect(port.up).toBe(true)
    expect(sink.links).toEqual([])
    return port
  }

  async function listen(): Promise<{ port: number; next: () => Promise<Buffer> }> {
    const socket = createSocket('udp4')
    sockets.push(socket)
    const got: Buffer[] = []
    let wake = () => {}
    socket.on('message', (message) => {
      got.push(message)
      wake()
    })
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    const next = async () => {
      while (got.length === 0) await new Promise<void>((done) => (wake = done))
      return got.shift() as Buffer
    }
    return { port: socket.address().port, next }
  }

  /** Has the kernel broadcast a datagram of so many bytes, and gives the frame that comes. */
  async function broadcaster(port: TapPort): Promise<(length: number) => Promise<Frame>> {
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    return async (length) => {
      await new Promise((done) => socket.send(new Uint8Array(length).fill(length & 0xff), 9, '192.0.2.255', done))
      for (;;) {
        const readables = sink.readables
        port.receive(64)
        const found = sink.frames.find((each) => each.length === ETHERNET + IPV4 + UDP + length)
        if (found) return found
        await sink.wait(() => sink.readables > readables)
      }
    }
  }

  function kernelMac(): Uint8Array {
    return macBytes(interfaceInfo('pw0')?.mac as string)
  }

  function send(port: TapPort, frame: Frame): void {
    expect(port.post(frame)).toBe(true)
    port.doorbell()
  }

  for (const vnetHeader of [true, false]) {
    it(`hands the kernel gathered frames (vnet header ${vnetHeader})`, async () => {
      const port = openUp({ vnetHeader })
      expect(port.capabilities.scatterGather).toBe(true)
      expect(port.capabilities.txChecksum).toBe(vnetHeader)
      const { port: number, next } = await listen()
      const payload = pattern(1400)
      const pieces = [1, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47]
      send(port, udpFrame(pools, { destinationMac: kernelMac(), port: number, payload, pieces }))
      expect(Uint8Array.from(await next())).toEqual(payload)
      expect(sink.completions).toEqual([0])
      expect(port.statistics['tap_tx_bytes']).toBe(ETHERNET + IPV4 + UDP + 1400 + (vnetHeader ? 10 : 0))
      expect(port.txRingFree).toBe(port.txRingSize)
    })
  }

  for (const vnetHeader of [true, false]) {
    it(`finishes checksums on the way to the device (vnet header ${vnetHeader})`, async () => {
      const port = openUp({ vnetHeader })
      const { port: number, next } = await listen()
      for (const length of [0, 1, 999, 1400]) {
        const payload = pattern(length)
        const pieces = length > 100 ? [1, 2, 97] : []
        const frame = udpFrame(pools, { destinationMac: kernelMac(), port: number, payload, pieces, partial: true })
        expect(port.post(frame, true)).toBe(true)
        expect(frame.csumStart).toBe(-1)
        port.doorbell()
        // The kernel drops a datagram whose checksum is wrong.
        expect(Uint8Array.from(await next())).toEqual(payload)
      }
      expect(sink.completions).toEqual([0, 0, 0, 0])
    })

    it(`sums what it reads (vnet header ${vnetHeader})`, async () => {
      const port = openUp({ vnetHeader })
      const receive = await broadcaster(port)
      for (const length of [1, 18, 999, 1400]) {
        const frame = await receive(length)
        expect(frame.sum).toBe(fold(sumOf(frameBytes(frame).subarray(ETHERNET))))
        expect(frame.checksum).toBe(CHECKSUM_NONE)
      }
      if (!vnetHeader) return
      // Of what the kernel vouches for, or leaves unfinished, there is nothing to be known.
      expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(true)
      await receive(7)
      expect((await receive(8)).sum).toBe(-1)
    })
  }

  it('holds frames of a larger MTU in larger pages', async () => {
    const port = openUp({ vnetHeader: false })
    const receive = await broadcaster(port)
    const small = await receive(1000)
    expect(small.head.length).toBeLessThan(2048)
    configureInterface('pw0', { mtu: 9000 })
    while (port.mtu !== 9000) await new Promise((done) => setImmediate(done))
    const large = await receive(8900)
    expect(large.length).toBe(ETHERNET + IPV4 + UDP + 8900)
    expect(fold(sumOf(frameBytes(large).subarray(ETHERNET)))).toBe(large.sum)
    expect(frameBytes(large).at(-1)).toBe(8900 & 0xff)
  })

  it('leaves checksum and segmentation to the kernel', async () => {
    const port = openUp()
    const { port: number, next } = await listen()
    const payload = pattern(5000)
    const destinationMac = kernelMac()
    send(port, udpFrame(pools, { destinationMac, port: number, payload: payload.subarray(0, 999), partial: true }))
    expect(Uint8Array.from(await next())).toEqual(payload.subarray(0, 999))
    expect(port.capabilities.uso).toBe(true)
    send(port, udpFrame(pools, { destinationMac, port: number, payload, pieces: [2001], partial: true, gsoSize: 1200 }))
    for (let at = 0; at < 5000; at += 1200) {
      expect(Uint8Array.from(await next())).toEqual(payload.subarray(at, at + 1200))
    }
    expect(sink.completions).toEqual([0, 0])
  })

  it('finds room for the header where the frame has none', async () => {
    const port = openUp()
    const { port: number, next } = await listen()
    const payload = pattern(700)
    const destinationMac = kernelMac()
    for (let i = 0; i < 300; i++) {
      const frame = udpFrame(pools, { destinationMac, port: number, payload, pieces: [100], headroom: i % 2 ? 4 : 64 })
      send(port, frame)
      expect(Uint8Array.from(await next())).toEqual(payload)
    }
    // 18 pieces and the header.
    const pieces = new Array(16).fill(10)
    send(port, udpFrame(pools, { destinationMac, port: number, payload, pieces, headroom: 0 }))
    expect(Uint8Array.from(await next())).toEqual(payload)
    expect(new Set(sink.completions)).toEqual(new Set([0]))
  })

  it('answers each frame for itself: one bad frame does not stop the burst', async () => {
    const port = openUp()
    const { port: number, next } = await listen()
    const payload = pattern(100)
    const destinationMac = kernelMac()
    const good = () => udpFrame(pools, { destinationMac, port: number, payload, partial: true })
    const bad = good()
    bad.csumStart = 500
    for (const frame of [good(), bad, good()]) expect(port.post(frame)).toBe(true)
    port.doorbell()
    expect(sink.completions).toEqual([0, EINVAL, 0])
    await next()
    await next()
    expect(port.statistics['tap_doorbells']).toBe(1)
    expect(port.statistics['tap_writes']).toBe(3)
  })

  it('refuses a frame when the ring is full and tells when there is room', async () => {
    const port = openUp({ ringSize: 32 })
    const { port: number } = await listen()
    const frame = () =>
      udpFrame(pools, { destinationMac: kernelMac(), port: number, payload: pattern(90), pieces: [30, 30] })
    for (let i = 0; i < 8; i++) expect(port.post(frame())).toBe(true)
    expect(port.txRingFree).toBe(0)
    const left = frame()
    expect(port.post(left)).toBe(false)
    left.release()
    expect(sink.writables).toBe(0)
    port.doorbell()
    expect(sink.writables).toBe(1)
    expect(sink.completions.length).toBe(8)
    expect(port.txRingFree).toBe(32)
  })

  it('receives with unfinished checksums only when told to', async () => {
    const port = openUp()
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    const payload = pattern(333)
    const udpFrames = () => sink.frames.filter((frame) => frame.head.view.getUint16(frame.start + 12) === 0x0800)
    for (const rxChecksum of [false, true]) {
      expect(port.setReceiveOptions({ rxChecksum, rxGroHw: false })).toBe(true)
      sink.release()
      socket.send(payload, 9, '192.0.2.255')
      while (udpFrames().length === 0) {
        const readables = sink.readables
        port.receive(64)
        if (udpFrames().length === 0) await sink.wait(() => sink.readables > readables)
      }
      const [frame] = udpFrames()
      // The Ethernet header stands so that the IP header is aligned.
      expect((frame.head.regionOffset + frame.start + ETHERNET) % 4).toBe(0)
      const bytes = frameBytes(frame)
      expect(bytes.subarray(ETHERNET + IPV4 + UDP)).toEqual(payload)
      const pseudo = sumOf(bytes.subarray(ETHERNET + 12, ETHERNET + IPV4)) + 17 + UDP + payload.length
      if (rxChecksum) {
        expect(frame.checksum).toBe(CHECKSUM_UNNECESSARY)
        expect([frame.csumStart, frame.csumOffset]).toEqual([ETHERNET + IPV4, 6])
        expect(new DataView(bytes.buffer).getUint16(ETHERNET + IPV4 + 6)).toBe(fold(pseudo))
      } else {
        expect(frame.checksum).toBe(CHECKSUM_NONE)
        expect(frame.csumStart).toBe(-1)
        expect(fold(pseudo + sumOf(bytes.subarray(ETHERNET + IPV4)))).toBe(0xffff)
      }
      expect(frame.segments).toBe(1)
    }
  })

  it('takes super-frames of TCP from the kernel when told to', async () => {
    const port = openUp()
    const peer = new TcpAnswerer(port, pools, kernelMac())
    for (const rxGroHw of [true, false]) {
      expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw })).toBe(true)
      const socket = connect({ host: '192.0.2.2', port: 80 })
      socket.write(pattern(14_600))
      let got = 0
      while (got < 14_600) {
        const readables = sink.readables
        port.receive(64)
        for (const frame of sink.frames.splice(0)) {
          const payload = peer.answer(frame)
          if (payload > 0) {
            const size = rxGroHw && payload > 1460 ? 1460 : 0
            expect([frame.gsoSize, frame.gsoType]).toEqual([size, size ? GSO_TCPV4 : 0])
            expect(frame.segments).toBe(size ? Math.ceil(payload / 1460) : 1)
            expect([frame.checksum, frame.csumStart, frame.csumOffset]).toEqual([CHECKSUM_UNNECESSARY, 34, 16])
            got += payload
          }
          frame.release()
        }
        if (got < 14_600) await sink.wait(() => sink.readables > readables)
      }
      // The kernel chooses the size: some segments at least.
      if (rxGroHw) expect(peer.largest).toBeGreaterThanOrEqual(2 * 1460)
      else expect(peer.largest).toBe(1460)
      peer.largest = 0
      socket.destroy()
    }
  })

  it('has no receive offload without the header, and refuses to be told so', () => {
    const port = open({ vnetHeader: false })
    expect(port.capabilities).toEqual({
      gsoMaxSize: 65535,
      txChecksum: false,
      scatterGather: true,
      sumsOnPost: true,
      tso4: false,
      tso6: false,
      tsoEcn: false,
      uso: false,
      rxChecksum: false,
      rxGroHw: false,
    })
    expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(false)
    expect(port.setReceiveOptions({ rxChecksum: false, rxGroHw: false })).toBe(true)
  })

  it('shows the kernel what it takes', () => {
    const port = open()
    const features = () => spawnSync('ethtool', ['-k', 'pw0'], { encoding: 'utf8' }).stdout
    if (features() === null) throw new Error('no ethtool (apt-get install ethtool)')
    expect(features()).toMatch(/tx-checksum-ip-generic: off/)
    expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw: true })).toBe(true)
    expect(features()).toMatch(/tx-checksum-ip-generic: on/)
    expect(features()).toMatch(/tx-tcp-segmentation: on/)
    expect(features()).toMatch(/tx-tcp6-segmentation: on/)
    expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw: false })).toBe(true)
    expect(features()).toMatch(/tx-tcp-segmentation: off/)
    expect(port.setReceiveOptions({ rxChecksum: false, rxGroHw: true })).toBe(false)
  })

  it('keeps its budget and rings once per burst', async () => {
    const port = openUp({ receiveRingSize: 4 })
    // Router solicitations and the like of the interface's coming up.
    port.receive(1000)
    sink.release()
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    for (let i = 0; i < 30; i++) {
      await new Promise((done) => socket.send(Uint8Array.of(i), 9, '192.0.2.255', done))
    }
    const readables = sink.readables
    await sink.wait(() => sink.readables > 0)
    expect(port.receive(10)).toBe(10)
    expect(sink.frames.length).toBe(10)
    expect(port.receive(10)).toBe(10)
    // Not told again before all were taken.
    await new Promise((done) => setImmediate(done))
    await new Promise((done) => setImmediate(done))
    expect(sink.readables).toBeLessThanOrEqual(readables + 1)
    while (port.receive(10) === 10);
    const own = sink.frames.filter((frame) => frame.head.view.getUint16(frame.start + 12) === 0x0800)
    expect(own.map((frame) => frameBytes(frame)[ETHERNET + IPV4 + UDP])).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    )
  })

  it('stops reading when no page is left, and goes on when one comes back', async () => {
    const port = openUp({ receivePages: 3 })
    port.receive(1000)
    sink.release()
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    const say = (i: number) => new Promise((done) => socket.send(Uint8Array.of(i), 9, '192.0.2.255', done))
    for (let i = 0; i < 5; i++) await say(i)
    while (sink.frames.length < 3) {
      const readables = sink.readables
      port.receive(64)
      if (sink.frames.length < 3) await sink.wait(() => sink.readables > readables)
    }
    expect(port.receive(64)).toBe(0)
    expect(port.statistics['tap_rx_no_page']).toBeGreaterThan(0)
    const wakeups = port.statistics['tap_wakeups']
    await new Promise((done) => setImmediate(done))
    await new Promise((done) => setImmediate(done))
    expect(port.statistics['tap_wakeups']).toBeLessThanOrEqual(wakeups + 1)
    const readables = sink.readables
    sink.release()
    await sink.wait(() => sink.readables > readables)
    expect(port.receive(64)).toBeGreaterThan(0)
  })

  it('gives a page away for good, and survives one whose memory was taken', async () => {
    const port = openUp()
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    const say = (i: number) => new Promise((done) => socket.send(Uint8Array.of(i), 9, '192.0.2.255', done))
    const frameOf = async (i: number) => {
      await say(i)
      for (;;) {
        const readables = sink.readables
        port.receive(64)
        const frame = sink.frames.find(
          (each) => each.head.view.getUint16(each.start + 12) === 0x0800 && each.head.bytes[each.end - 1] === i,
        )
        if (frame) return frame
        await sink.wait(() => sink.readables > readables)
      }
    }
    const frame = await frameOf(7)
    const { head } = frame
    sink.frames.splice(sink.frames.indexOf(frame), 1)
    head.retain()
    frame.release()
    const bytes = (head.home as unknown as { surrender(page: unknown): Uint8Array }).surrender(head)
    const buffer = bytes.buffer as ArrayBuffer
    const moved = structuredClone(buffer, { transfer: [buffer] })
    expect(buffer.byteLength).toBe(0)
    expect(moved.byteLength).toBeGreaterThan(65535)
    // The pool's own pages: one is detached under the ring's feet.
    const other = await frameOf(8)
    const taken = other.head.bytes.buffer as ArrayBuffer
    sink.frames.splice(sink.frames.indexOf(other), 1)
    structuredClone(taken, { transfer: [taken] })
    other.release()
    await frameOf(9)
    await frameOf(10)
    expect(port.statistics['tap_rx_errors']).toBeGreaterThan(0)
  })

  it('answers a frame whose memory was taken with EFAULT', async () => {
    const port = openUp()
    const frame = udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(10) })
    const own = new Pools()
    spread(own, frame, pattern(10), [])
    const buffer = frame.pages[1].bytes.buffer as ArrayBuffer
    structuredClone(buffer, { transfer: [buffer] })
    send(port, frame)
    expect(sink.completions).toEqual([14])
    own.close()
  })

  it('takes EAGAIN as back-pressure: what waits goes when there is room', async (context) => {
    const port = openUp({ sendBuffer: 20_000, ringSize: 256 })
    // A bridge to an interface with a slow queue keeps the frames charged to the TAP's send buffer.
    const commands = [
      'ip link add pwslow type veth peer name pwother',
      'ip link add pwbridge type bridge',
      'ip link set pw0 master pwbridge',
      'ip link set pwslow master pwbridge',
      'tc qdisc add dev pwslow root tbf rate 4mbit burst 2000 limit 1000000',
      'ip link set pwother up',
      'ip link set pwslow up',
      'ip link set pwbridge up',
    ]
    for (const command of commands) {
      const done = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
      if (done.status !== 0)
        return leaveOut(context, `back-pressure: ${command}: ${done.stderr} (veth, bridge, sch_tbf)`)
    }
    // To nobody, so that it is flooded to the only other port; and no IP, so that no filter looks at it.
    const frame = () => {
      const made = udpFrame(pools, { destinationMac: macBytes('02:00:00:00:00:99'), port: 9, payload: pattern(1000) })
      made.head.view.setUint16(made.start + 12, 0x88b5)
      return made
    }
    let total = 0
    // The bridge takes a moment until it forwards.
    for (;;) {
      for (let i = 0; i < 50; i++, total++) expect(port.post(frame())).toBe(true)
      port.doorbell()
      if (port.statistics['tap_tx_eagain'] > 0) break
      await new Promise((done) => setImmediate(done))
    }
    expect(sink.completions.length).toBeLessThan(total)
    expect(sink.writables).toBe(0)
    await sink.wait(() => sink.completions.length === total)
    expect(new Set(sink.completions)).toEqual(new Set([0]))
    await sink.wait(() => sink.writables > 0)
    expect(port.txRingFree).toBe(256)
  })

  it('says so when the interface goes down and comes up', async () => {
    const port = openUp()
    configureInterface('pw0', { up: false })
    // The write finds out before the message is read.
    send(port, udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(10) }))
    expect(sink.completions).toEqual([EIO])
    expect(port.up).toBe(false)
    expect(sink.links).toEqual([[false, false]])
    configureInterface('pw0', { up: true })
    await sink.wait(() => sink.links.length === 2)
    expect(sink.links[1]).toEqual([true, false])
    expect(port.up).toBe(true)
    send(port, udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(10) }))
    expect(sink.completions).toEqual([EIO, 0])
    configureInterface('pw0', { mtu: 9000 })
    configureInterface('pw0', { up: false })
    await sink.wait(() => sink.links.length === 3)
    expect(port.mtu).toBe(9000)
  })

  it('says so when the device is deleted', async () => {
    const port = openUp()
    const frame = udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(10) })
    expect(port.post(frame)).toBe(true)
    expect(spawnSync('ip', ['link', 'del', 'pw0']).status).toBe(0)
    await sink.wait(() => port.gone)
    expect(port.up).toBe(false)
    expect(sink.links.at(-1)).toEqual([false, true])
    expect(sink.completions).toEqual([ENODEV])
    const late = udpFrame(pools, { destinationMac: new Uint8Array(6), port: 9, payload: pattern(10) })
    expect(port.post(late)).toBe(false)
    late.release()
    expect(port.receive(64)).toBe(0)
    port.close()
    port.close()
  })

  it('says so when it was deleted before it was attached', async () => {
    const port = open()
    spawnSync('ip', ['link', 'del', 'pw0'])
    port.attach(sink, pools.frames)
    expect(port.gone).toBe(true)
    await sink.wait(() => sink.links.length > 0)
    expect(sink.links).toEqual([[false, true]])
  })

  it('learns of the deletion by a write as well', () => {
    const port = openUp()
    spawnSync('ip', ['link', 'del', 'pw0'])
    send(port, udpFrame(pools, { destinationMac: new Uint8Array(6), port: 9, payload: pattern(10) }))
    expect(sink.completions).toEqual([ENODEV])
    expect(sink.links).toEqual([[false, true]])
  })

  it('takes its interface away when it is closed, and gives frames back', () => {
    const port = openUp()
    expect(port.created).toBe(true)
    expect(interfaceInfo('pw0')?.txQueueLength).toBe(10_000)
    expect(port.post(udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(10) }))).toBe(true)
    port.close()
    expect(sink.completions).toEqual([ENODEV])
    expect(interfaceInfo('pw0')).toBe(null)
  })

  it('leaves the memory of frames that outlive it alone', async () => {
    const port = openUp()
    const socket = createSocket('udp4')
    sockets.push(socket)
    socket.bind(0, '192.0.2.1')
    await once(socket, 'listening')
    socket.setBroadcast(true)
    socket.send(pattern(1000), 9, '192.0.2.255')
    const mine = () => sink.frames.find((frame) => frame.length === ETHERNET + IPV4 + UDP + 1000)
    while (!mine()) {
      const readables = sink.readables
      port.receive(64)
      if (!mine()) await sink.wait(() => sink.readables > readables)
    }
    port.close()
    expect(port.outstandingPages).toBe(sink.frames.length)
    expect(frameBytes(mine() as Frame).subarray(ETHERNET + IPV4 + UDP)).toEqual(pattern(1000))
    expect(port.memory.regions).toBe(sink.frames.length)
    sink.release()
    expect(port.memory.regions).toBe(0)
    expect(port.outstandingPages).toBe(0)
  })

  it('may be closed in the middle of its own calls', async () => {
    for (const where of ['onFrame', 'onComplete', 'onReadable', 'onLink'] as const) {
      const port = openUp()
      const own = new Sink()
      const closed = new Promise<void>((done) => {
        const real = sink[where].bind(sink) as (...args: unknown[]) => void
        sink[where] = (...args: unknown[]) => {
          port.close()
          real(...args)
          done()
        }
      })
      const socket = createSocket('udp4')
      socket.bind(0, '192.0.2.1')
      await once(socket, 'listening')
      socket.setBroadcast(true)
      for (let i = 0; i < 3; i++) socket.send(pattern(10), 9, '192.0.2.255')
      if (where === 'onComplete') {
        for (let i = 0; i < 3; i++)
          port.post(udpFrame(pools, { destinationMac: kernelMac(), port: 9, payload: pattern(9) }))
        port.doorbell()
      } else if (where === 'onLink') {
        configureInterface('pw0', { up: false })
      } else if (where === 'onFrame') {
        while (interfaceInfo('pw0')) {
          const readables = sink.readables
          port.receive(64)
          if (interfaceInfo('pw0')) await sink.wait(() => sink.readables > readables)
        }
      }
      await closed
      expect(interfaceInfo('pw0')).toBe(null)
      socket.close()
      sink.release()
      sink = own
    }
  })

  it('attaches to a persistent TAP, whatever it was before, and leaves it there', () => {
    expect(spawnSync('ip', ['tuntap', 'add', 'pw0', 'mode', 'tap']).status).toBe(0)
    try {
      for (const vnetHeader of [true, false, true]) {
        const port = open({ vnetHeader, create: false })
        expect(port.created).toBe(false)
        expect(port.capabilities.txChecksum).toBe(vnetHeader)
        expect(interfaceInfo('pw0')?.txQueueLength).toBe(1000)
        if (vnetHeader) expect(port.setReceiveOptions({ rxChecksum: true, rxGroHw: true })).toBe(true)
        port.close()
      }
      expect(interfaceInfo('pw0')).not.toBe(null)
    } finally {
      spawnSync('ip', ['tuntap', 'del', 'pw0', 'mode', 'tap'])
    }
  })
})
