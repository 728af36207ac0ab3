// The connection's states as one table (RFC 9293 3.3.2, figure 5): which event leads from which state to which. Owns
// no effects: what is sent, told or kept is the caller's. An event that a state does not list leaves it where it is.

import type { TcpState } from './contract.ts'

/**
 * What can happen to a connection. `close`: the application has no more to send. `syn-ack`: our SYN was acknowledged by
 * a segment with SYN. `ack-of-syn`, `ack-of-fin`: what we sent was acknowledged. `reset`: a valid RST came, or the
 * connection was aborted, or timed out. `expire`: 2 MSL are over.
 */
export type TcpEvent =
  | 'active-open'
  | 'passive-open'
  | 'syn'
  | 'syn-ack'
  | 'ack-of-syn'
  | 'close'
  | 'fin'
  | 'ack-of-fin'
  | 'reset'
  | 'expire'

export const TCP_STATES: readonly TcpState[] = [
  'CLOSED',
  'LISTEN',
  'SYN-SENT',
  'SYN-RECEIVED',
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
  'TIME-WAIT',
]

export const TCP_EVENTS: readonly TcpEvent[] = [
  'active-open',
  'passive-open',
  'syn',
  'syn-ack',
  'ack-of-syn',
  'close',
  'fin',
  'ack-of-fin',
  'reset',
  'expire',
]

const TABLE: Readonly<Record<TcpState, Readonly<Partial<Record<TcpEvent, TcpState>>>>> = {
  CLOSED: { 'active-open': 'SYN-SENT', 'passive-open': 'LISTEN' },
  LISTEN: { syn: 'SYN-RECEIVED', close: 'CLOSED', reset: 'LISTEN' },
  'SYN-SENT': { syn: 'SYN-RECEIVED', 'syn-ack': 'ESTABLISHED', close: 'CLOSED', reset: 'CLOSED' },
  'SYN-RECEIVED': { 'ack-of-syn': 'ESTABLISHED', close: 'FIN-WAIT-1', fin: 'CLOSE-WAIT', reset: 'CLOSED' },
  ESTABLISHED: { close: 'FIN-WAIT-1', fin: 'CLOSE-WAIT', reset: 'CLOSED' },
  'FIN-WAIT-1': { 'ack-of-fin': 'FIN-WAIT-2', fin: 'CLOSING', reset: 'CLOSED' },
  'FIN-WAIT-2': { fin: 'TIME-WAIT', reset: 'CLOSED', expire: 'CLOSED' },
  'CLOSE-WAIT': { close: 'LAST-ACK', reset: 'CLOSED' },
  CLOSING: { 'ack-of-fin': 'TIME-WAIT', reset: 'CLOSED' },
  'LAST-ACK': { 'ack-of-fin': 'CLOSED', reset: 'CLOSED' },
  'TIME-WAIT': { reset: 'CLOSED', expire: 'CLOSED' },
}

/** The state after `event`; the same state when the event means nothing there. */
export function transition(state: TcpState, event: TcpEvent): TcpState {
  return TABLE[state][event] ?? state
}

/** Both sides know each other's sequence numbers: RFC 9293 calls these synchronized. */
export function isSynchronized(state: TcpState): boolean {
  return state !== 'CLOSED' && state !== 'LISTEN' && state !== 'SYN-SENT' && state !== 'SYN-RECEIVED'
}

/** Data of the peer is taken in these states (RFC 9293 3.10.7.4, seventh). */
export function takesData(state: TcpState): boolean {
  return state === 'ESTABLISHED' || state === 'FIN-WAIT-1' || state === 'FIN-WAIT-2'
}

/** Data and the FIN may be sent or sent again in these states. */
export function sendsData(state: TcpState): boolean {
  return (
    state === 'ESTABLISHED' ||
    state === 'CLOSE-WAIT' ||
    state === 'FIN-WAIT-1' ||
    state === 'CLOSING' ||
    state === 'LAST-ACK'
  )
}

/** An abort must tell the peer (RFC 9293 3.10.5: not from CLOSING, LAST-ACK and TIME-WAIT, nor before the peer is known). */
export function resetsOnAbort(state: TcpState): boolean {
  return (
    state === 'SYN-RECEIVED' ||
    state === 'ESTABLISHED' ||
    state === 'FIN-WAIT-1' ||
    state === 'FIN-WAIT-2' ||
    state === 'CLOSE-WAIT'
  )
}
