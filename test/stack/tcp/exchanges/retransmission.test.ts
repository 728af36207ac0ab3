// The retransmission timer (RFC 6298, with Linux's 200 ms): its value, its back-off, Karn's rule, giving up, and the user
// timeout (RFC 5482, RFC 9293 3.8.3).

import { describe, expect, test } from 'vitest'
import { established, expectNothingHeld, expectsStream, LINUX_SYN, RTO } from '../../../support/worlds.ts'

describe('the value', () => {
  test.each([
    ['10ms', 210],
    // SRTT + max(200 ms, 4 RTTVAR), and the first sample R gives RTTVAR = R/2.
    ['100ms', 300],
    ['300ms', 900],
    ['900ms', 2700],
  ])('after a handshake of %s the timer is %i ms', (rtt, rto) => {
    const { peer, connection } = established({ rtt })
    expect(connection.info.rto).toBe(rto * 1000)
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    peer.expectsAfter(rto * 1000, { seq: 1, length: 100 })
  })

  test('of an active open it is the time to the SYN-ACK', () => {
    const { connection } = established({ active: true, rtt: '300ms' })
    expect(connection.info).toMatchObject({ rtt: 300_000, rttvar: 150_000, rto: 900_000 })
  })

  test('follows RFC 6298 2.3 from sample to sample', () => {
    const { peer, connection } = established({ rtt: '100ms' })
    let srtt = 100_000
    let rttvar = 50_000
    for (const sample of [100, 140, 100, 60, 200, 200]) {
      connection.write(100)
      peer.ignoreReceived()
      peer.advance(`${sample}ms`)
      peer.ignoreReceived()
      peer.sends({ flags: '.' })
      rttvar += (Math.abs(srtt - sample * 1000) - rttvar) / 4
      srtt += (sample * 1000 - srtt) / 8
      const { info } = connection
      expect(Math.abs(info.rtt - srtt)).toBeLessThan(1000)
      // Linux lets the variance fall once per round trip only; a smaller bound is the RFC's.
      expect(info.rto).toBeGreaterThanOrEqual(Math.floor(srtt + Math.max(200_000, 4 * rttvar)) - 8000)
      expect(info.rto).toBeLessThanOrEqual(srtt + Math.max(200_000, 8 * rttvar) + 8000)
    }
  })

  test('the timer starts anew when new data is acknowledged (5.3)', () => {
    const { peer, connection } = established()
    connection.write(2920)
    expectsStream(peer, 1, 2920, 1460)
    peer.advance('150ms')
    peer.sends({ flags: '.', ack: 1461 })
    const { rto } = connection.info
    peer.expectsAfter(rto, { seq: 1461, length: 1460 })
  })

  test('the timer stops when all is acknowledged (5.2)', () => {
    const { peer, connection } = established()
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 101 })
    peer.expectsNothing('1h')
  })

  test('an ACK of nothing new does not touch it', () => {
    const { peer, connection } = established()
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.advance('100ms')
    peer.sends({ flags: '.', ack: 1 })
    peer.expectsAfter(RTO - 100_000, { seq: 1, length: 100 })
  })
})

