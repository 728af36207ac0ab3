import { describe, expect, it } from 'vitest'
import { plainMemory } from '../../../drivers/wire/memory.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Frame, FramePool } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import { Loopback } from '../../../stack/link/loopback.ts'
import type { EchoResult } from '../../../stack/network/echo-client.ts'
import { READABLE, type TcpEndpoint, type TcpListener } from '../../../stack/tcp/contract.ts'
import type { UdpDatagram } from '../../../stack/udp/contract.ts'
import { OURS, Rig } from '../link/rig.ts'

const ip = (text: string) => IpAddress.from(text)

describe('the loopback device', () => {
  function bench() {
    const pages = new PagePool(plainMemory(), { pageSize: 256, slab: 64, limit: 4096 })
    const frames = new FramePool(pages)
    const device = new Loopback()
    const got: Frame[] = []
    const events: string[] = []
    device.attach({
      onFrame: (frame) => got.push(frame),
      onReadable: () => events.push('readable'),
      onWritable: () => events.push('writable'),
      onLink: () => {},
    })
    const send = () => {
      const frame = frames.allocate(64)!
      if (device.transmit(frame)) return true
      frame.release()
      return false
    }
    return { pages, device, got, events, send }
  }

  it('hands up in order what was there, within the budget, and what is sent meanwhile the next time', () => {
    const { device, got, events, send, pages } = bench()
    for (let i = 0; i < 5; i++) expect(send()).toBe(true)
    device.flush()
    expect(events).toEqual(['readable'])
    expect(device.poll(3, 0)).toBe(3)
    send()
    expect(device.waiting).toBe(3)
    expect(device.poll(3, 0)).toBe(2)
    expect(device.poll(3, 0)).toBe(1)
    expect(device.poll(3, 0)).toBe(0)
    for (const frame of got) frame.release()
    expect(pages.outstanding).toBe(0)
  })

  it('has no room beyond its limit, drops nothing, and says when there is room', () => {
    const { device, got, events, send, pages } = bench()
    let sent = 0
    while (send()) sent++
    expect(sent).toBe(1024)
    expect(device.writable).toBe(false)
    device.flush()
    expect(events).toEqual(['readable'])
    device.poll(256, 0)
    device.flush()
    expect(events).toEqual(['readable', 'readable', 'writable'])
    expect(send()).toBe(true)
    for (const frame of got) frame.release()
    device.close()
    expect(pages.outstanding).toBe(0)
  })

  it('trusts an unfinished checksum and looks at no other; counts segments', () => {
    const pages = new PagePool(plainMemory(), { pageSize: 256, slab: 4, limit: 16 })
    const frames = new FramePool(pages)
    const device = new Loopback()
    const got: Frame[] = []
    device.attach({ onFrame: (frame) => got.push(frame), onReadable() {}, onWritable() {}, onLink() {} })
    const plain = frames.allocate(64)!
    const partial = frames.allocate(64)!
    partial.csumStart = 34
    partial.transportOffset = 34
    partial.end += 54
    partial.head.bytes[partial.start + 34 + 12] = 0x50
    partial.gsoSize = 40
    partial.addRef(pages.allocate()!, 0, 100)
    partial.owner = { onTransmitError() {} }
    device.transmit(plain)
    device.transmit(partial)
    device.poll(9, 0)
    expect(got.map(({ checksum, segments, owner }) => [checksum, segments, owner])).toEqual([
      [CHECKSUM_NONE, 1, null],
      [CHECKSUM_UNNECESSARY, 3, null],
    ])
    for (const frame of got) frame.release()
    expect(pages.outstanding).toBe(0)
  })
})

describe('a stack that talks to itself', () => {
  it.each(['127.0.0.1', '192.0.2.2', '127.5.5.5', '0.0.0.0'])('pings %s without a frame on the wire', (text) => {
    const rig = new Rig()
    const results: EchoResult[] = []
    const request = { identifier: 1, sequence: 1, payloadLength: 60_000 }
    expect(rig.stack.echo.send(ip(text), request, (result) => results.push(result))).toBe(0)
    rig.run()
    expect(results).toMatchObject([{ errno: 0, length: 60_008 }])
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it.each([10, 1000, 60_000])('sends itself a datagram of %i bytes', (length) => {
    const rig = new Rig()
    const server = rig.stack.udp.open()
    server.bind(OURS, 9)
    const client = rig.stack.udp.open()
    const payload = Uint8Array.from({ length }, (_, i) => i & 255)
    expect(client.send(payload, OURS, 9)).toBe(length)
    rig.run()
    const out = {} as UdpDatagram
    expect(server.receive(out)).toBe(length)
    expect(out.page.bytes.slice(out.offset, out.offset + length)).toEqual(payload)
    expect(String(out.source)).toBe(String(OURS))
    out.page.release()
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('a port of its own that nobody holds is unreachable', () => {
    const rig = new Rig()
    const client = rig.stack.udp.open()
    client.connect(ip('127.0.0.1'), 9)
    client.send(Uint8Array.of(1))
    rig.run()
    expect(client.takeError()).toBe(111)
    rig.close()
  })

  it('connects to itself over TCP, and a megabyte arrives whole', () => {
    const rig = new Rig()
    const listener = rig.stack.tcp.listen({ address: null, port: 80 }) as TcpListener
    const client = rig.stack.tcp.connect(ip('127.0.0.1'), 80) as TcpEndpoint
    expect(typeof listener).toBe('object')
    expect(typeof client).toBe('object')
    const total = 1_000_000
    const sent = Uint8Array.from({ length: total }, (_, i) => (i * 31 + (i >> 8)) & 255)
    const got = new Uint8Array(total)
    let written = 0
    let read = 0
    let server: TcpEndpoint | null = null
    for (let i = 0; i < 10_000 && read < total; i++) {
      rig.stack.poll()
      server ??= listener.accept()
      if (written < total) written += Math.max(0, client.send(sent, written, total - written))
      if (server && (server.readiness() & READABLE) !== 0) {
        read += Math.max(0, server.receiveInto(got, read, total - read))
      }
      if (!rig.stack.poll()) rig.time = Math.max(rig.time, Math.min(rig.stack.nextDeadline(), rig.time + 1000))
    }
    expect(read).toBe(total)
    expect(got.every((byte, i) => byte === sent[i])).toBe(true)
    expect(rig.take()).toEqual([])
    server?.close()
    client.close()
    rig.run()
    rig.close()
  })
})
