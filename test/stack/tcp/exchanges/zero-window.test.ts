// The closed window (RFC 9293 3.8.6.1): when probes are sent and with what, how long, how the window opens again, and
// what we do when ours is closed.

import { describe, expect, test } from 'vitest'
import { established, RTO } from '../../../support/worlds.ts'

type World = ReturnType<typeof established>

/** 1000 bytes are acknowledged, the peer's window is 0, and 1000 more wait. */
function closed(options: Parameters<typeof established>[0] = {}): World {
  const world = established(options)
  const { peer, connection } = world
  connection.write(1000)
  peer.expects({ seq: 1, length: 1000 })
  peer.sends({ flags: '.', ack: 1001, window: 0 })
  connection.write(1000)
  peer.expectsNothing()
  return world
}

/** SND.UNA - 1, no data. */
const PROBE = { flags: '.', seq: 1000, length: 0 }

describe('probes', () => {
  test('the first after an RTO, doubling; sequence SND.UNA-1, no data', () => {
    const { peer } = closed()
    for (const times of [1, 2, 4, 8, 16, 32]) {
      peer.expectsAfter(times * RTO, PROBE)
      peer.sends({ flags: '.', ack: 1001, window: 0 })
      peer.expectsNothing()
    }
  })

  test('at most 120 s apart, for as long as they are answered', () => {
    const { peer, connection } = closed()
    let last = 0
    let count = 0
    for (let i = 0; i < 60; i++) {
      const probe = peer.expectsWithin('121s', PROBE)
      peer.sends({ flags: '.', ack: 1001, window: 0 })
      if (i > 12) expect(probe.time - last).toBe(120_000_000)
      last = probe.time
      count++
    }
    expect(count).toBe(60)
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('that nobody answers end the connection', () => {
    const { peer, connection } = closed()
    peer.advance('3000s')
    const probes = peer.ignoreReceived()
    expect(probes.length).toBe(15)
    for (const probe of probes) expect(probe).toMatchObject(PROBE)
    expect(connection.state).toBe('CLOSED')
    expect(connection.takeError()).toBe('ETIMEDOUT')
  })

  test('leave the window of congestion alone', () => {
    const { peer, connection } = closed()
    const { cwnd, ssthresh } = connection.info
    peer.advance('10s')
    peer.ignoreReceived()
    expect(connection.info).toMatchObject({ cwnd, ssthresh, caState: 'Open' })
    expect(connection.info.totalRetrans).toBe(0)
  })

  test('are not sent when nothing waits', () => {
    const { peer, connection } = established()
    connection.write(1000)
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 1001, window: 0 })
    peer.expectsNothing('1h')
  })
})

describe('the window opens', () => {
  test('data flows at once', () => {
    const { peer } = closed()
    peer.expectsAfter(RTO, PROBE)
    peer.sends({ flags: '.', ack: 1001, window: 65535 })
    peer.expects({ flags: 'P.', seq: 1001, length: 1000 })
    peer.sends({ flags: '.', ack: 2001 })
    peer.expectsNothing('10s')
  })

  test('in the answer to a probe', () => {
    const { peer } = closed()
    peer.expectsAfter(RTO, PROBE)
    peer.sends({ flags: '.', ack: 1001, window: 0 })
    peer.expectsAfter(2 * RTO, PROBE)
    peer.sends({ flags: '.', ack: 1001, window: 2000 })
    peer.expects({ seq: 1001, length: 1000 })
  })

  test('and closes again: the probes start anew at an RTO', () => {
    const { peer, connection } = closed()
    peer.expectsAfter(RTO, PROBE)
    peer.expectsAfter(2 * RTO, PROBE)
    peer.sends({ flags: '.', ack: 1001, window: 1000 })
    peer.expects({ seq: 1001, length: 1000 })
    peer.sends({ flags: '.', ack: 2001, window: 0 })
    connection.write(10)
    peer.expectsAfter(RTO, { flags: '.', seq: 2000, length: 0 })
  })

  test('a segment that was overtaken does not open it (RFC 9293 3.10.7.4: SND.WL1, SND.WL2)', () => {
    const { peer } = closed()
    peer.sends({ flags: 'P.', seq: 101, ack: 1001, length: 10, window: 0 })
    peer.expects({ ack: 1 })
    // It was sent before the one above and says what was true then.
    peer.sends({ flags: 'P.', seq: 1, ack: 1001, length: 10, window: 65535 })
    peer.advance('100ms')
    expect(peer.ignoreReceived().filter(({ length }) => length > 0)).toEqual([])
    peer.sends({ flags: 'P.', seq: 111, ack: 1001, length: 10, window: 65535 })
    expect(peer.ignoreReceived().some(({ seq, length }) => seq === 1001 && length === 1000)).toBe(true)
  })
})

