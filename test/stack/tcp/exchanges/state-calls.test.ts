// The calls of RFC 9293 3.10.1 to 3.10.6 in every state: SEND, RECEIVE, CLOSE, ABORT, shutdown; and what time alone does.

import { describe, expect, test } from 'vitest'
import { EADDRINUSE, EADDRNOTAVAIL, EAGAIN, EINVAL, EPIPE } from '../../../../stack/base/errno.ts'
import { IpAddress } from '../../../../stack/base/ip-address.ts'
import { oneHost, RTO } from '../../../support/worlds.ts'
import { type Reachable, reach } from './reach.ts'

describe('OPEN', () => {
  test('listening twice on a port is refused, also between one address and all', () => {
    const { host } = oneHost()
    const { tcp } = host.stack
    const address = IpAddress.from('192.0.2.2')
    const first = host.listen(80)
    expect(tcp.listen({ address: null, port: 80 })).toBe(-EADDRINUSE)
    expect(tcp.listen({ address, port: 80 })).toBe(-EADDRINUSE)
    first.close()
    const second = host.listen(80, { address })
    expect(tcp.listen({ address: null, port: 80 })).toBe(-EADDRINUSE)
    second.close()
    host.listen(80)
  })

  test('port 0 takes a free one; an address that is not ours is refused; nonsense is refused', () => {
    const { host } = oneHost()
    const { tcp } = host.stack
    const a = host.listen(0)
    const b = host.listen(0)
    expect(a.localPort).toBeGreaterThan(0)
    expect(a.localPort).not.toBe(b.localPort)
    expect(tcp.listen({ address: IpAddress.from('192.0.2.77'), port: 80 })).toBe(-EADDRNOTAVAIL)
    for (const port of [-1, 65_536, 1.5, Number.NaN]) expect(tcp.listen({ address: null, port })).toBe(-EINVAL)
    expect(tcp.listen({ address: null, port: 81, options: { ttl: 0 } })).toBe(-EINVAL)
  })

  test('connecting twice between the same four is refused', () => {
    const { host, peer } = oneHost()
    const { tcp } = host.stack
    host.connect(peer.address, 7, { localPort: 5000 })
    expect(tcp.connect(IpAddress.from(peer.address), 7, { localPort: 5000 })).toBe(-EADDRINUSE)
    host.connect(peer.address, 8, { localPort: 5000 })
    expect(tcp.connect(IpAddress.from(peer.address), 0)).toBeLessThan(0)
    expect(tcp.connect(IpAddress.from('198.51.100.1'), 7)).toBeLessThan(0)
  })
})

describe('SEND and RECEIVE', () => {
  const SEND: [Reachable, number][] = [
    ['SYN-SENT', -EAGAIN],
    ['ESTABLISHED', 10],
    ['CLOSE-WAIT', 10],
    ['FIN-WAIT-1', -EPIPE],
    ['FIN-WAIT-2', -EPIPE],
    ['CLOSING', -EPIPE],
    ['LAST-ACK', -EPIPE],
    ['TIME-WAIT', -EPIPE],
  ]

  test.each(SEND)('%s: send answers %i', (state, result) => {
    const { connection, peer, snd, rcv } = reach(state)
    expect(connection?.write(10)).toBe(result)
    if (result > 0) peer.expects({ seq: snd, ack: rcv, length: 10 })
    peer.expectsNothing()
  })

  test.each(['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2'] as const)('%s: receive answers EAGAIN', (state) => {
    expect(reach(state).connection?.isWaiting).toBe(true)
  })

  test.each(['CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT'] as const)('%s: receive answers the end', (state) => {
    const { connection } = reach(state)
    expect(connection?.atEnd).toBe(true)
    expect(connection?.atEnd).toBe(true)
  })

  test('sending nothing, and from a wrong place, is no event', () => {
    const { connection, peer } = reach('ESTABLISHED')
    const result = connection?.endpoint.send(new Uint8Array(0), 0, 0)
    expect([0, -EINVAL]).toContain(result)
    peer.expectsNothing('1s')
  })
})

