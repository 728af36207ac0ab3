// ICMP errors about segments of ours (RFC 9293 3.9.2.2, RFC 5927, RFC 1191): hard before the connection stands, soft
// afterwards, and only for sequence numbers that are in flight.

import { describe, expect, test } from 'vitest'
import { established, expectsStream, type OneHost, oneHost } from '../../../support/worlds.ts'

function connecting() {
  const world = oneHost()
  const connection = world.host.connect(world.peer.address, world.peer.flow.port, { localPort: 80 })
  world.peer.expects({ flags: 'S', seq: 0 })
  return { ...world, connection }
}

describe('SYN-SENT', () => {
  test.each([
    [0, 'network unreachable', 'ENETUNREACH'],
    [1, 'host unreachable', 'EHOSTUNREACH'],
    [2, 'protocol unreachable', 'ENOPROTOOPT'],
    [3, 'port unreachable', 'ECONNREFUSED'],
    [13, 'administratively prohibited', 'EHOSTUNREACH'],
  ])('code %i (%s) ends the attempt with %s', (code, _name, error) => {
    const { peer, connection } = connecting()
    peer.sendsIcmpError(3, code, { seq: 0 })
    expect(connection.state).toBe('CLOSED')
    expect(connection.events).toEqual(expect.arrayContaining(['error']))
    expect(connection.takeError()).toBe(error)
    peer.expectsNothing('100s')
  })

  test('a quoted sequence number that is not that of the SYN is ignored and counted', () => {
    const { peer, connection, host } = connecting()
    for (const seq of [1, 2, -1, 100_000]) peer.sendsIcmpError(3, 1, { seq })
    expect(connection.state).toBe('SYN-SENT')
    const counters = Object.entries(host.stack.counters) as [string, number][]
    const counted = counters.find(([name]) => /OutOfWindowIcmps/.test(name))
    expect(counted?.[1]).toBeGreaterThanOrEqual(3)
  })

  test('of another connection, or of another source, is ignored', () => {
    const { peer, connection } = connecting()
    const other = peer.addFlow(41_111)
    peer.sendsIcmpError(3, 1, { seq: 0, flow: other })
    peer.sendsIcmpError(3, 1, { seq: 0, source: '192.0.2.99' })
    expect(connection.state).toBe('SYN-SENT')
  })
})

describe('established', () => {
  function withData() {
    const world = established()
    world.connection.write(1000)
    world.peer.expects({ seq: 1, length: 1000 })
    return world
  }

  test.each([0, 1, 2, 3, 5, 13])('code %i is soft: the connection lives and recovers', (code) => {
    const { peer, connection } = withData()
    peer.sendsIcmpError(3, code, { seq: 1 })
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.events).not.toContain('error')
    peer.expectsWithin('1s', { seq: 1, length: 1000 })
    peer.sends({ flags: '.', ack: 1001 })
    expect(connection.info.bytesAcked).toBe(1000)
  })

  test('time exceeded and source quench do nothing', () => {
    const { peer, connection } = withData()
    peer.sendsIcmpError(11, 0, { seq: 1 })
    peer.sendsIcmpError(4, 0, { seq: 1 })
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.info.cwnd).toBe(10)
    peer.expectsNothing()
  })

  test('a quoted sequence number outside of the window is ignored and counted', () => {
    const { peer, connection, host } = withData()
    const before = host.stack.counters
    for (const seq of [0, -1000, 1001, 2 ** 30]) peer.sendsIcmpError(3, 3, { seq })
    expect(connection.state).toBe('ESTABLISHED')
    const counted = (Object.entries(before) as [string, number][]).find(([name]) => /OutOfWindowIcmps/.test(name))
    expect(counted?.[1]).toBeGreaterThanOrEqual(3)
  })

  test('a broken quote is dropped', () => {
    const { peer, connection } = withData()
    for (let length = 0; length < 28; length += 3) peer.sendsIcmp(3, 3, 0, new Uint8Array(length).fill(0x45))
    expect(connection.state).toBe('ESTABLISHED')
  })
})

describe('fragmentation needed (RFC 1191)', () => {
  function bigSegments() {
    const world = established()
    world.connection.write(4 * 1460)
    expectsStream(world.peer, 1, 4 * 1460, 1460)
    return world
  }

  /** What is sent again within a second, with its bytes. */
  function sentAgain({ peer }: OneHost) {
    peer.advance('1s')
    return peer.ignoreReceived().filter(({ length }) => length > 0)
  }

  test('lowers the size of segments and sends again at once', () => {
    const { peer, connection } = bigSegments()
    peer.sendsIcmpError(3, 4, { seq: 1, mtu: 1000 })
    expect(connection.info.sndMss).toBe(960)
    expect(connection.info.pmtu).toBe(1000)
    const first = peer.expects({ seq: 1 })
    expect(first.length).toBeLessThanOrEqual(960)
    for (const { length } of peer.ignoreReceived()) expect(length).toBeLessThanOrEqual(960)
  })

  test('everything arrives in smaller segments', () => {
    const { peer, connection } = bigSegments()
    peer.flow.rcvNxt = 1
    peer.sendsIcmpError(3, 4, { seq: 1, mtu: 1000 })
    let delivered = 1
    for (let i = 0; i < 30 && delivered < 5841; i++) {
      for (const { seq, end, length } of peer.ignoreReceived()) {
        expect(length).toBeLessThanOrEqual(960)
        if (seq <= delivered) delivered = Math.max(delivered, end)
      }
      peer.sends({ flags: '.', ack: delivered })
      peer.advance('100ms')
    }
    expect(delivered).toBe(5841)
    expect(connection.info.unacked).toBe(0)
  })

  test('without a size in it, the size becomes smaller all the same', () => {
    const { peer, connection } = bigSegments()
    peer.sendsIcmpError(3, 4, { seq: 1, mtu: 0 })
    expect(connection.info.sndMss).toBeLessThan(1460)
    expect(connection.info.sndMss).toBeGreaterThanOrEqual(500)
    peer.ignoreReceived()
  })

  test('never below the minimum', () => {
    const world = bigSegments()
    const { peer, connection } = world
    peer.sendsIcmpError(3, 4, { seq: 1, mtu: 68 })
    expect(connection.info.sndMss).toBeGreaterThanOrEqual(500)
    for (const { length } of sentAgain(world)) expect(length).toBeGreaterThanOrEqual(500)
  })

  test('never raises the size', () => {
    const { peer, connection } = bigSegments()
    peer.sendsIcmpError(3, 4, { seq: 1, mtu: 9000 })
    expect(connection.info.sndMss).toBe(1460)
    peer.expectsNothing()
  })

  test.each([-1000, 5841, 2 ** 30])('a quote of sequence number %i, which is not in flight, is ignored', (seq) => {
    const { peer, connection } = bigSegments()
    peer.sendsIcmpError(3, 4, { seq, mtu: 600 })
    expect(connection.info.sndMss).toBe(1460)
    peer.expectsNothing()
  })
})