describe('back-off (5.5)', () => {
  test('doubles to 120 s; after 15 retransmissions the connection ends with ETIMEDOUT', () => {
    const { peer, connection, host } = established()
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    let wait = RTO
    for (let i = 0; i < 15; i++) {
      peer.expectsAfter(wait, { seq: 1, length: 100 })
      wait = Math.min(wait * 2, 120_000_000)
    }
    expect(connection.state).toBe('ESTABLISHED')
    peer.expectsNothing(wait + 1)
    expect(connection.state).toBe('CLOSED')
    expect(connection.events).toContain('error')
    expect(connection.takeError()).toBe('ETIMEDOUT')
    expect(host.stack.counters.TcpRetransSegs).toBe(15)
    expectNothingHeld(host)
  })

  test('retries bounds them', () => {
    const { peer, connection } = established({ options: { retries: 3 } })
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    for (const times of [1, 2, 4]) peer.expectsAfter(times * RTO, { seq: 1 })
    peer.expectsNothing(8 * RTO + 1)
    expect(connection.takeError()).toBe('ETIMEDOUT')
  })

  test('Karn: without timestamps the ACK of a retransmission is no sample, and the timer stays backed off', () => {
    const { peer, connection } = established()
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.expectsAfter(RTO, { seq: 1 })
    peer.advance('50ms')
    const { rtt } = connection.info
    peer.sends({ flags: '.', ack: 101 })
    expect(connection.info.rtt).toBe(rtt)
    connection.write(100)
    peer.expects({ seq: 101 })
    peer.expectsAfter(2 * RTO, { seq: 101, length: 100 })
  })

  test('a new sample ends the back-off', () => {
    const { peer, connection } = established()
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.expectsAfter(RTO, { seq: 1 })
    peer.sends({ flags: '.', ack: 101 })
    connection.write(100)
    peer.expects({ seq: 101 })
    peer.sends({ flags: '.', ack: 201 })
    connection.write(100)
    peer.expects({ seq: 201 })
    peer.expectsAfter(RTO, { seq: 201 })
  })

  test('with timestamps the ACK of a retransmission is a sample', () => {
    const { peer, connection } = established({ syn: LINUX_SYN })
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.expectsAfter(RTO, { seq: 1 })
    peer.sends({ flags: '.', ack: 101 })
    connection.write(100)
    peer.expects({ seq: 101 })
    peer.expectsAfter(connection.info.rto, { seq: 101 })
    expect(connection.info.backoff).toBeGreaterThanOrEqual(1)
  })
})

describe('after a timeout', () => {
  test('the window is one segment, and only the first is sent (RFC 5681 3.1)', () => {
    const { peer, connection } = established()
    connection.write(10 * 1460)
    expectsStream(peer, 1, 10 * 1460, 1460)
    peer.expectsAfter(RTO, { seq: 1, length: 1460 })
    peer.expectsNothing()
    const { cwnd, caState, ssthresh } = connection.info
    expect({ cwnd, caState }).toEqual({ cwnd: 1, caState: 'Loss' })
    expect(ssthresh).toBeGreaterThanOrEqual(2)
    expect(ssthresh).toBeLessThanOrEqual(7)
  })

  test('it goes on from there in slow start, and everything arrives', () => {
    const { peer, connection } = established()
    connection.write(10 * 1460)
    peer.ignoreReceived()
    peer.flow.rcvNxt = 1
    peer.expectsAfter(RTO, { seq: 1, length: 1460 })
    let delivered = 1461
    for (let round = 0; round < 10 && delivered < 14_601; round++) {
      peer.sends({ flags: '.', ack: delivered })
      const seen = peer.ignoreReceived()
      expect(seen.length).toBeGreaterThan(0)
      expect(seen.length).toBeLessThanOrEqual(2 ** (round + 1))
      for (const { seq, end } of seen) if (seq <= delivered) delivered = Math.max(delivered, end)
    }
    expect(delivered).toBe(14_601)
    peer.sends({ flags: '.', ack: delivered })
    expect(connection.info).toMatchObject({ unacked: 0, caState: 'Open' })
    peer.expectsNothing('10s')
  })

  test('an ACK of everything shows that nothing was lost: nothing more is sent again', () => {
    const { peer, connection } = established()
    connection.write(5 * 1460)
    peer.ignoreReceived()
    peer.expectsAfter(RTO, { seq: 1 })
    peer.sends({ flags: '.', ack: 7301 })
    peer.expectsNothing('10s')
    expect(connection.info.unacked).toBe(0)
  })

  test('slow start ends at the threshold, also within one ACK of many segments', () => {
    const { peer, connection } = established()
    connection.write(200 * 1460)
    peer.ignoreReceived()
    peer.expectsAfter(RTO, { seq: 1 })
    const { ssthresh } = connection.info
    expect(ssthresh).toBeLessThanOrEqual(7)
    peer.sends({ flags: '.', ack: 1 + 9 * 1460 })
    expect(connection.info.cwnd).toBeLessThanOrEqual(ssthresh + 1)
    peer.ignoreReceived()
  })

  test('counts and bytes', () => {
    const { peer, connection, host } = established()
    connection.write(1000)
    peer.expects({ seq: 1 })
    peer.expectsAfter(RTO, { seq: 1 })
    peer.sends({ flags: '.', ack: 1001 })
    const { totalRetrans, bytesRetrans, bytesSent, bytesAcked, segsOut } = connection.info
    expect({ totalRetrans, bytesRetrans, bytesSent, bytesAcked }).toEqual({
      totalRetrans: 1,
      bytesRetrans: 1000,
      bytesSent: 2000,
      bytesAcked: 1000,
    })
    expect(segsOut).toBeGreaterThanOrEqual(2)
    expect(host.stack.counters.TcpRetransSegs).toBe(1)
  })
})

