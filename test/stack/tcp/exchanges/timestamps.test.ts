// Timestamps (RFC 7323): the echo, the clock, PAWS, and what happens after 24 days of silence.

import { describe, expect, test } from 'vitest'
import { establish, established, LINUX_SYN, oneHost } from '../../../support/worlds.ts'

const withTimestamps = (options = {}) => established({ syn: LINUX_SYN, ...options })

describe('the clock', () => {
  test('ticks in milliseconds', () => {
    const { peer, connection } = withTimestamps()
    connection.write(1)
    const first = peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 2 })
    peer.advance('12345ms')
    connection.write(1)
    const second = peer.expects({ seq: 2 })
    expect(((second.options.ts?.val ?? 0) - (first.options.ts?.val ?? 0)) >>> 0).toBe(12_345)
  })

  test('has a random offset: two peers see different values, one host at one time', () => {
    const { host, peer } = withTimestamps()
    const a = peer.addFlow(5001)
    const b = peer.addFlow(5002)
    void host
    const values = [a, b].map((flow) => {
      flow.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: { val: 1, ecr: 0 } } })
      return flow.expects({ flags: 'S.' }).options.ts?.val ?? 0
    })
    // Linux hashes the addresses, not the ports: the same peer sees one clock. Either way it is not the bare uptime.
    expect(values.every((value) => value > 1000)).toBe(true)
    const other = withTimestamps({ seed: 99 })
    other.connection.write(1)
    expect(other.peer.expects({ seq: 1 }).options.ts?.val).not.toBe(values[0])
  })

  test('never goes back over a long exchange', () => {
    const { peer, connection } = withTimestamps()
    let last = 0
    for (let i = 0; i < 200; i++) {
      connection.write(10)
      const { options } = peer.expectsWithin('1s', { length: 10 })
      const value = options.ts?.val ?? 0
      if (i > 0) expect((value - last) | 0).toBeGreaterThanOrEqual(0)
      last = value
      peer.sends({ flags: '.' })
      peer.advance(`${i % 7}ms`)
      peer.ignoreReceived()
    }
  })

  test('is fresh on the FIN', () => {
    const { peer, connection } = withTimestamps()
    connection.write(1)
    const data = peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 2 })
    peer.advance('70ms')
    connection.close()
    const fin = peer.expects({ flags: 'F.', optionOrder: 'nop,nop,TS' })
    expect((fin.options.ts?.val ?? 0) - (data.options.ts?.val ?? 0)).toBe(70)
  })
})

describe('the echo (4.3)', () => {
  test('of the segment that moved the left edge', () => {
    const { peer } = withTimestamps()
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: peer.flow.tsNow + 5 } } })
    peer.expects({ flags: '.', ack: 11, options: { ts: { ecr: peer.flow.tsNow + 5 } } })
  })

  test('a segment behind a gap does not change it', () => {
    const { peer } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now + 1 } } })
    peer.expects({ flags: '.', ack: 11, options: { ts: { ecr: now + 1 } } })
    peer.sends({ flags: 'P.', seq: 21, length: 10, options: { ts: { val: now + 2 } } })
    peer.expects({ flags: '.', ack: 11, options: { ts: { ecr: now + 1 } } })
    peer.sends({ flags: 'P.', seq: 11, length: 10, options: { ts: { val: now + 3 } } })
    peer.expects({ flags: '.', ack: 31, options: { ts: { ecr: now + 3 } } })
  })

  test('with a delayed ACK it is the earliest that is not yet acknowledged', () => {
    const { peer, connection } = withTimestamps()
    // A few requests and answers put the receiver into delaying.
    for (let i = 0; i < 4; i++) {
      peer.sends({ flags: 'P.', length: 10 })
      connection.readAll()
      connection.write(10)
      peer.ignoreReceived()
      peer.sends({ flags: '.' })
      peer.advance('1ms')
    }
    const now = peer.flow.tsNow
    const at = peer.flow.sndNxt
    peer.sends({ flags: 'P.', length: 10, options: { ts: { val: now } } })
    peer.expectsNothing()
    peer.advance('2ms')
    peer.sends({ flags: 'P.', length: 10, options: { ts: { val: now + 2 } } })
    const ack = peer.expectsWithin('40ms', { flags: '.', ack: at + 20 })
    expect(ack.options.ts?.ecr).toBe(now)
  })

  test('an unacceptable ACK never moves it', () => {
    const { peer } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 10, options: { ts: { val: now + 1 } } })
    peer.expects({ ack: 11, options: { ts: { ecr: now + 1 } } })
    peer.sends({ flags: '.', seq: 11, ack: 5000, options: { ts: { val: now + 1000 } } })
    peer.ignoreReceived()
    peer.sends({ flags: 'P.', seq: 11, ack: 1, length: 10, options: { ts: { val: now + 2 } } })
    peer.expects({ flags: '.', ack: 21, options: { ts: { ecr: now + 2 } } })
  })
})

