// The schedules of SYN and SYN-ACK (RFC 9293 3.8.1, RFC 6298; the numbers are Linux's) and how an attempt ends.

import { describe, expect, test } from 'vitest'
import { oneHost } from '../../../support/worlds.ts'

describe('SYN', () => {
  /** After how many seconds each retransmission comes, and when the attempt ends. */
  function schedule(synRetries?: number) {
    const { host, peer, advance } = oneHost()
    const options = synRetries === undefined ? {} : { synRetries }
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80, options })
    const first = peer.expects({ flags: 'S', seq: 0 })
    const times: number[] = []
    while (connection.state !== 'CLOSED' && times.length < 50 && host.simulation.now < 400e6) {
      advance('100ms')
      for (const seen of peer.ignoreReceived()) {
        expect({ flags: seen.flags, seq: seen.seq, order: seen.optionOrder }).toEqual({
          flags: 'S',
          seq: 0,
          order: first.optionOrder,
        })
        times.push(seen.time / 1e6)
      }
    }
    return {
      times,
      end: Math.round(host.simulation.now / 1e6),
      error: connection.takeError(),
      counters: host.stack.counters,
    }
  }

  test('six retries: the first four after 1 s each, then doubling; then ETIMEDOUT', () => {
    const { times, error, counters } = schedule()
    expect(times.slice(0, 4)).toEqual([1, 2, 3, 4])
    expect(times).toHaveLength(6)
    const gaps = times.slice(4).map((time, i) => time - times[3 + i])
    expect(gaps[1]).toBe(2 * gaps[0])
    expect(error).toBe('ETIMEDOUT')
    expect(counters.TcpAttemptFails).toBe(1)
    expect(counters.TcpRetransSegs).toBe(6)
  })

  test('synRetries bounds them', () => {
    const { times, error } = schedule(2)
    expect(times).toEqual([1, 2])
    expect(error).toBe('ETIMEDOUT')
  })

  test('a retransmitted SYN has a fresh timestamp', () => {
    const { host, peer } = oneHost()
    host.connect(peer.address, peer.flow.port, { localPort: 80 })
    const first = peer.expects({ flags: 'S', options: { ts: true } })
    const second = peer.expectsAfter('1s', { flags: 'S', options: { ts: true } })
    expect((second.options.ts?.val ?? 0) - (first.options.ts?.val ?? 0)).toBe(1000)
  })

  test('an answer to a retransmitted SYN opens the connection; the data timer then starts at 3 s (RFC 6298 5.7)', () => {
    const { host, peer, advance } = oneHost({ tcp: { timestamps: false } })
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    peer.expectsAfter('1s', { flags: 'S' })
    advance('10ms')
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { mss: 1460 } })
    peer.expects({ flags: '.', seq: 1, ack: 1 })
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    peer.expectsAfter('3s', { seq: 1, length: 100 })
  })

  test('an endpoint that is closed while it connects sends nothing more', () => {
    const { host, peer } = oneHost()
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    connection.close()
    peer.expectsNothing('120s')
    expect([...host.stack.tcp.endpoints()]).toEqual([])
  })
})

describe('SYN-ACK', () => {
  test('five retries at 1, 3, 7, 15 and 31 s; after 63 s the connection is forgotten', () => {
    const { host, peer, advance } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460, sackOK: true } })
    const first = peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    for (const wait of ['1s', '2s', '4s', '8s', '16s']) {
      peer.expectsAfter(wait, { flags: 'S.', seq: 0, ack: 1, optionOrder: first.optionOrder })
    }
    expect(listener.synQueue).toBe(1)
    peer.expectsNothing('33s')
    expect(listener.synQueue).toBe(0)
    // Its ACK is now a stray one.
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    peer.expects({ flags: 'R', seq: 1 })
    advance('1s')
  })

  test('a SYN that comes again is answered again, with the same numbers', () => {
    const { host, peer, advance } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    advance('200ms')
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    expect(listener.synQueue).toBe(1)
  })

  test('an ACK after a retransmission completes the handshake', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.' })
    peer.expectsAfter('1s', { flags: 'S.' })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(host.accept(listener).state).toBe('ESTABLISHED')
    peer.expectsNothing('10s')
  })
})
