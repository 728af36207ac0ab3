// The table of RFC 9293 3.10.7, first to fifth check: RST, SYN, ACK and segments outside of the window in each state.
// RFC 5961 and RFC 1337 where they change the older rules. Data and FIN are in state-data.

import { describe } from 'vitest'
import type { Reachable } from './reach.ts'
import { ackOfNow, each, replay, SYNCHRONIZED } from './state-table.ts'

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
