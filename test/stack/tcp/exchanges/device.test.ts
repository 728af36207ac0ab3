// What a connection learns of the device below it: one that is down ends an attempt at once, one that is gone for good
// ends every connection over it, a small ring is shared, and applications that do not read leave the card its pages.

import { describe, expect, test } from 'vitest'
import { plainMemory } from '../../../../drivers/wire/index.ts'
import { type Frame, FramePool } from '../../../../stack/buffer/frame.ts'
import { PagePool } from '../../../../stack/buffer/page-pool.ts'
import { Counters } from '../../../../stack/counters.ts'
import { PageFill } from '../../../../stack/tcp/page-fill.ts'
import { takePayload } from '../../../../stack/tcp/payload.ts'
import { PieceList } from '../../../../stack/tcp/piece-list.ts'
import { establish, established, recordedHost } from '../../../support/worlds.ts'

describe('an interface that is down', () => {
  test('ends an attempt at once, and the application is told without anything else happening', () => {
    const { host, device } = recordedHost()
    device.up = false
    const connection = host.connect('192.0.2.1', 80)
    expect(connection.state).toBe('CLOSED')
    expect(connection.events).toContain('error')
    expect(connection.takeError()).toBe('ENETDOWN')
  })
})

describe('a device that is gone for good', () => {
  test('ends connections over it with ENETDOWN, at once', () => {
    const world = recordedHost()
    const { connection } = establish(world)
    world.device.up = false
    world.device.receiver?.onLink(false, true)
    world.host.turn()
    expect(connection.state).toBe('CLOSED')
    expect(connection.events).toEqual(expect.arrayContaining(['error', 'hangup']))
    expect(connection.takeError()).toBe('ENETDOWN')
    expect(world.host.stack.counters.TcpCurrEstab).toBe(0)
  })

  test('leaves connections over others alone', () => {
    const world = recordedHost()
    const { stack } = world.host
    const listener = world.host.listen(7)
    const local = world.host.connect('127.0.0.1', 7)
    const { connection } = establish(world)
    world.device.up = false
    world.device.receiver?.onLink(false, true)
    world.host.turn()
    expect(connection.state).toBe('CLOSED')
    expect(local.state).toBe('ESTABLISHED')
    expect(stack.counters.TcpCurrEstab).toBe(2)
    world.host.accept(listener)
  })

  test('an interface that is removed holds back nobody who waited for room', () => {
    const world = recordedHost()
    const { connection } = establish(world)
    const { host, device } = world
    device.room = 0
    connection.write(1000)
    expect(connection.info.limitedBy).toBe('device')
    host.stack.removeInterface(host.stack.interfaces[1])
    host.turn()
    expect(connection.info.limitedBy).not.toBe('device')
  })

  test('a carrier that only went away leaves them waiting for its return', () => {
    const world = recordedHost()
    const { connection } = establish(world)
    world.device.up = false
    world.device.receiver?.onLink(false, false)
    world.advance('10s')
    expect(connection.state).toBe('ESTABLISHED')
  })
})

describe('a device with little room', () => {
  test('is shared: nobody has all of it each time', () => {
    const world = recordedHost()
    const { host, device, peer } = world
    const listener = host.listen(80)
    const flows = [peer.flow, peer.addFlow(40_001), peer.addFlow(40_002)]
    const apps = flows.map((flow) => {
      flow.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
      flow.expects({ flags: 'S.' })
      flow.sends({ flags: '.', seq: 1, ack: 1 })
      return host.accept(listener)
    })
    device.room = 0
    // Seventeen references fill a frame: each is one segment.
    for (const app of apps) app.writePages(10 * 1460, 100)
    for (let turn = 0; turn < 6; turn++) {
      device.makeRoom(1)
      host.turn()
    }
    expect(apps.map((app) => app.info.dataSegsOut)).toEqual([2, 2, 2])
    device.makeRoom(Number.POSITIVE_INFINITY)
    world.advance('1s')
    for (const flow of flows) flow.ignoreReceived()
  })
})

