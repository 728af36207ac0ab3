// The table of RFC 9293 3.10.7: what a segment does in each state. One row is one exchange: the segment that comes, what
// answers it, and the state afterwards. RFC 5961 and RFC 1337 where they change the older rules.

import { describe, expect, test } from 'vitest'
import type { Expected, Sent } from '../../../support/flow.ts'
import { type Reachable, type Reached, reach } from './reach.ts'

type Row = [
  state: Reachable,
  what: string,
  segment: (world: Reached) => Sent,
  answer: ((world: Reached) => Expected) | null,
  after: string,
]

/** An ACK that says where the stack stands: the answer to what is not acceptable. */
const ackOfNow = ({ snd, rcv }: Reached): Expected => ({ flags: '.', seq: snd, ack: rcv, length: 0 })

const SYNCHRONIZED: Reachable[] = ['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK']

function each(states: Reachable[], row: (state: Reachable) => Row): Row[] {
  return states.map(row)
}

function replay(rows: Row[]): void {
  test.each(rows)('%s: %s', (state, _what, segment, answer, after) => {
    const world = reach(state)
    world.peer.sends(segment(world))
    if (answer) world.peer.expects(answer(world))
    world.peer.expectsNothing()
    expect(world.state()).toBe(after)
  })
}

describe('RST (3.10.7.4 first and second check, RFC 5961 3.2)', () => {
  replay([
    ['CLOSED', 'is never answered', () => ({ flags: 'R', seq: 5 }), null, 'CLOSED'],
    ['CLOSED', 'with ACK is never answered', () => ({ flags: 'R.', seq: 5, ack: 7 }), null, 'CLOSED'],
    ['LISTEN', 'is ignored', () => ({ flags: 'R', seq: 0 }), null, 'LISTEN'],
    ['LISTEN', 'with ACK is ignored', () => ({ flags: 'R.', seq: 0, ack: 0 }), null, 'LISTEN'],
    ['SYN-SENT', 'without ACK is ignored', () => ({ flags: 'R', seq: 0 }), null, 'SYN-SENT'],
    ['SYN-SENT', 'with a wrong ACK is ignored', () => ({ flags: 'R.', seq: 0, ack: 2 }), null, 'SYN-SENT'],
    ['SYN-SENT', 'with an older ACK is ignored', () => ({ flags: 'R.', seq: 0, ack: 0 }), null, 'SYN-SENT'],
    ['SYN-SENT', 'with the right ACK ends it', () => ({ flags: 'R.', seq: 0, ack: 1 }), null, 'CLOSED'],
    ['SYN-RECEIVED', 'of a passive open returns to LISTEN', () => ({ flags: 'R', seq: 1 }), null, 'LISTEN'],
    ['SYN-RECEIVED', 'outside the window is ignored', () => ({ flags: 'R', seq: 200_000 }), null, 'SYN-RECEIVED'],
    ...each(SYNCHRONIZED, (state) => [
      state,
      'exactly where expected ends it',
      ({ rcv }) => ({ flags: 'R', seq: rcv }),
      null,
      'CLOSED',
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'exactly where expected, with ACK, ends it',
      ({ rcv, snd }) => ({ flags: 'R.', seq: rcv, ack: snd }),
      null,
      'CLOSED',
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'elsewhere in the window draws a challenge ACK',
      ({ rcv }) => ({ flags: 'R', seq: rcv + 100 }),
      ackOfNow,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'behind the window is ignored',
      ({ rcv }) => ({ flags: 'R', seq: rcv + 200_000 }),
      null,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'before the window is ignored',
      ({ rcv }) => ({ flags: 'R', seq: rcv - 1 }),
      null,
      state,
    ]),
    ['TIME-WAIT', 'does not end the wait (RFC 1337)', ({ rcv }) => ({ flags: 'R', seq: rcv }), null, 'TIME-WAIT'],
  ])
})