describe('CLOSE', () => {
  test.each([
    ['ESTABLISHED', 1, 1],
    ['CLOSE-WAIT', 1, 2],
  ] as const)('%s: FIN', (state, seq, ack) => {
    const { connection, peer } = reach(state)
    connection?.close()
    peer.expects({ flags: 'F.', seq, ack })
    peer.expectsNothing()
  })

  test.each(['FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSING', 'LAST-ACK', 'TIME-WAIT'] as const)(
    '%s: nothing more is sent; the state stays',
    (state) => {
      const world = reach(state)
      world.connection?.close()
      world.peer.expectsNothing()
      expect(world.state()).toBe(state)
    },
  )

  test('SYN-SENT: the attempt is forgotten', () => {
    const world = reach('SYN-SENT')
    world.connection?.close()
    world.peer.expectsNothing('100s')
    expect(world.state()).toBe('CLOSED')
  })

  test('twice: the second has no effect', () => {
    const { connection, peer } = reach('ESTABLISHED')
    connection?.close()
    connection?.close()
    peer.expects({ flags: 'F.' })
    peer.expectsNothing()
  })

  test('no callback comes afterwards', () => {
    const { connection, peer } = reach('ESTABLISHED')
    connection?.close()
    const told = connection?.events.length
    peer.expects({ flags: 'F.', seq: 1, ack: 1 })
    peer.sends({ flags: 'F.', seq: 1, ack: 2 })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    expect(connection?.events.length).toBe(told)
  })
})

describe('ABORT', () => {
  test.each(['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT'] as const)('%s: RST+ACK', (state) => {
    const world = reach(state)
    world.connection?.abort()
    world.peer.expects({ flags: 'R.', seq: world.snd, ack: world.rcv })
    expect(world.state()).toBe('CLOSED')
    world.peer.expectsNothing('200s')
  })

  test.each(['SYN-SENT', 'CLOSING', 'LAST-ACK'] as const)('%s: silent', (state) => {
    const world = reach(state)
    world.connection?.abort()
    world.peer.expectsNothing('200s')
    expect(world.state()).toBe('CLOSED')
  })
})

describe('shutdown', () => {
  test('write: FIN after what is queued; the other direction goes on', () => {
    const { connection, peer } = reach('ESTABLISHED')
    connection?.write(100)
    expect(connection?.shutdown('write')).toBe(0)
    peer.expects({ seq: 1, length: 100 })
    peer.expects({ flags: 'F.', seq: 101, length: 0 })
    peer.sends({ flags: 'P.', seq: 1, ack: 102, length: 50 })
    peer.expects({ flags: '.', seq: 102, ack: 51 })
    expect(connection?.readAll()).toBe(50)
    expect(connection?.write(1)).toBe(-EPIPE)
  })

  test('write twice is one FIN', () => {
    const { connection, peer } = reach('ESTABLISHED')
    connection?.shutdown('write')
    connection?.shutdown('write')
    peer.expects({ flags: 'F.' })
    peer.expectsNothing()
  })

  test('read: bytes that come are acknowledged and discarded, nothing is sent for it', () => {
    const { connection, peer } = reach('ESTABLISHED')
    expect(connection?.shutdown('read')).toBe(0)
    peer.expectsNothing()
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    peer.expects({ flags: '.', ack: 101 })
    expect(connection?.endpoint.receiveQueued).toBe(0)
    expect(connection?.atEnd).toBe(true)
    expect(connection?.write(10)).toBe(10)
    peer.expects({ seq: 1, length: 10 })
  })

  test('both', () => {
    const { connection, peer } = reach('ESTABLISHED')
    expect(connection?.shutdown('both')).toBe(0)
    peer.expects({ flags: 'F.', seq: 1, ack: 1 })
    expect(connection?.atEnd).toBe(true)
  })

  test('after a reset there is nothing to shut', () => {
    const { connection, peer } = reach('ESTABLISHED')
    peer.sends({ flags: 'R', seq: 1 })
    connection?.takeError()
    expect(connection?.shutdown('write')).toBeLessThan(0)
  })
})

describe('what time alone does', () => {
  test.each(['LISTEN', 'ESTABLISHED', 'CLOSE-WAIT'] as const)('%s: nothing, for a year', (state) => {
    const world = reach(state)
    world.peer.expectsNothing('365d')
    expect(world.state()).toBe(state)
  })

  test('FIN-WAIT-2 of an application that still reads: nothing', () => {
    const world = reach('FIN-WAIT-2')
    world.peer.expectsNothing('1d')
    expect(world.state()).toBe('FIN-WAIT-2')
  })

  test('TIME-WAIT: 60 s, then it is forgotten', () => {
    const world = reach('TIME-WAIT')
    world.peer.expectsNothing(59_999_999)
    expect(world.state()).toBe('TIME-WAIT')
    world.advance(1)
    expect(world.host.stack.tcp.timeWaits).toBe(0)
    world.peer.expectsNothing('1h')
  })

  test.each(['FIN-WAIT-1', 'CLOSING', 'LAST-ACK'] as const)('%s: the FIN is sent again', (state) => {
    const { peer, rcv } = reach(state)
    peer.expectsAfter(RTO, { flags: 'F.', seq: 1, ack: rcv })
    peer.expectsAfter(2 * RTO, { flags: 'F.', seq: 1, ack: rcv })
  })
})
