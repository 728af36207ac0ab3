// Keep-alive (RFC 9293 3.8.4): off by default; 2 h, then every 75 s, nine times. Days pass in milliseconds.

import { describe, expect, test } from 'vitest'
import { established } from '../../../support/worlds.ts'

const PROBE = { flags: '.', seq: 0, ack: 1, length: 0 }

test('off by default: nothing for a month', () => {
  established().peer.expectsNothing('30d')
})

describe('the schedule', () => {
  test('first after 2 h, then every 75 s; after nine the connection ends with ETIMEDOUT', () => {
    const { peer, connection } = established({ options: { keepAlive: true } })
    peer.expectsAfter('2h', PROBE)
    for (let i = 1; i < 9; i++) peer.expectsAfter('75s', PROBE)
    expect(connection.state).toBe('ESTABLISHED')
    peer.advance('75s')
    expect(connection.state).toBe('CLOSED')
    expect(connection.takeError()).toBe('ETIMEDOUT')
    // Linux says goodbye with an RST; that is allowed, nothing else is.
    for (const { flags } of peer.ignoreReceived()) expect(flags).toContain('R')
    peer.expectsNothing('1d')
  })

  test('is settable', () => {
    const options = { keepAlive: true, keepIdle: 10_000_000, keepInterval: 2_000_000, keepCount: 3 }
    const { peer, connection } = established({ options })
    peer.expectsAfter('10s', PROBE)
    peer.expectsAfter('2s', PROBE)
    peer.expectsAfter('2s', PROBE)
    peer.advance('2s')
    expect(connection.takeError()).toBe('ETIMEDOUT')
  })

  test('an answer starts it anew', () => {
    const { peer, connection } = established({ options: { keepAlive: true } })
    for (let i = 0; i < 20; i++) {
      peer.expectsAfter('2h', PROBE)
      peer.sends({ flags: '.', seq: 1, ack: 1 })
    }
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('an answer to a later probe starts it anew too', () => {
    const { peer } = established({ options: { keepAlive: true } })
    peer.expectsAfter('2h', PROBE)
    peer.expectsAfter('75s', PROBE)
    peer.expectsAfter('75s', PROBE)
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    peer.expectsAfter('2h', PROBE)
  })

  test('data from the peer starts it anew', () => {
    const { peer } = established({ options: { keepAlive: true } })
    peer.expectsNothing('1h')
    peer.sends({ flags: 'P.', length: 10 })
    peer.expects({ flags: '.', ack: 11 })
    peer.expectsAfter('2h', { ...PROBE, ack: 11 })
  })

  test('can be switched on and off later', () => {
    const { peer, connection } = established()
    connection.set('keepIdle', 5_000_000)
    connection.set('keepAlive', true)
    peer.expectsWithin('6s', PROBE)
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    connection.set('keepAlive', false)
    peer.expectsNothing('10d')
  })
})

test('while data is unacknowledged the retransmission timer is in charge', () => {
  const options = { keepAlive: true, keepIdle: 1_000_000, keepInterval: 1_000_000, keepCount: 3 }
  const { peer, connection } = established({ options })
  connection.write(10)
  peer.expects({ seq: 1, length: 10 })
  peer.advance('8s')
  for (const { seq, length } of peer.ignoreReceived()) expect([seq, length]).toEqual([1, 10])
  expect(connection.state).toBe('ESTABLISHED')
})

test('an RST in answer to a probe ends the connection', () => {
  const { peer, connection } = established({ options: { keepAlive: true } })
  peer.expectsAfter('2h', PROBE)
  peer.sends({ flags: 'R', seq: 1 })
  expect(connection.state).toBe('CLOSED')
  expect(connection.takeError()).toBe('ECONNRESET')
})

test('a probe of the peer is answered, with and without a byte of garbage', () => {
  const { peer, connection } = established()
  peer.advance('1s')
  peer.sends({ flags: '.', seq: 0, ack: 1 })
  peer.expects({ flags: '.', seq: 1, ack: 1, length: 0 })
  peer.advance('1s')
  peer.sends({ flags: '.', seq: 0, ack: 1, payload: Uint8Array.of(0) })
  peer.expects({ flags: '.', seq: 1, ack: 1, length: 0 })
  expect(connection.endpoint.receiveQueued).toBe(0)
})