describe('a window that shrinks', () => {
  test('below what is in flight: nothing new is sent, what is in flight is kept alive', () => {
    const { peer, connection } = established({ window: 5000 })
    connection.write(10_000)
    const sent = peer.ignoreReceived().reduce((end, seen) => Math.max(end, seen.end), 1)
    expect(sent).toBeLessThanOrEqual(5001)
    expect(sent).toBeGreaterThan(4000)
    peer.sends({ flags: '.', ack: 1461, window: 100 })
    peer.expectsNothing('100ms')
    peer.sends({ flags: '.', ack: sent, window: 10_000 })
    peer.expects({ seq: sent })
    peer.ignoreReceived()
  })

  test('to zero with data in flight: it is retransmitted or probed until the window opens', () => {
    const { peer, connection } = established({ window: 5000 })
    connection.write(3000)
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: 1, window: 0 })
    peer.advance('5s')
    const again = peer.ignoreReceived()
    expect(again.length).toBeGreaterThanOrEqual(2)
    for (const { seq, end } of again) {
      expect(seq).toBeLessThanOrEqual(1)
      expect(end).toBeLessThanOrEqual(3001)
    }
    expect(connection.state).toBe('ESTABLISHED')
    peer.sends({ flags: '.', ack: 1, window: 65535 })
    peer.advance('5s')
    expect(peer.ignoreReceived().some(({ seq, length }) => seq === 1 && length > 0)).toBe(true)
  })
})

test('a window that shut below what is in flight: the connection lives as long as the peer is heard', () => {
  const { peer, connection } = established({ window: 5000 })
  connection.write(3000)
  peer.ignoreReceived()
  peer.sends({ flags: '.', ack: 1, window: 0 })
  for (let i = 0; i < 40; i++) {
    const again = peer.expectsWithin('121s', {})
    expect(again.seq).toBeLessThanOrEqual(1)
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: 1, window: 0 })
  }
  expect(connection.state).toBe('ESTABLISHED')
  peer.advance('2000s')
  peer.ignoreReceived()
  expect(connection.takeError()).toBe('ETIMEDOUT')
})

describe('our window is closed', () => {
  /** The application does not read; the buffer is full. */
  function full(): World {
    const world = established({ options: { receiveBuffer: 8000 } })
    const { peer } = world
    for (let i = 0; i < 40; i++) {
      const last = peer.ignoreReceived().at(-1)
      const edge = last ? last.ack + last.window : 1 + 4000
      const room = Math.min(1000, edge - peer.flow.sndNxt)
      if (room <= 0) break
      peer.sends({ flags: '.', length: room })
      peer.advance('50ms')
    }
    peer.ignoreReceived()
    return world
  }

  test('it says so, and a probe (old sequence number, no data) is answered with it', () => {
    const { peer } = full()
    const at = peer.flow.sndNxt
    expect(at).toBeGreaterThan(4000)
    expect(at).toBeLessThanOrEqual(8001)
    peer.advance('1s')
    peer.sends({ flags: '.', seq: at - 1, ack: 1 })
    peer.expects({ flags: '.', ack: at, window: 0, length: 0 })
  })

  test('a probe with one byte is answered and the byte refused', () => {
    const { peer, connection } = full()
    const at = peer.flow.sndNxt
    peer.sends({ flags: '.', seq: at, ack: 1, length: 1 })
    peer.expects({ flags: '.', ack: at, window: 0 })
    expect(connection.readAll()).toBe(at - 1)
    peer.ignoreReceived()
    peer.sends({ flags: '.', seq: at, ack: 1, length: 1 })
    peer.expectsWithin('40ms', { flags: '.', ack: at + 1 })
    expect(connection.readAll()).toBe(1)
  })

  test('an RST and an ACK are taken all the same', () => {
    const { peer, connection } = full()
    const at = peer.flow.sndNxt
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    peer.sends({ flags: '.', seq: at, ack: 101 })
    expect(connection.info.bytesAcked).toBe(100)
    peer.sends({ flags: 'R', seq: at })
    expect(connection.state).toBe('CLOSED')
  })

  test('reading opens it, and says so at once', () => {
    const { peer, connection } = full()
    const at = peer.flow.sndNxt
    expect(connection.readAll()).toBe(at - 1)
    peer.expects({ flags: '.', ack: at, window: (window) => window >= 4000, length: 0 })
    peer.expectsNothing('1s')
  })
})
