// When an ACK is sent (RFC 9293 3.8.6.3, RFC 1122 4.2.3.2, RFC 5681 4.2; the 40 ms and the quick start are Linux's).

import { describe, expect, test } from 'vitest'
import { established } from '../../../support/worlds.ts'

type World = ReturnType<typeof established>

/** An application that answers: requests and answers until the receiver delays its ACKs. */
function interactive(world: World = established()): World {
  const { peer, connection } = world
  for (let i = 0; i < 5; i++) {
    peer.sends({ flags: 'P.', length: 100 })
    connection.readAll()
    connection.write(100)
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
    peer.advance('10ms')
  }
  peer.ignoreReceived()
  return world
}

describe('quick', () => {
  test('at the start every segment is acknowledged at once', () => {
    const { peer, connection } = established()
    for (let i = 0; i < 8; i++) {
      peer.sends({ flags: 'P.', length: 100 })
      peer.expects({ flags: '.', seq: 1, ack: 101 + i * 100, length: 0 })
    }
    expect(connection.readAll()).toBe(800)
  })

  test('two full segments that come apart make two ACKs, or one for both; never more', () => {
    const { peer } = established()
    peer.sends({ flags: '.', length: 1460 })
    peer.sends({ flags: '.', length: 1460 })
    const acks = peer.ignoreReceived()
    expect(acks.at(-1)?.ack).toBe(2921)
    expect(acks.length).toBeLessThanOrEqual(2)
  })

  test('a burst that is polled together makes one ACK', () => {
    const { peer, wire } = established()
    wire.change({ delay: 1000 }, 'b')
    for (let i = 0; i < 6; i++) peer.sends({ flags: '.', length: 1460 })
    peer.expectsNothing()
    peer.advance('1ms')
    peer.expects({ flags: '.', ack: 8761 })
    peer.expectsNothing()
  })

  test('quickAck keeps it so for an interactive application too', () => {
    const { peer, connection } = interactive(established({ options: { quickAck: true } }))
    peer.sends({ flags: 'P.', length: 100 })
    peer.expects({ flags: '.', length: 0 })
    expect(connection.readAll()).toBe(100)
  })
})

describe('delayed', () => {
  test('40 ms once the application answers, exactly', () => {
    const { peer } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', length: 100 })
    peer.expectsAfter('40ms', { flags: '.', ack: at + 100, length: 0 })
    peer.expectsNothing('1s')
  })

  test('data of ours carries the ACK', () => {
    const { peer, connection } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', length: 100 })
    peer.expectsNothing('20ms')
    connection.readAll()
    connection.write(50)
    peer.expects({ flags: 'P.', ack: at + 100, length: 50 })
    peer.sends({ flags: '.' })
    peer.expectsNothing('1s')
  })

  test('the second full segment is acknowledged at once (RFC 1122 4.2.3.2)', () => {
    const { peer, connection } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: '.', length: 1460 })
    peer.sends({ flags: '.', length: 1460 })
    connection.readAll()
    const acks = peer.ignoreReceived()
    expect(acks.at(-1)?.ack).toBe(at + 2920)
  })

  test('a FIN is acknowledged at once', () => {
    const { peer } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'F.' })
    peer.expects({ flags: '.', ack: at + 1 })
  })

  test('data behind a gap is acknowledged at once, and so is what fills it', () => {
    const { peer } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', seq: at + 100, length: 100 })
    peer.expects({ flags: '.', ack: at })
    peer.sends({ flags: 'P.', seq: at, length: 100 })
    peer.expects({ flags: '.', ack: at + 200 })
  })

  test('a duplicate is acknowledged at once', () => {
    const { peer } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', seq: at - 100, length: 100 })
    peer.expects({ flags: '.', ack: at })
  })

  test('after a long silence it is quick again', () => {
    const { peer } = interactive()
    peer.expectsNothing('10s')
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', length: 100 })
    peer.expects({ flags: '.', ack: at + 100 })
  })

  test('a receiver that only reads is quick at the start, and then acknowledges about every second segment', () => {
    const { peer, connection } = established()
    let acks = 0
    for (let i = 0; i < 100; i++) {
      peer.sends({ flags: '.', length: 1460 })
      connection.readAll()
      peer.advance('1ms')
      acks += peer.ignoreReceived().length
    }
    expect(acks).toBeGreaterThanOrEqual(50)
    expect(acks).toBeLessThanOrEqual(70)
  })

  test('switching to quick acknowledges what is owed', () => {
    const { peer, connection } = interactive()
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', length: 100 })
    peer.expectsNothing('10ms')
    connection.set('quickAck', true)
    peer.expects({ flags: '.', ack: at + 100, length: 0 })
  })
})

describe('no ACK', () => {
  test('is sent for an ACK, nor for an RST', () => {
    const { peer, connection } = established()
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 101 })
    peer.sends({ flags: '.', ack: 101, window: 1000 })
    peer.expectsNothing('1s')
  })
})

test('an ACK says what the window is then', () => {
  const { peer, connection } = established({ options: { receiveBuffer: 20_000 } })
  peer.sends({ flags: 'P.', length: 1000 })
  const first = peer.expects({ flags: '.', ack: 1001 })
  peer.sends({ flags: 'P.', length: 1000 })
  const second = peer.expectsWithin('40ms', { flags: '.', ack: 2001 })
  expect(second.window).toBeLessThanOrEqual(first.window)
  expect(second.ack + second.window).toBeGreaterThanOrEqual(first.ack + first.window)
  connection.readAll()
})
