// Blind injection (RFC 5961): what a guess may at most draw is an ACK, and not many of them; the limit is the connection's
// own, so that nobody can count on somebody else's. And the limit on answers to segments outside of the window.

import { describe, expect, test } from 'vitest'
import { established, LINUX_SYN } from '../../../support/worlds.ts'

describe('limits', () => {
  test.each([
    ['RST in the window', { flags: 'R', seq: 50 }],
    ['SYN in the window', { flags: 'S', seq: 50 }],
    ['SYN elsewhere', { flags: 'S', seq: 2 ** 29 }],
  ])('a thousand times %s at once draws at least one and at most ten ACKs', (_name, segment) => {
    const { peer, connection } = established()
    for (let i = 0; i < 1000; i++) peer.sends(segment)
    const answers = peer.ignoreReceived()
    expect(answers.length).toBeGreaterThanOrEqual(1)
    expect(answers.length).toBeLessThanOrEqual(10)
    for (const answer of answers) expect(answer).toMatchObject({ flags: '.', seq: 1, ack: 1, length: 0 })
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('the limit is each connection’s own: one that is exhausted does not silence another', () => {
    const { peer, host, listener } = established()
    const other = peer.addFlow(40_001)
    other.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    other.expects({ flags: 'S.' })
    other.sends({ flags: '.', seq: 1, ack: 1 })
    if (listener) host.accept(listener)
    for (let i = 0; i < 2000; i++) peer.sends({ flags: 'R', seq: 50 })
    peer.ignoreReceived()
    other.sends({ flags: 'R', seq: 50 })
    other.expects({ flags: '.', seq: 1, ack: 1 })
  })

  test('after a while there is an answer again', () => {
    const { peer } = established()
    for (let i = 0; i < 100; i++) peer.sends({ flags: 'R', seq: 50 })
    peer.ignoreReceived()
    peer.advance('2s')
    peer.sends({ flags: 'R', seq: 50 })
    peer.expects({ flags: '.', seq: 1, ack: 1 })
  })

  test('empty segments outside of the window: one answer in 500 ms', () => {
    const { peer, advance } = established()
    peer.sends({ flags: '.', seq: 0, ack: 1 })
    peer.expects({ flags: '.', seq: 1, ack: 1 })
    peer.sends({ flags: '.', seq: 0, ack: 1 })
    peer.expectsNothing()
    advance('490ms')
    peer.sends({ flags: '.', seq: 0, ack: 1 })
    peer.expectsNothing()
    advance('11ms')
    peer.sends({ flags: '.', seq: 0, ack: 1 })
    peer.expects({ flags: '.', seq: 1, ack: 1 })
  })
})

describe('a guess', () => {
  test('of the reset: only the exact number ends the connection', () => {
    const { peer, connection } = established()
    for (const seq of [2, 3, 1000, 65_000]) peer.sends({ flags: 'R', seq })
    expect(connection.state).toBe('ESTABLISHED')
    peer.ignoreReceived()
    peer.sends({ flags: 'R', seq: 1 })
    expect(connection.state).toBe('CLOSED')
  })

  test('the challenge lets a peer that did restart send the exact number', () => {
    const { peer, connection } = established()
    peer.sends({ flags: 'S', seq: 5000 })
    const challenge = peer.expects({ flags: '.', seq: 1, ack: 1 })
    peer.sends({ flags: 'R', seq: challenge.ack })
    expect(connection.state).toBe('CLOSED')
  })

  test('of data: an ACK number far from what was sent is no data (RFC 5961 5.2)', () => {
    const { peer, connection } = established()
    connection.write(1000)
    peer.expects({ seq: 1, length: 1000 })
    peer.sends({ flags: 'P.', seq: 1, ack: 1 + 2 ** 30, payload: new Uint8Array(10).fill(1) })
    peer.expects({ flags: '.', ack: 1 })
    peer.ignoreReceived()
    peer.sends({ flags: 'P.', seq: 1, ack: 1 - 2 ** 30, payload: new Uint8Array(10).fill(1) })
    peer.ignoreReceived()
    expect(connection.endpoint.receiveQueued).toBe(0)
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('of an acknowledgement: bytes that were not sent are not acknowledged', () => {
    const { peer, connection } = established()
    connection.write(1000)
    peer.expects({ seq: 1, length: 1000 })
    peer.sends({ flags: '.', seq: 1, ack: 1002 })
    peer.expects({ flags: '.', seq: 1001, ack: 1 })
    expect(connection.info.bytesAcked).toBe(0)
  })

  test('an RST outside of the window is silent, with timestamps too', () => {
    const { peer, connection } = established({ syn: LINUX_SYN })
    peer.sends({ flags: 'R', seq: 2 ** 29 })
    peer.sends({ flags: 'R.', seq: -5, ack: 1 })
    peer.expectsNothing()
    expect(connection.state).toBe('ESTABLISHED')
  })
})
