// The listener's two queues: half-open connections and those that wait to be accepted; what happens when one is full; and
// how little a flood costs. RFC 9293 3.10.1, RFC 4987.

import { describe, expect, test } from 'vitest'
import type { Flow } from '../../../support/flow.ts'
import { buildTcp } from '../../../support/packet.ts'
import { type OneHost, oneHost } from '../../../support/worlds.ts'

/** A SYN from a port of its own; whether it was answered. */
function syn({ peer }: OneHost, port: number): Flow {
  const flow = peer.addFlow(port)
  flow.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
  return flow
}

describe('the accept queue', () => {
  test('connections come out in the order in which they were established', () => {
    const world = oneHost()
    const listener = world.host.listen(80)
    const flows = [1, 2, 3].map((n) => syn(world, 42_000 + n))
    for (const flow of [flows[1], flows[2], flows[0]]) {
      flow.expects({ flags: 'S.' })
      flow.sends({ flags: '.', seq: 1, ack: 1 })
    }
    const ports = [1, 2, 3].map(() => world.host.accept(listener).endpoint.remotePort)
    expect(ports).toEqual([42_002, 42_003, 42_001])
    expect(listener.accept()).toBeNull()
  })

  test('full: the final ACK is ignored and the SYN-ACK repeated until there is room', () => {
    const world = oneHost()
    const { host } = world
    const listener = host.listen(80, { backlog: 3 })
    const late = syn(world, 42_000)
    late.expects({ flags: 'S.' })
    for (let n = 1; n < 10; n++) {
      const flow = syn(world, 42_000 + n)
      if (flow.ignoreReceived().length > 0) flow.sends({ flags: '.', seq: 1, ack: 1 })
    }
    // Linux takes one more than the backlog.
    const waiting = listener.acceptQueue
    expect([3, 4]).toContain(waiting)
    late.sends({ flags: '.', seq: 1, ack: 1 })
    late.expectsNothing()
    expect(listener.acceptQueue).toBe(waiting)
    const again = late.expectsWithin('10s', { flags: 'S.', seq: 0, ack: 1 })
    expect(again.time).toBeGreaterThanOrEqual(1_000_000)
    for (let i = 0; i < waiting; i++) host.accept(listener)
    late.sends({ flags: '.', seq: 1, ack: 1 })
    const accepted = host.accept(listener)
    expect(accepted.endpoint.remotePort).toBe(late.port)
    accepted.write(10)
    late.expects({ seq: 1, length: 10 })
  })

  test('full: a new SYN is not answered', () => {
    const world = oneHost()
    const listener = world.host.listen(80, { backlog: 1 })
    for (let n = 0; n < 4; n++) {
      const flow = syn(world, 42_000 + n)
      if (flow.ignoreReceived().length > 0) flow.sends({ flags: '.', seq: 1, ack: 1 })
    }
    expect([1, 2]).toContain(listener.acceptQueue)
    const flow = syn(world, 43_000)
    flow.expectsNothing()
    const { TcpExtListenOverflows, TcpExtListenDrops } = world.host.stack.counters
    expect(TcpExtListenOverflows + TcpExtListenDrops).toBeGreaterThan(0)
    while (listener.acceptQueue > 0) world.host.accept(listener)
    flow.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    flow.expects({ flags: 'S.' })
  })

  test('data waits with the connection', () => {
    const world = oneHost()
    const listener = world.host.listen(80)
    const flow = syn(world, 42_000)
    flow.expects({ flags: 'S.' })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    for (let i = 0; i < 3; i++) flow.sends({ flags: 'P.', length: 1000 })
    expect(flow.ignoreReceived().at(-1)?.ack).toBe(3001)
    world.advance('100s')
    const connection = world.host.accept(listener)
    expect(connection.readAll()).toBe(3000)
  })

  test('a connection that is reset while it waits is not handed out as alive', () => {
    const world = oneHost()
    const listener = world.host.listen(80)
    const flow = syn(world, 42_000)
    flow.expects({ flags: 'S.' })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    flow.sends({ flags: 'R', seq: 1 })
    const endpoint = listener.accept()
    expect(endpoint === null || endpoint.state === 'CLOSED').toBe(true)
  })

  test('options of the listener are those of its connections', () => {
    const world = oneHost()
    const listener = world.host.listen(80, { options: { noDelay: true, keepAlive: true, ttl: 33, trafficClass: 0x10 } })
    const flow = syn(world, 42_000)
    flow.expects({ flags: 'S.', ttl: 33, tos: 0x10 })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    const connection = world.host.accept(listener)
    expect(connection.endpoint.getOption('noDelay')).toBe(true)
    expect(connection.endpoint.getOption('keepAlive')).toBe(true)
    connection.write(1)
    flow.expects({ length: 1, ttl: 33, tos: 0x10 })
  })
})

describe('a flood of SYNs', () => {
  test('costs bounded memory, throws nothing, and is over after a while', () => {
    const world = oneHost()
    const { host, peer, advance } = world
    const listener = host.listen(80)
    for (let i = 0; i < 5000; i++) {
      peer.sendsIp({ payload: rawSyn(world, 1024 + i, i) })
    }
    expect(listener.synQueue).toBeLessThanOrEqual(4096)
    expect(host.stack.frames.outstanding).toBeLessThanOrEqual(4096)
    expect([...host.stack.tcp.endpoints()].length).toBe(0)
    advance('100s')
    peer.others.length = 0
    expect(listener.synQueue).toBe(0)
    expect(host.stack.frames.outstanding).toBe(0)
    const flow = syn(world, 43_000)
    flow.expects({ flags: 'S.' })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    expect(host.accept(listener).state).toBe('ESTABLISHED')
  })

  test('does not touch connections that are established', () => {
    const world = oneHost()
    const { host, peer } = world
    const listener = host.listen(80, { backlog: 4 })
    const flow = syn(world, 43_000)
    flow.expects({ flags: 'S.' })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    const connection = host.accept(listener)
    for (let i = 0; i < 2000; i++) peer.sendsIp({ payload: rawSyn(world, 1024 + i, i) })
    peer.others.length = 0
    connection.write(100)
    flow.expects({ seq: 1, length: 100 })
    flow.sends({ flags: 'P.', seq: 1, ack: 101, length: 50 })
    flow.expects({ flags: '.', ack: 51 })
  })

  /** A SYN of no flow: nobody looks at its answer. */
  function rawSyn({ peer }: OneHost, sourcePort: number, seq: number): Uint8Array {
    const fields = { sourcePort, destinationPort: 80, seq, flags: 'S', window: 65535, options: { mss: 1460 } }
    return buildTcp(peer.address, peer.stackAddress, fields)
  }
})
