// Known attacks (the list in the plan), each shown to fail as far as TCP alone is concerned. Floods are in listen, blind
// injection in challenge-ack, forged ICMP in icmp.

import { describe, expect, test } from 'vitest'
import { buildTcp } from '../../../support/packet.ts'
import { established, expectsStream, LINUX_SYN, oneHost } from '../../../support/worlds.ts'

describe('land: a segment from ourselves to ourselves', () => {
  test.each(['S', 'S.', '.', 'R', 'F.'])('%s is dropped, nothing loops', (flags) => {
    const { host, peer } = oneHost()
    host.listen(80)
    const fields = { sourcePort: 80, destinationPort: 80, seq: 1, ack: 1, flags }
    const payload = buildTcp(peer.stackAddress, peer.stackAddress, fields)
    peer.sendsIp({ source: peer.stackAddress, payload })
    peer.advance('100s')
    expect(peer.ignoreReceived()).toEqual([])
    expect(host.stack.counters.TcpOutSegs).toBe(0)
  })
})

describe('SACK panic: the smallest MSS and SACKs that split everything', () => {
  test('many holes in many tiny segments: no exception, bounded work, right bytes', () => {
    const { peer, connection } = established({ syn: { mss: 48, sackOK: true } })
    connection.write(64_000)
    let delivered = 1
    for (let round = 0; round < 4000 && delivered < 64_001; round++) {
      for (const { seq, end, length } of peer.ignoreReceived()) {
        expect(length).toBeLessThanOrEqual(48)
        if (seq <= delivered) delivered = Math.max(delivered, end)
      }
      const sack: [number, number][] = []
      const { rcvNxt } = peer.flow
      for (let n = 1; n <= 4; n++) {
        const left = delivered + n * 96
        if (left + 10 < rcvNxt) sack.push([left, left + 10 + (round % 30)])
      }
      peer.sends({ flags: '.', ack: delivered, options: { sack } })
      if (round % 8 === 7) peer.advance('5ms')
      if (connection.info.unacked > 0 && peer.flow.received.length === 0) peer.advance('300ms')
    }
    expect(delivered).toBe(64_001)
    peer.ignoreReceived()
  })
})

describe('ACK division, optimistic ACKs, duplicate ACK spoofing', () => {
  test('a segment acknowledged in 1460 pieces grows the window as much as one ACK', () => {
    const { peer, connection } = established()
    connection.write(1000 * 1460)
    expectsStream(peer, 1, 14_600, 1460)
    for (let ack = 2; ack <= 1461; ack++) peer.sends({ flags: '.', ack })
    expect(connection.info.cwnd).toBeLessThanOrEqual(11)
    peer.ignoreReceived()
  })

  test('an ACK of what was not sent gains nothing', () => {
    const { peer, connection } = established()
    connection.write(1000 * 1460)
    expectsStream(peer, 1, 14_600, 1460)
    for (let i = 0; i < 50; i++) peer.sends({ flags: '.', ack: 14_602 + i * 1460 })
    const data = peer.ignoreReceived().filter(({ length }) => length > 0)
    expect(data).toEqual([])
    expect(connection.info).toMatchObject({ cwnd: 10, bytesAcked: 0 })
  })

  test('a thousand duplicate ACKs send no more than one window of new data', () => {
    const { peer, connection } = established({ syn: { mss: 1460, sackOK: true } })
    connection.write(1000 * 1460)
    expectsStream(peer, 1, 14_600, 1460)
    for (let i = 0; i < 1000; i++) peer.sends({ flags: '.', ack: 1 })
    const data = peer.ignoreReceived().filter(({ length }) => length > 0)
    expect(data.length).toBeLessThanOrEqual(20)
  })
})

describe('holding a connection', () => {
  test('a peer that never opens its window: the memory is the send buffer and no more', () => {
    const { peer, connection, host } = established({ options: { sendBuffer: 100_000 } })
    peer.sends({ flags: 'P.', length: 1, window: 0 })
    peer.ignoreReceived()
    expect(connection.write(10_000_000)).toBeLessThanOrEqual(100_000)
    expect(connection.write(1)).toBeLessThan(0)
    expect(host.stack.pages.outstanding).toBeLessThanOrEqual(4)
  })

  test('a peer that reads byte by byte: segments do not become tiny', () => {
    const { peer, connection } = established({ window: 1460 })
    connection.write(20_000)
    peer.expects({ seq: 1, length: 1460 })
    const sizes: number[] = []
    let acked = 1
    for (let i = 0; i < 300; i++) {
      acked = Math.min(acked + 10, peer.flow.rcvNxt)
      peer.sends({ flags: '.', ack: acked, window: 1460 - (peer.flow.rcvNxt - acked) })
      for (const { length } of peer.ignoreReceived()) if (length > 0) sizes.push(length)
    }
    for (const size of sizes) expect(size).toBeGreaterThanOrEqual(730)
  })
})

describe('noise on a live connection', () => {
  test('urgent pointers, reserved combinations of flags and odd windows do no harm', () => {
    const { peer, connection } = established()
    const combinations = ['U.', 'PU.', 'FSRPU.', 'SR', 'SF', 'SFRPU', 'EW.', 'FR.']
    for (const flags of combinations) {
      peer.sends({ flags, seq: 200_000, ack: 1, urgent: 65_535, window: 0, payload: new Uint8Array(5) })
    }
    peer.sends({ flags: 'PU.', seq: 1, ack: 1, urgent: 3, length: 10 })
    peer.ignoreReceived()
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.readAll()).toBe(10)
  })

  test('options that lie, on data: the data is taken or dropped, the connection lives', () => {
    const { peer, connection } = established({ syn: LINUX_SYN })
    const lies = [
      [8, 0],
      [8, 10, 1],
      [5, 200, 0, 0],
      [5, 3, 0],
      [5, 10, 0, 0],
      [255, 255],
      [2, 4, 0, 0],
      [3, 3, 14],
      [1, 1, 1, 5],
    ]
    for (const lie of lies) {
      peer.sends({ flags: 'P.', seq: 1, ack: 1, rawOptions: Uint8Array.from(lie), payload: Uint8Array.of(0) })
      peer.ignoreReceived()
    }
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.info.sndScale).toBe(7)
  })
})

test('initial sequence numbers of neighbours in port space do not follow from each other (RFC 6528)', () => {
  const { host, peer } = oneHost()
  host.listen(80)
  const numbers: number[] = []
  for (let port = 50_000; port < 50_064; port++) {
    const flow = peer.addFlow(port)
    flow.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    flow.expects({ flags: 'S.' })
    numbers.push(flow.stackIss)
  }
  const gaps = numbers.slice(1).map((iss, i) => (iss - numbers[i]) | 0)
  expect(new Set(gaps).size).toBe(63)
  // All at one instant: spread over the whole space, not within a small step of each other.
  expect(gaps.filter((gap) => Math.abs(gap) > 2 ** 24).length).toBeGreaterThan(50)
})
