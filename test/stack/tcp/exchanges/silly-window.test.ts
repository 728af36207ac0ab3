// The silly window syndrome (RFC 9293 3.8.6.2), avoided on both sides.

import { describe, expect, test } from 'vitest'
import { established, expectsStream } from '../../../support/worlds.ts'

describe('sender (3.8.6.2.1)', () => {
  test('a window of less than a segment is not used at once when more waits', () => {
    const { peer, connection } = established()
    peer.sends({ flags: 'P.', length: 1, window: 100 })
    peer.expects({ flags: '.', ack: 2 })
    connection.write(5000)
    peer.expectsNothing('50ms')
    // The override timeout: between 0.1 s and 1 s.
    const seen = peer.expectsWithin('1s', { seq: 1 })
    expect(seen.length).toBeLessThanOrEqual(100)
  })

  test('all that is queued fits: it is sent', () => {
    const { peer, connection } = established({ window: 100 })
    connection.write(50)
    peer.expects({ seq: 1, length: 50 })
  })

  test('half of the largest window ever is enough', () => {
    const { peer, connection } = established({ window: 1000 })
    connection.write(5000)
    // The largest window was 1000, so a piece of 1000 is as good as it gets.
    peer.expectsWithin('1s', { seq: 1, length: 1000 })
  })

  test('windows that open byte by byte do not make tiny segments', () => {
    const { peer, connection } = established({ window: 4380 })
    connection.write(20_000)
    expectsStream(peer, 1, 4380, 1460)
    for (let ack = 1; ack < 4381; ack += 100) {
      peer.sends({ flags: '.', ack: ack + 100, window: 4380 })
      for (const seen of peer.ignoreReceived()) expect(seen.length).toBe(1460)
    }
  })
})

describe('receiver (3.8.6.2.2)', () => {
  /** A full buffer without window scaling, in segments of the MSS; what the peer was promised last. */
  function full() {
    const world = established({ options: { receiveBuffer: 7300 } })
    const { peer } = world
    let edge = 4001
    for (let i = 0; i < 40; i++) {
      for (const { ack, window } of peer.ignoreReceived()) edge = ack + window
      const room = Math.min(1460, edge - peer.flow.sndNxt)
      if (room <= 0) break
      peer.sends({ flags: '.', length: room })
      peer.advance('50ms')
    }
    for (const { ack, window } of peer.ignoreReceived()) edge = ack + window
    return { ...world, edge }
  }

  test('reading a little does not open the window a little', () => {
    const { peer, connection } = full()
    for (let i = 0; i < 10; i++) {
      expect(connection.readUpTo(100)).toBe(100)
      peer.expectsNothing()
    }
    expect(connection.readUpTo(1000)).toBe(1000)
    const update = peer.ignoreReceived().at(-1) ?? { window: 1460 }
    expect(update.window).toBeGreaterThanOrEqual(1460)
  })

  test('windows that are offered are 0 or at least a segment', () => {
    const { peer, connection } = full()
    const offered: number[] = []
    for (let i = 0; i < 80; i++) {
      const taken = connection.readUpTo(97)
      if (taken <= 0) break
      for (const { window } of peer.ignoreReceived()) offered.push(window)
      peer.sends({ flags: '.', seq: peer.flow.sndNxt - 1, ack: 1 })
      peer.advance('600ms')
      for (const { window } of peer.ignoreReceived()) offered.push(window)
    }
    expect(offered.length).toBeGreaterThan(5)
    for (const window of offered) expect(window === 0 || window >= 1460 || window >= 4000).toBe(true)
  })

  test('the right edge never moves to the left', () => {
    const { peer, connection, edge } = full()
    let right = edge
    for (let i = 0; i < 60; i++) {
      if (i % 3 === 0) connection.readUpTo(500)
      const seen = peer.ignoreReceived()
      for (const { ack, window } of seen) {
        expect(ack + window).toBeGreaterThanOrEqual(right)
        right = ack + window
      }
      const room = Math.min(300, right - peer.flow.sndNxt)
      if (room > 0) peer.sends({ flags: 'P.', length: room })
      peer.advance('45ms')
    }
  })
})