describe('PAWS (5)', () => {
  test('data with an old timestamp draws an ACK and is not taken', () => {
    const { peer, connection } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now } } })
    peer.expects({ flags: '.', ack: 11 })
    peer.sends({ flags: 'P.', seq: 11, length: 10, options: { ts: { val: now - 1000 } } })
    peer.expects({ flags: '.', seq: 1, ack: 11, options: { ts: { ecr: now } } })
    expect(connection.endpoint.receiveQueued).toBe(10)
  })

  test('the same timestamp is not old', () => {
    const { peer } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now } } })
    peer.expects({ ack: 11 })
    peer.sends({ flags: 'P.', seq: 11, length: 10, options: { ts: { val: now } } })
    peer.expectsWithin('40ms', { ack: 21 })
  })

  test('the wrap of the clock is no going back', () => {
    const world = oneHost()
    const { peer } = world
    peer.flow.tsBase = 0xffff_fff0
    const { connection } = establish(world, { syn: LINUX_SYN })
    for (let i = 0; i < 8; i++) {
      peer.sends({ flags: 'P.', length: 10 })
      peer.expectsWithin('40ms', { flags: '.', ack: 11 + i * 10, options: { ts: true } })
      peer.advance('5ms')
    }
    expect(peer.flow.tsNow).toBeLessThan(1000)
    expect(connection.readAll()).toBe(80)
  })

  test('an RST is judged by its sequence number alone', () => {
    const { peer, connection } = withTimestamps()
    peer.sends({ flags: 'P.', seq: 1, length: 10 })
    peer.expects({ ack: 11 })
    peer.sends({ flags: 'R', seq: 11, options: { ts: { val: peer.flow.tsNow - 100_000, ecr: 0 } } })
    expect(connection.state).toBe('CLOSED')
  })

  test('after 24 days of silence any timestamp is good again (5.5)', () => {
    const { peer, connection } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now } } })
    peer.expects({ ack: 11 })
    peer.expectsNothing('25d')
    // 25 days are 2160000000 ticks: more than 2^31, so the new value looks older than the old one.
    expect(((peer.flow.tsNow - now) | 0) < 0).toBe(true)
    peer.sends({ flags: 'P.', seq: 11, length: 10 })
    peer.expectsWithin('40ms', { flags: '.', ack: 21 })
    expect(connection.readAll()).toBe(20)
  })

  test('old duplicates below the window draw an ACK that says what they were', () => {
    const { peer } = withTimestamps()
    const now = peer.flow.tsNow
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now + 10 } } })
    peer.expects({ ack: 11 })
    peer.advance('100ms')
    peer.sends({ flags: 'P.', seq: 1, length: 10, options: { ts: { val: now } } })
    peer.expects({ flags: '.', ack: 11, options: { ts: { ecr: now + 10 } } })
  })
})

test('the round-trip time is measured by the echo, also of retransmitted data', () => {
  const { peer, connection } = withTimestamps()
  connection.write(100)
  peer.expects({ seq: 1 })
  const again = peer.expectsWithin('1s', { seq: 1, length: 100 })
  peer.advance('30ms')
  peer.sends({ flags: '.', ack: 101, options: { ts: { ecr: again.options.ts?.val ?? 0 } } })
  const { rtt } = connection.info
  expect(rtt).toBeGreaterThan(0)
  expect(rtt).toBeLessThan(100_000)
})