describe('user timeout', () => {
  test('unacknowledged data ends the connection after it', () => {
    const { peer, connection } = established({ options: { userTimeout: 5_000_000 } })
    connection.write(100)
    peer.advance('4900ms')
    expect(connection.state).toBe('ESTABLISHED')
    expect(peer.ignoreReceived().length).toBeGreaterThanOrEqual(4)
    peer.advance('1600ms')
    expect(connection.state).toBe('CLOSED')
    expect(connection.takeError()).toBe('ETIMEDOUT')
  })

  test('idle time does not count', () => {
    const { peer, connection } = established({ options: { userTimeout: 5_000_000 } })
    peer.expectsNothing('1h')
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 101 })
    peer.expectsNothing('1h')
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('holds for a closed window too, although probes are answered', () => {
    const { peer, connection } = established({ options: { userTimeout: 5_000_000 } })
    connection.write(100)
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: 101, window: 0 })
    connection.write(100)
    for (let i = 0; i < 200 && connection.state === 'ESTABLISHED'; i++) {
      peer.advance('100ms')
      for (const _probe of peer.ignoreReceived()) peer.sends({ flags: '.', ack: 101, window: 0 })
    }
    expect(connection.state).toBe('CLOSED')
    expect(connection.takeError()).toBe('ETIMEDOUT')
  })
})

describe('growth of the window', () => {
  test('starts with 10 segments (RFC 6928) and grows by one per acknowledged segment', () => {
    const { peer, connection } = established()
    connection.write(100 * 1460)
    expectsStream(peer, 1, 10 * 1460, 1460)
    peer.expectsNothing()
    expect(connection.info.cwnd).toBe(10)
    peer.sends({ flags: '.', ack: 2921 })
    expectsStream(peer, 14_601, 4 * 1460, 1460)
    peer.expectsNothing()
    expect(connection.info.cwnd).toBe(12)
  })

  test('an application that sends little does not grow it without bound', () => {
    const { peer, connection } = established()
    for (let i = 0; i < 200; i++) {
      connection.write(1460)
      peer.ignoreReceived()
      peer.sends({ flags: '.' })
    }
    expect(connection.info.cwnd).toBeLessThanOrEqual(20)
  })

  test('idle: it decays by halves per RTO, down to 10', () => {
    const { peer, connection } = established({ rtt: '1ms' })
    connection.write(400 * 1460)
    for (let i = 0; i < 20; i++) {
      peer.ignoreReceived()
      peer.advance('1ms')
      peer.sends({ flags: '.' })
    }
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
    const { cwnd, rto } = connection.info
    expect(cwnd).toBeGreaterThan(40)
    peer.advance(2 * rto + 1000)
    connection.write(1460)
    peer.ignoreReceived()
    const later = connection.info.cwnd
    expect(later).toBeLessThan(cwnd / 2)
    expect(later).toBeGreaterThanOrEqual(10)
  })

  test('used by little for long, without ever being idle: it is given back (RFC 2861)', () => {
    const { peer, connection } = established({ rtt: '1ms' })
    connection.write(400 * 1460)
    for (let i = 0; i < 20; i++) {
      peer.ignoreReceived()
      peer.advance('1ms')
      peer.sends({ flags: '.' })
    }
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
    const { cwnd } = connection.info
    for (let i = 0; i < 100; i++) {
      connection.write(1460)
      peer.ignoreReceived()
      peer.advance('50ms')
      peer.sends({ flags: '.' })
    }
    expect(connection.info.cwnd).toBeLessThan(cwnd / 2)
    expect(connection.info.cwnd).toBeGreaterThanOrEqual(10)
  })

  test('idle: it does not, when that is switched off', () => {
    const { peer, connection } = established({ rtt: '1ms', options: { slowStartAfterIdle: false } })
    connection.write(400 * 1460)
    for (let i = 0; i < 20; i++) {
      peer.ignoreReceived()
      peer.advance('1ms')
      peer.sends({ flags: '.' })
    }
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
    const { cwnd } = connection.info
    peer.advance('100s')
    connection.write(1460)
    expect(connection.info.cwnd).toBe(cwnd)
    peer.ignoreReceived()
  })
})
