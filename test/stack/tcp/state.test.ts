import { describe, expect, it } from 'vitest'
import type { TcpState } from '../../../stack/tcp/contract.ts'
import {
  isSynchronized,
  resetsOnAbort,
  sendsData,
  TCP_EVENTS,
  TCP_STATES,
  type TcpEvent,
  takesData,
  transition,
} from '../../../stack/tcp/state.ts'

/** RFC 9293 figure 5 and the text of 3.10, arrow by arrow. */
const ARROWS: [TcpState, TcpEvent, TcpState][] = [
  ['CLOSED', 'active-open', 'SYN-SENT'],
  ['CLOSED', 'passive-open', 'LISTEN'],
  ['LISTEN', 'syn', 'SYN-RECEIVED'],
  ['LISTEN', 'close', 'CLOSED'],
  ['SYN-SENT', 'syn', 'SYN-RECEIVED'],
  ['SYN-SENT', 'syn-ack', 'ESTABLISHED'],
  ['SYN-SENT', 'close', 'CLOSED'],
  ['SYN-SENT', 'reset', 'CLOSED'],
  ['SYN-RECEIVED', 'ack-of-syn', 'ESTABLISHED'],
  ['SYN-RECEIVED', 'close', 'FIN-WAIT-1'],
  ['SYN-RECEIVED', 'fin', 'CLOSE-WAIT'],
  ['SYN-RECEIVED', 'reset', 'CLOSED'],
  ['ESTABLISHED', 'close', 'FIN-WAIT-1'],
  ['ESTABLISHED', 'fin', 'CLOSE-WAIT'],
  ['ESTABLISHED', 'reset', 'CLOSED'],
  ['FIN-WAIT-1', 'ack-of-fin', 'FIN-WAIT-2'],
  ['FIN-WAIT-1', 'fin', 'CLOSING'],
  ['FIN-WAIT-1', 'reset', 'CLOSED'],
  ['FIN-WAIT-2', 'fin', 'TIME-WAIT'],
  ['FIN-WAIT-2', 'expire', 'CLOSED'],
  ['FIN-WAIT-2', 'reset', 'CLOSED'],
  ['CLOSE-WAIT', 'close', 'LAST-ACK'],
  ['CLOSE-WAIT', 'reset', 'CLOSED'],
  ['CLOSING', 'ack-of-fin', 'TIME-WAIT'],
  ['CLOSING', 'reset', 'CLOSED'],
  ['LAST-ACK', 'ack-of-fin', 'CLOSED'],
  ['LAST-ACK', 'reset', 'CLOSED'],
  ['TIME-WAIT', 'expire', 'CLOSED'],
  ['TIME-WAIT', 'reset', 'CLOSED'],
]

describe('the table of states', () => {
  for (const state of TCP_STATES) {
    for (const event of TCP_EVENTS) {
      const next = ARROWS.find(([from, what]) => from === state && what === event)?.[2] ?? state
      it(`${state} + ${event} -> ${next}`, () => {
        expect(transition(state, event)).toBe(next)
      })
    }
  }

  it('leads from CLOSED to every state and back', () => {
    const reached = new Set<TcpState>(['CLOSED'])
    for (let i = 0; i < TCP_STATES.length; i++) {
      for (const state of [...reached]) for (const event of TCP_EVENTS) reached.add(transition(state, event))
    }
    expect([...reached].sort()).toEqual([...TCP_STATES].sort())
    for (const state of TCP_STATES) {
      if (state !== 'CLOSED' && state !== 'LISTEN') expect(transition(state, 'reset')).toBe('CLOSED')
    }
  })

  it('says which states are synchronized, take data, send data and reset', () => {
    const where = (is: (state: TcpState) => boolean): TcpState[] => TCP_STATES.filter(is)
    const open: TcpState[] = ['ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2']
    expect(where(takesData)).toEqual(open)
    expect(where(isSynchronized)).toEqual([...open, 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK', 'TIME-WAIT'])
    expect(where(sendsData)).toEqual(['ESTABLISHED', 'FIN-WAIT-1', 'CLOSE-WAIT', 'CLOSING', 'LAST-ACK'])
    expect(where(resetsOnAbort)).toEqual(['SYN-RECEIVED', ...open, 'CLOSE-WAIT'])
  })
})
