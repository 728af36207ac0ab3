// The table of RFC 9293 3.10.7, seventh and eighth check: data and FIN in each state, and what the application hears of
// a segment that ends the connection.

import { describe, expect, test } from 'vitest'
import { reach } from './reach.ts'
import { ackOfNow, each, replay, SYNCHRONIZED } from './state-table.ts'

describe('data (3.10.7.4 seventh)', () => {
  replay([
    [
      'CLOSED',
      'draws RST',
      () => ({ flags: 'P.', seq: 1, ack: 9, length: 5 }),
      () => ({ flags: 'R', seq: 9 }),
      'CLOSED',
    ],
    [
      'LISTEN',
      'draws RST',
      () => ({ flags: 'P.', seq: 1, ack: 9, length: 5 }),
      () => ({ flags: 'R', seq: 9 }),
      'LISTEN',
    ],
    ...each(['ESTABLISHED', 'FIN-WAIT-2'], (state) => [
      state,
      'in order is acknowledged',
      ({ snd }) => ({ flags: 'P.', seq: 1, ack: snd, length: 100 }),
      ({ snd }) => ({ flags: '.', seq: snd, ack: 101 }),
      state,
    ]),
    [
      'FIN-WAIT-1',
      'in order is acknowledged',
      () => ({ flags: 'P.', seq: 1, ack: 1, length: 100 }),
      () => ({ flags: '.', seq: 2, ack: 101 }),
      'FIN-WAIT-1',
    ],
    [
      'FIN-WAIT-1',
      'with the ACK of the FIN',
      () => ({ flags: 'P.', seq: 1, ack: 2, length: 100 }),
      () => ({ flags: '.', seq: 2, ack: 101 }),
      'FIN-WAIT-2',
    ],
    [
      'SYN-RECEIVED',
      'with the right ACK establishes and is taken',
      () => ({ flags: 'P.', seq: 1, ack: 1, length: 100 }),
      () => ({ flags: '.', seq: 1, ack: 101 }),
      'ESTABLISHED',
    ],
    [
      'TIME-WAIT',
      'draws an ACK',
      () => ({ flags: 'P.', seq: 1, ack: 2, length: 1 }),
      () => ({ flags: '.', seq: 2, ack: 2 }),
      'TIME-WAIT',
    ],
  ])

  test.each(['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2'] as const)('%s: reaches the application', (state) => {
    const world = reach(state)
    world.peer.sends({ flags: 'P.', seq: 1, length: 100 })
    world.peer.ignoreReceived()
    expect(world.connection?.readAll()).toBe(100)
  })

  test.each(['CLOSE-WAIT', 'CLOSING', 'LAST-ACK'] as const)('%s: behind the FIN it is ignored', (state) => {
    const world = reach(state)
    world.peer.sends({ flags: 'P.', seq: 2, ack: 1, length: 100 })
    world.peer.ignoreReceived()
    expect(world.state()).toBe(state)
    expect(world.connection?.endpoint.receiveQueued).toBe(0)
    expect(world.connection?.atEnd).toBe(true)
  })
})