describe('pages that run out', () => {
  test('applications that do not read leave the card pages to receive into', () => {
    const received = new PagePool(plainMemory(), { pageSize: 65_536, slab: 1, limit: 8, detachable: true })
    const frames = new FramePool(received)
    const copies = new PagePool(plainMemory(), { pageSize: 65_536, slab: 1, limit: 8 })
    const fill = new PageFill(copies, new Counters(), true)
    const unread = new PieceList()
    for (let i = 0; i < 6; i++) {
      const frame = frames.allocate(0) as Frame
      frame.end = 60_000
      expect(takePayload(frame, 0, 60_000, unread, fill)).toBe(60_000)
      frame.release()
    }
    expect(received.outstanding).toBeLessThanOrEqual(5)
    expect(unread.bytes).toBe(360_000)
    unread.clear()
    fill.release()
    expect(received.outstanding + copies.outstanding).toBe(0)
  })

  test('a connection whose application does not read gets a share, one whose application reads is served', () => {
    const world = established({ options: { receiveBuffer: 1 << 20 }, syn: { mss: 1460, wscale: 8 } })
    const { host, peer, connection } = world
    const { pages } = host.stack
    const held = Array.from({ length: pages.limit - 16 }, () => pages.allocate())
    for (let i = 0; i < 100; i++) peer.sends({ flags: '.', seq: 1 + i * 1460, length: 1460 })
    expect(connection.endpoint.receiveQueued).toBeGreaterThanOrEqual(65_536)
    expect(connection.endpoint.receiveQueued).toBeLessThan(65_536 + 1460)
    expect(host.stack.counters.TcpExtTCPRcvQDrop).toBeGreaterThan(0)
    const taken = connection.readAll()
    peer.sends({ flags: '.', seq: 1 + taken, length: 1460 })
    expect(connection.readAll()).toBeGreaterThanOrEqual(1460)
    for (const page of held) page?.release()
    peer.ignoreReceived()
    connection.abort()
    peer.ignoreReceived()
  })

  test('peers that do not read leave others pages to send with', () => {
    const world = established({ window: 1000 })
    const { host, peer } = world
    const { pages } = host.stack
    const held = Array.from({ length: pages.limit - 8 }, () => pages.allocate())
    expect(world.connection.endpoint.sendSpace).toBe(65_536)
    expect(world.connection.write(4 << 20)).toBe(65_536)
    for (const page of held) page?.release()
    expect(world.connection.endpoint.sendSpace).toBe((4 << 20) - 65_536)
    peer.ignoreReceived()
    world.connection.abort()
    peer.ignoreReceived()
  })
})

describe('windows as they are counted', () => {
  test('one that the peer has filled and the application emptied was never shut', () => {
    const { host, peer, connection } = established({ options: { receiveBuffer: 1460 } })
    const bytes = new Uint8Array(4096)
    // Reads within the callback, as an application does.
    connection.endpoint.onReadiness = () => connection.endpoint.receiveInto(bytes, 0, bytes.length)
    for (let i = 0; i < 10; i++) {
      peer.sends({ flags: '.', length: 1460 })
      peer.advance('50ms')
    }
    peer.ignoreReceived()
    expect(host.stack.counters.TcpExtTCPFromZeroWindowAdv).toBe(0)
    expect(host.stack.counters.TcpExtTCPToZeroWindowAdv).toBe(0)
  })

  test('one that the application let fill is shut once and opened once', () => {
    const { host, peer, connection } = established({ options: { receiveBuffer: 2920 } })
    peer.sends({ flags: '.', length: 1460 })
    peer.sends({ flags: '.', length: 1460 })
    peer.advance('50ms')
    expect(host.stack.counters.TcpExtTCPToZeroWindowAdv).toBe(1)
    connection.readAll()
    peer.ignoreReceived()
    expect(host.stack.counters.TcpExtTCPFromZeroWindowAdv).toBe(1)
  })
})

describe('a peer that holds on', () => {
  test('with a window of 0 below what is out does not keep an orphan for ever', () => {
    const { peer, connection, host } = established()
    connection.write(1000)
    peer.expects({ seq: 1, length: 1000 })
    connection.close()
    peer.expects({ flags: 'F.' })
    for (let i = 0; i < 40 && [...host.stack.tcp.endpoints()].length > 0; i++) {
      peer.sends({ flags: '.', ack: 1, window: 0 })
      peer.advance('100s')
      peer.ignoreReceived()
    }
    expect([...host.stack.tcp.endpoints()]).toEqual([])
  })

  test('with a small window that it empties each time is sent to at the same pace', () => {
    const { peer, connection } = established()
    connection.write(1000)
    peer.expects({ seq: 1, length: 1000 })
    peer.sends({ flags: '.', ack: 1001, window: 100 })
    connection.write(2000)
    for (let i = 0; i < 8; i++) {
      peer.expectsWithin('1s', { seq: 1001 + 100 * i, length: 100 })
      peer.sends({ flags: '.', ack: 1101 + 100 * i, window: 100 })
    }
    connection.abort()
    peer.ignoreReceived()
  })
})

test('shutting the receiving side keeps what SACK has told', () => {
  const { peer, connection } = established({ syn: { mss: 1460, sackOK: true } })
  peer.sends({ flags: '.', seq: 101, length: 100 })
  peer.expects({ ack: 1, options: { sack: [[101, 201]] } })
  connection.shutdown('read')
  peer.sends({ flags: '.', seq: 1, length: 100 })
  peer.expects({ ack: 201 })
})
