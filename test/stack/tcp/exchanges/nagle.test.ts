// Small segments (RFC 896, RFC 9293 3.7.4): Nagle holds them while data is in flight; NODELAY does not; a cork holds them
// for 200 ms.

import { describe, expect, test } from 'vitest'
import { established, expectsStream } from '../../../support/worlds.ts'

describe('Nagle', () => {
  test('a small segment goes at once when nothing is in flight', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ flags: 'P.', seq: 1, length: 10 })
  })

  test('what is written while it is in flight waits for its ACK and becomes one segment', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ seq: 1, length: 10 })
    for (let i = 0; i < 5; i++) connection.write(10)
    peer.expectsNothing('100ms')
    peer.sends({ flags: '.', ack: 11 })
    peer.expects({ flags: 'P.', seq: 11, length: 50 })
  })

  test('full segments do not wait, their rest does', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ seq: 1, length: 10 })
    connection.write(1460 + 100)
    peer.expects({ seq: 11, length: 1460 })
    peer.expectsNothing('100ms')
    peer.sends({ flags: '.', ack: 1471 })
    peer.expects({ seq: 1471, length: 100 })
  })

  test('a segment that becomes full while it waits goes', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ seq: 1, length: 10 })
    connection.write(1000)
    peer.expectsNothing()
    connection.write(460)
    peer.expects({ seq: 11, length: 1460 })
  })

  test('a FIN lets the rest go', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ seq: 1, length: 10 })
    connection.write(10)
    peer.expectsNothing()
    connection.close()
    peer.expects({ flags: 'FP.', seq: 11, length: 10 })
  })
})

describe('NODELAY', () => {
  test('every write is a segment at once', () => {
    const { peer, connection } = established({ options: { noDelay: true } })
    for (let i = 0; i < 5; i++) {
      connection.write(10)
      peer.expects({ flags: 'P.', seq: 1 + i * 10, length: 10 })
    }
  })

  test('switched on it lets what waits go', () => {
    const { peer, connection } = established()
    connection.write(10)
    peer.expects({ seq: 1, length: 10 })
    connection.write(10)
    peer.expectsNothing()
    connection.set('noDelay', true)
    peer.expects({ seq: 11, length: 10 })
  })
})

describe('cork', () => {
  test('full segments only; the rest after 200 ms', () => {
    const { peer, connection } = established({ options: { cork: true } })
    connection.write(3000)
    expectsStream(peer, 1, 2920, 1460)
    peer.sends({ flags: '.', ack: 2921 })
    peer.expectsAfter('200ms', { seq: 2921, length: 80 })
  })

  test('holds the very first bytes too', () => {
    const { peer, connection } = established({ options: { cork: true } })
    connection.write(10)
    peer.expectsAfter('200ms', { seq: 1, length: 10 })
  })

  test('taken away it lets what waits go', () => {
    const { peer, connection } = established({ options: { cork: true } })
    connection.write(10)
    peer.expectsNothing('50ms')
    connection.set('cork', false)
    peer.expects({ seq: 1, length: 10 })
    peer.expectsNothing('150ms')
  })

  test('a FIN lets it go', () => {
    const { peer, connection } = established({ options: { cork: true } })
    connection.write(10)
    connection.close()
    peer.expects({ flags: 'FP.', seq: 1, length: 10 })
  })

  test('goes before NODELAY', () => {
    const { peer, connection } = established({ options: { cork: true, noDelay: true } })
    connection.write(10)
    peer.expectsNothing('100ms')
    connection.set('cork', false)
    peer.expects({ seq: 1, length: 10 })
  })
})

test('PSH marks the end of what was written', () => {
  const { peer, connection } = established()
  connection.write(3000)
  const seen = peer.ignoreReceived()
  // Whether the rest of 80 bytes waits for an ACK depends on the flavour of Nagle: nothing small is in flight.
  if (seen.length === 2) {
    peer.sends({ flags: '.', ack: 2921 })
    seen.push(peer.expects({}))
  }
  expect(seen.map(({ length }) => length)).toEqual([1460, 1460, 80])
  expect(seen[2].flags).toBe('P.')
})