describe('SYN (3.10.7.4 fourth check, RFC 5961 4.2)', () => {
  replay([
    [
      'CLOSED',
      'draws RST+ACK with sequence 0',
      () => ({ flags: 'S', seq: 0 }),
      () => ({ flags: 'R.', seq: 0, ack: 1, window: 0 }),
      'CLOSED',
    ],
    ['LISTEN', 'draws SYN-ACK', () => ({ flags: 'S', seq: 0 }), () => ({ flags: 'S.', ack: 1 }), 'SYN-RECEIVED'],
    ['LISTEN', 'with RST is ignored', () => ({ flags: 'SR', seq: 0 }), null, 'LISTEN'],
    ['LISTEN', 'with ACK draws RST', () => ({ flags: 'S.', seq: 0, ack: 9 }), () => ({ flags: 'R', seq: 9 }), 'LISTEN'],
    [
      'SYN-SENT',
      'alone: both open',
      () => ({ flags: 'S', seq: 0 }),
      () => ({ flags: 'S.', seq: 0, ack: 1 }),
      'SYN-RECEIVED',
    ],
    [
      'SYN-SENT',
      'with the right ACK establishes',
      () => ({ flags: 'S.', seq: 0, ack: 1 }),
      () => ({ flags: '.', seq: 1, ack: 1 }),
      'ESTABLISHED',
    ],
    [
      'SYN-SENT',
      'with an ACK of too much draws RST',
      () => ({ flags: 'S.', seq: 0, ack: 2 }),
      () => ({ flags: 'R', seq: 2 }),
      'SYN-SENT',
    ],
    [
      'SYN-SENT',
      'with an ACK of nothing draws RST',
      () => ({ flags: 'S.', seq: 0, ack: 0 }),
      () => ({ flags: 'R', seq: 0 }),
      'SYN-SENT',
    ],
    [
      'SYN-RECEIVED',
      'the same again draws SYN-ACK again',
      () => ({ flags: 'S', seq: 0 }),
      () => ({ flags: 'S.', seq: 0, ack: 1 }),
      'SYN-RECEIVED',
    ],
    ...each(SYNCHRONIZED, (state) => [
      state,
      'in the window draws a challenge ACK',
      ({ rcv }) => ({ flags: 'S', seq: rcv + 10 }),
      ackOfNow,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'where expected draws a challenge ACK',
      ({ rcv }) => ({ flags: 'S', seq: rcv }),
      ackOfNow,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'outside of the window draws a challenge ACK too',
      () => ({ flags: 'S', seq: 2 ** 30 }),
      ackOfNow,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'the one of the handshake again, with ACK',
      ({ snd }) => ({ flags: 'S.', seq: 0, ack: snd }),
      ackOfNow,
      state,
    ]),
  ])
})

describe('ACK (3.10.7.4 fifth check)', () => {
  replay([
    [
      'CLOSED',
      'draws a bare RST with its number',
      () => ({ flags: '.', seq: 5, ack: 77 }),
      () => ({ flags: 'R', seq: 77 }),
      'CLOSED',
    ],
    ['LISTEN', 'draws a bare RST', () => ({ flags: '.', seq: 5, ack: 77 }), () => ({ flags: 'R', seq: 77 }), 'LISTEN'],
    ['SYN-SENT', 'of ISS+1 without SYN is dropped', () => ({ flags: '.', seq: 5, ack: 1 }), null, 'SYN-SENT'],
    [
      'SYN-SENT',
      'of too much draws RST',
      () => ({ flags: '.', seq: 5, ack: 2 }),
      () => ({ flags: 'R', seq: 2 }),
      'SYN-SENT',
    ],
    ['SYN-RECEIVED', 'of ISS+1 establishes', () => ({ flags: '.', seq: 1, ack: 1 }), null, 'ESTABLISHED'],
    [
      'SYN-RECEIVED',
      'of too much draws RST',
      () => ({ flags: '.', seq: 1, ack: 2 }),
      () => ({ flags: 'R', seq: 2 }),
      'SYN-RECEIVED',
    ],
    [
      'SYN-RECEIVED',
      'of nothing draws RST',
      () => ({ flags: '.', seq: 1, ack: 0 }),
      () => ({ flags: 'R', seq: 0 }),
      'SYN-RECEIVED',
    ],
    ...each(SYNCHRONIZED, (state) => [
      state,
      'of what was never sent draws an ACK',
      ({ rcv, snd }) => ({ flags: '.', seq: rcv, ack: snd + 1000 }),
      ackOfNow,
      state,
    ]),
    ...each(SYNCHRONIZED, (state) => [
      state,
      'of an older time is ignored',
      ({ rcv }) => ({ flags: '.', seq: rcv, ack: 0 }),
      null,
      state,
    ]),
    ['FIN-WAIT-1', 'of the FIN', () => ({ flags: '.', seq: 1, ack: 2 }), null, 'FIN-WAIT-2'],
    ['CLOSING', 'of the FIN', () => ({ flags: '.', seq: 2, ack: 2 }), null, 'TIME-WAIT'],
    ['LAST-ACK', 'of the FIN', () => ({ flags: '.', seq: 2, ack: 2 }), null, 'CLOSED'],
    ['FIN-WAIT-2', 'once more', () => ({ flags: '.', seq: 1, ack: 2 }), null, 'FIN-WAIT-2'],
    ['TIME-WAIT', 'once more', () => ({ flags: '.', seq: 2, ack: 2 }), null, 'TIME-WAIT'],
  ])
})