describe('FIN (3.10.7.4 eighth)', () => {
  replay([
    ['CLOSED', 'draws RST', () => ({ flags: 'F.', seq: 1, ack: 9 }), () => ({ flags: 'R', seq: 9 }), 'CLOSED'],
    ['LISTEN', 'draws RST', () => ({ flags: 'F.', seq: 1, ack: 9 }), () => ({ flags: 'R', seq: 9 }), 'LISTEN'],
    ['SYN-SENT', 'is dropped', () => ({ flags: 'F.', seq: 1, ack: 1 }), null, 'SYN-SENT'],
    [
      'SYN-RECEIVED',
      'with the right ACK',
      () => ({ flags: 'F.', seq: 1, ack: 1 }),
      () => ({ flags: '.', seq: 1, ack: 2 }),
      'CLOSE-WAIT',
    ],
    [
      'ESTABLISHED',
      'in order',
      () => ({ flags: 'F.', seq: 1, ack: 1 }),
      () => ({ flags: '.', seq: 1, ack: 2 }),
      'CLOSE-WAIT',
    ],
    [
      'FIN-WAIT-1',
      'alone: both close',
      () => ({ flags: 'F.', seq: 1, ack: 1 }),
      () => ({ flags: '.', seq: 2, ack: 2 }),
      'CLOSING',
    ],
    [
      'FIN-WAIT-1',
      'with the ACK of ours',
      () => ({ flags: 'F.', seq: 1, ack: 2 }),
      () => ({ flags: '.', seq: 2, ack: 2 }),
      'TIME-WAIT',
    ],
    [
      'FIN-WAIT-2',
      'in order',
      () => ({ flags: 'F.', seq: 1, ack: 2 }),
      () => ({ flags: '.', seq: 2, ack: 2 }),
      'TIME-WAIT',
    ],
    ...each(['CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT'], (state) => [
      state,
      'again draws an ACK',
      ({ snd }) => ({ flags: 'F.', seq: 1, ack: state === 'CLOSE-WAIT' ? snd : 1 }),
      ackOfNow,
      state,
    ]),
  ])

  test.each(['ESTABLISHED', 'FIN-WAIT-2'] as const)('%s: behind a gap it waits for the data before it', (state) => {
    const world = reach(state)
    const { peer, snd } = world
    peer.sends({ flags: 'F.', seq: 101, ack: snd })
    peer.expects({ flags: '.', seq: snd, ack: 1 })
    expect(world.state()).toBe(state)
    peer.sends({ flags: '.', seq: 1, ack: snd, length: 100 })
    peer.expects({ flags: '.', seq: snd, ack: 102 })
    expect(world.state()).toBe(state === 'ESTABLISHED' ? 'CLOSE-WAIT' : 'TIME-WAIT')
  })

  test('with data: both are acknowledged at once', () => {
    const { peer, connection } = reach('ESTABLISHED')
    peer.sends({ flags: 'FP.', seq: 1, ack: 1, length: 100 })
    peer.expects({ flags: '.', seq: 1, ack: 102 })
    expect(connection?.readAll()).toBe(100)
    expect(connection?.atEnd).toBe(true)
    expect(connection?.events).toEqual(expect.arrayContaining(['readable', 'read-hangup']))
  })
})

describe('what the application hears', () => {
  // As Linux: a peer that had said it was done and then resets has broken our pipe.
  test.each(SYNCHRONIZED)('%s: RST gives ECONNRESET, after a FIN EPIPE, once', (state) => {
    const { peer, connection, rcv } = reach(state)
    peer.sends({ flags: 'R', seq: rcv })
    expect(connection?.takeError()).toBe(state === 'CLOSE-WAIT' ? 'EPIPE' : 'ECONNRESET')
    expect(connection?.takeError()).toBe('')
  })

  test('ESTABLISHED: RST gives ECONNRESET and hangs up', () => {
    const { peer, connection, host } = reach('ESTABLISHED')
    peer.sends({ flags: 'R', seq: 1 })
    expect(connection?.events).toEqual(expect.arrayContaining(['error', 'hangup']))
    expect(connection?.takeError()).toBe('ECONNRESET')
    expect(connection?.write(1)).toBeLessThan(0)
    expect(host.stack.counters.TcpEstabResets).toBe(1)
  })

  test('SYN-SENT: RST gives ECONNREFUSED', () => {
    const { peer, connection, host } = reach('SYN-SENT')
    peer.sends({ flags: 'R.', seq: 0, ack: 1 })
    expect(connection?.takeError()).toBe('ECONNREFUSED')
    expect(host.stack.counters.TcpAttemptFails).toBe(1)
  })

  test('data that came before the RST can still be read, or the error comes first; never wrong bytes', () => {
    const { peer, connection } = reach('ESTABLISHED')
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    peer.expects({ ack: 101 })
    peer.sends({ flags: 'R', seq: 101 })
    expect([0, 100]).toContain(connection?.readAll())
  })
})
