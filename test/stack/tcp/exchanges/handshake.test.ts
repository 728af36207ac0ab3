// The three-way handshake, passive and active (RFC 9293 3.5): what completes it, what travels with it, and which numbers it
// begins with (RFC 6528, RFC 6056). Its options are in handshake-options.

import { describe, expect, test } from 'vitest'
import { buildTcp } from '../../../support/packet.ts'
import { established, oneHost } from '../../../support/worlds.ts'

describe('passive open', () => {
  test('the connection can be accepted once the handshake is done, and not before', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    expect([listener.accept(), listener.synQueue, listener.acceptQueue]).toEqual([null, 1, 0])
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect([listener.synQueue, listener.acceptQueue]).toEqual([0, 1])
    const connection = host.accept(listener)
    expect(connection.state).toBe('ESTABLISHED')
    expect([connection.endpoint.localPort, connection.endpoint.remotePort]).toEqual([80, 40_000])
    expect(String(connection.endpoint.remoteAddress)).toBe('192.0.2.1')
    expect(host.stack.counters.TcpPassiveOpens).toBe(1)
    peer.expectsNothing('10s')
  })

  test('the listener is told once per turn that a connection waits', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    const told: number[] = []
    listener.onReadiness = (events) => told.push(events)
    peer.sends({ flags: 'S', seq: 0 })
    expect(told).toEqual([])
    peer.expects({ flags: 'S.' })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(told).toEqual([1])
    host.accept(listener)
  })

  test('data comes with the final ACK', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 500 })
    peer.expects({ flags: '.', seq: 1, ack: 501 })
    expect(host.accept(listener).readAll()).toBe(500)
  })

  test('the final ACK is lost, the data behind it completes the handshake', () => {
    const { host, peer, advance } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    advance('300ms')
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 10 })
    peer.expects({ flags: '.', ack: 11 })
    expect(host.accept(listener).readAll()).toBe(10)
  })

  test('data and FIN come with the final ACK', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    peer.sends({ flags: 'FP.', seq: 1, ack: 1, length: 10 })
    peer.expects({ flags: '.', ack: 12 })
    const connection = host.accept(listener)
    expect(connection.state).toBe('CLOSE-WAIT')
    expect(connection.readAll()).toBe(10)
    expect(connection.atEnd).toBe(true)
  })

  test('a SYN-ACK does not complete it', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    peer.sends({ flags: 'S.', seq: 1, ack: 1 })
    peer.sends({ flags: 'S.', seq: 0, ack: 1 })
    peer.ignoreReceived()
    expect(listener.accept()).toBeNull()
    expect(listener.acceptQueue).toBe(0)
  })

  test('data in a SYN is not acknowledged, and does no harm', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, payload: new Uint8Array(100).fill(9), options: { mss: 1460 } })
    peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    peer.expects({ ack: 101 })
    expect(host.accept(listener).readAll()).toBe(100)
  })

  test('a SYN with FIN is dropped; a SYN with ECN flags is answered without them', () => {
    const { host, peer } = oneHost()
    host.listen(80)
    peer.sends({ flags: 'SEW', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    const other = peer.addFlow(40_001)
    other.sends({ flags: 'SF', seq: 0, options: { mss: 1460 } })
    other.expectsNothing()
  })

  test('nothing that goes to a group is ever answered, whether the port is held or not', () => {
    const { host, peer } = oneHost()
    host.listen(80)
    for (const destination of ['192.0.2.255', '255.255.255.255', '224.0.0.1']) {
      for (const destinationPort of [80, 81]) {
        for (const flags of ['S', '.']) {
          const segment = { sourcePort: 40_000, destinationPort, seq: 1, flags }
          peer.sendsIp({ destination, payload: buildTcp(peer.address, destination, segment) })
        }
      }
    }
    peer.expectsNothing('1s')
    expect(peer.others).toEqual([])
  })
})

describe('active open', () => {
  test('SYN, SYN-ACK, ACK; the application hears that it can write', () => {
    const { connection, host } = established({ active: true })
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.events).toContain('writable')
    expect(connection.takeError()).toBe('')
    expect(host.stack.counters.TcpActiveOpens).toBe(1)
  })

  test('the ACK of the handshake leaves at once, also when nothing is to be sent', () => {
    const { host, peer } = oneHost()
    host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { mss: 1460 } })
    peer.expects({ flags: '.', seq: 1, ack: 1, length: 0 })
    peer.expectsNothing('1s')
  })

  test('what was written before has to wait: the answer is EAGAIN until the handshake is done', () => {
    const { host, peer } = oneHost()
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80 })
    expect(connection.write(10)).toBeLessThan(0)
    peer.expects({ flags: 'S', length: 0 })
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { mss: 1460 } })
    peer.expects({ flags: '.' })
    expect(connection.write(10)).toBe(10)
    peer.expects({ seq: 1, length: 10 })
  })

  test('data in the SYN-ACK is taken or left to be sent again, never lost', () => {
    const { host, peer } = oneHost()
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    peer.sends({ flags: 'S.', seq: 0, ack: 1, length: 100, options: { mss: 1460 } })
    const { ack } = peer.expects({ flags: '.', seq: 1 })
    expect([1, 101]).toContain(ack)
    peer.sends({ flags: 'P.', seq: 1, length: 100 })
    peer.expects({ flags: '.', ack: 101 })
    expect(connection.readAll()).toBe(100)
  })

  test('a SYN-ACK that comes twice is acknowledged twice', () => {
    const { peer, connection } = established({ active: true })
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { mss: 1460 } })
    peer.expects({ flags: '.', seq: 1, ack: 1 })
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('ephemeral ports and initial sequence numbers differ between connections', () => {
    const { host, peer, advance } = oneHost()
    const seen: { port: number; iss: number }[] = []
    for (let i = 0; i < 20; i++) {
      const flow = peer.addFlow(5000 + i, 0)
      host.connect(peer.address, 5000 + i)
      flow.expects({ flags: 'S' })
      seen.push({ port: flow.stackPort, iss: flow.stackIss })
      advance('1ms')
    }
    expect(new Set(seen.map(({ port }) => port)).size).toBeGreaterThan(10)
    for (const { port } of seen) expect(port).toBeGreaterThanOrEqual(1024)
    expect(new Set(seen.map(({ iss }) => iss)).size).toBe(20)
    const gaps = seen.slice(1).map(({ iss }, i) => (iss - seen[i].iss) >>> 0)
    expect(new Set(gaps).size).toBeGreaterThan(15)
  })

  test('the initial sequence number of one connection grows with the clock (RFC 6528)', () => {
    const { host, peer, advance } = oneHost()
    const first = peer.flow
    host.connect(peer.address, first.port, { localPort: 80 })
    first.expects({ flags: 'S' })
    first.sends({ flags: 'R.', seq: 0, ack: 1 })
    advance('1s')
    host.connect(peer.address, first.port, { localPort: 80 })
    const { seq } = first.expects({ flags: 'S' })
    // One tick per 4 us in the RFC, 64 ns in Linux: between a quarter of a million and sixteen million per second.
    expect(seq).toBeGreaterThan(200_000)
    expect(seq).toBeLessThan(20_000_000)
  })
})