describe('a segment without ACK, or with no flag at all, is dropped', () => {
  const states: Reachable[] = ['LISTEN', 'SYN-SENT', 'SYN-RECEIVED', ...SYNCHRONIZED, 'TIME-WAIT']
  replay([
    ...each(states, (state) => [
      state,
      'data',
      ({ rcv }) => ({ flags: 'P', seq: rcv, payload: new Uint8Array(9) }),
      null,
      state,
    ]),
    ...each(states, (state) => [state, 'FIN', ({ rcv }) => ({ flags: 'F', seq: rcv }), null, state]),
    ...each(states, (state) => [state, 'nothing', ({ rcv }) => ({ flags: '', seq: rcv }), null, state]),
    [
      'CLOSED',
      'but where there is no connection, data draws RST+ACK',
      () => ({ flags: 'P', seq: 3, payload: new Uint8Array(9) }),
      () => ({ flags: 'R.', seq: 0, ack: 12 }),
      'CLOSED',
    ],
    ['CLOSED', 'and FIN too', () => ({ flags: 'F', seq: 3 }), () => ({ flags: 'R.', seq: 0, ack: 4 }), 'CLOSED'],
  ])
})

describe('outside of the window (3.10.7.4 first check)', () => {
  const WITH_WINDOW: Reachable[] = [...SYNCHRONIZED]
  replay([
    ...each(WITH_WINDOW, (state) => [
      state,
      'an empty segment before the window (a keep-alive probe) draws an ACK',
      ({ rcv, snd }) => ({ flags: '.', seq: rcv - 1, ack: snd }),
      ackOfNow,
      // The ACK field of an unacceptable segment is not looked at.
      state,
    ]),
    ...each(WITH_WINDOW, (state) => [
      state,
      'an empty segment behind the window draws an ACK',
      ({ rcv, snd }) => ({ flags: '.', seq: rcv + 200_000, ack: snd }),
      ackOfNow,
      state,
    ]),
    ...each(WITH_WINDOW, (state) => [
      state,
      'data behind the window draws an ACK',
      ({ rcv, snd }) => ({ flags: 'P.', seq: rcv + 200_000, ack: snd, payload: new Uint8Array(50) }),
      ackOfNow,
      state,
    ]),
  ])
})

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
  test.each(SYNCHRONIZED)('%s: RST gives ECONNRESET, once', (state) => {
    const { peer, connection, rcv } = reach(state)
    peer.sends({ flags: 'R', seq: rcv })
    // Linux tells EPIPE when only our own FIN was left to be acknowledged.
    expect(['ECONNRESET', 'EPIPE', '']).toContain(connection?.takeError())
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
