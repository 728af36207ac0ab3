// The options of the handshake: which, in which order, with which values, and what option bytes that lie do not do.
// RFC 9293 3.7.1; RFC 7323 1.3, 2; RFC 2018 2; the order is Linux's.

import { describe, expect, test } from 'vitest'
import type { TcpOptionRecord } from '../../../support/tcp-options.ts'
import { established, expectsStream, LINUX_SYN, oneHost } from '../../../support/worlds.ts'

const COMBINATIONS = [
  { ts: false, sack: false, wscale: false, order: 'mss' },
  { ts: false, sack: false, wscale: true, order: 'mss,nop,wscale' },
  { ts: false, sack: true, wscale: false, order: 'mss,nop,nop,sackOK' },
  { ts: false, sack: true, wscale: true, order: 'mss,nop,nop,sackOK,nop,wscale' },
  { ts: true, sack: false, wscale: false, order: 'mss,nop,nop,TS' },
  { ts: true, sack: false, wscale: true, order: 'mss,nop,nop,TS,nop,wscale' },
  { ts: true, sack: true, wscale: false, order: 'mss,sackOK,TS' },
  { ts: true, sack: true, wscale: true, order: 'mss,sackOK,TS,nop,wscale' },
]

function synOf({ ts, sack, wscale }: (typeof COMBINATIONS)[number]): TcpOptionRecord {
  return {
    mss: 1460,
    ...(sack ? { sackOK: true } : {}),
    ...(ts ? { ts: { val: 5, ecr: 0 } } : {}),
    ...(wscale ? { wscale: 7 } : {}),
  }
}

describe('options', () => {
  test.each(COMBINATIONS)('SYN-ACK answers what was offered, and nothing else: $order', (combination) => {
    const { host, peer } = oneHost()
    host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: synOf(combination) })
    peer.expects({ flags: 'S.', seq: 0, ack: 1, length: 0, optionOrder: combination.order, options: { mss: 1460 } })
  })

  test.each(COMBINATIONS)('SYN offers what is switched on: $order', ({ ts, sack, wscale, order }) => {
    const { host, peer } = oneHost({ tcp: { timestamps: ts, sack, windowScaling: wscale } })
    host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S', seq: 0, length: 0, optionOrder: order, options: { mss: 1460 } })
  })

  test.each(COMBINATIONS)(
    'what is switched off on a listener is not answered: $order',
    ({ ts, sack, wscale, order }) => {
      const { host, peer } = oneHost()
      host.listen(80, { options: { timestamps: ts, sack, windowScaling: wscale } })
      peer.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: { val: 5, ecr: 0 } } })
      peer.expects({ flags: 'S.', optionOrder: order })
    },
  )

  test.each(COMBINATIONS)('both ends use what both offered: $order', (combination) => {
    const { connection } = established({ syn: synOf(combination) })
    const { timestamps, sack, sndScale } = connection.info
    expect({ timestamps, sack, sndScale }).toEqual({
      timestamps: combination.ts,
      sack: combination.sack,
      sndScale: combination.wscale ? 7 : 0,
    })
  })

  test('later segments carry `nop, nop, TS` when timestamps are used, and nothing when they are not', () => {
    const withThem = established({ syn: LINUX_SYN })
    withThem.connection.write(10)
    withThem.peer.expects({ seq: 1, length: 10, optionOrder: 'nop,nop,TS' })
    const without = established({ syn: { mss: 1460, sackOK: true } })
    without.connection.write(10)
    without.peer.expects({ seq: 1, length: 10, optionOrder: '' })
  })

  test('a SYN is echoed its timestamp; the first SYN of an active open echoes zero', () => {
    const passive = oneHost()
    passive.host.listen(80)
    passive.peer.sends({ flags: 'S', seq: 0, options: { mss: 1460, ts: { val: 123456, ecr: 0 } } })
    passive.peer.expects({ flags: 'S.', options: { ts: { ecr: 123456 } } })
    const active = oneHost()
    active.host.connect(active.peer.address, active.peer.flow.port, { localPort: 80 })
    active.peer.expects({ flags: 'S', options: { ts: { ecr: 0 } } })
  })

  test('after an active open the ACK echoes the timestamp of the SYN-ACK', () => {
    const { host, peer, advance } = oneHost()
    host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    advance('10ms')
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { ...LINUX_SYN, ts: { val: 77 } } })
    peer.expects({ flags: '.', seq: 1, ack: 1, optionOrder: 'nop,nop,TS', options: { ts: { ecr: 77 } } })
  })
})

describe('maximum segment size', () => {
  test.each([
    ['missing: 536', {}, 536],
    ['smaller than the path', { mss: 1000 }, 1000],
    ['larger than the path', { mss: 9000 }, 1460],
    ['below 48: raised to 48', { mss: 10 }, 48],
    ['exactly 48', { mss: 48 }, 48],
  ] as const)('in the SYN, %s', (_name, syn, size) => {
    const { connection, peer } = established({ syn })
    expect(connection.info.sndMss).toBe(size)
    connection.write(3 * size)
    expectsStream(peer, 1, 3 * size, size)
  })

  test('0 is no size: it is taken as missing or raised, and data flows', () => {
    const { connection, peer } = established({ syn: { mss: 0 } })
    connection.write(2000)
    const first = peer.expects({ seq: 1 })
    expect([48, 536]).toContain(first.length)
    peer.ignoreReceived()
  })

  test('in the SYN-ACK of an active open', () => {
    const { connection, peer } = established({ active: true, syn: { mss: 700 } })
    connection.write(1400)
    expectsStream(peer, 1, 1400, 700)
  })

  test('with timestamps the segments are 12 bytes shorter', () => {
    const { connection, peer } = established({ syn: LINUX_SYN })
    connection.write(2 * 1448)
    expectsStream(peer, 1, 2 * 1448, 1448)
  })

  test.each([
    [1500, 1460],
    [9000, 8960],
    [576, 536],
  ])('an MTU of %i announces %i', (mtu, mss) => {
    const { host, peer } = oneHost({ wire: { mtu } })
    host.listen(80)
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', options: { mss } })
  })

  test('maxSegment bounds both directions', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80, { options: { maxSegment: 500 } })
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', options: { mss: 500 } })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    host.accept(listener).write(1000)
    expectsStream(peer, 1, 1000, 500)
  })
})

describe('window scale', () => {
  test.each([
    [65_535, 0],
    [65_536, 1],
    [6 * 1024 * 1024, 7],
    [15 * 1024 * 1024, 8],
    [32 * 1024 * 1024, 10],
    [1024 * 1024 * 1024, 14],
  ])('a receive buffer of %i bytes asks for a shift of %i', (receiveBuffer, wscale) => {
    const { host, peer } = oneHost()
    host.connect(peer.address, peer.flow.port, { localPort: 80, options: { receiveBuffer } })
    peer.expects({ flags: 'S', options: { wscale } })
  })

  test.each([15, 200, 255])('a shift of %i is taken as 14', (wscale) => {
    const { connection } = established({ syn: { mss: 1460, wscale }, window: 3 })
    expect(connection.info.sndScale).toBe(14)
    expect(connection.info.sndWnd).toBe(3 * 2 ** 14)
  })

  test('the window in a SYN is not scaled; later ones are, by the own shift', () => {
    const { connection, peer } = established({ syn: { mss: 1460, wscale: 3 }, window: 100 })
    expect(connection.info.sndWnd).toBe(800)
    connection.write(2000)
    // 800 bytes of window and nothing in flight: less than a segment, so the sender may wait (RFC 9293 3.8.6.2.1).
    const first = peer.expectsWithin('1s', { seq: 1 })
    expect(first.length).toBeLessThanOrEqual(800)
    peer.ignoreReceived()
  })

  test('SYN and SYN-ACK advertise an unscaled window of 64240 or 65535', () => {
    const passive = oneHost()
    passive.host.listen(80)
    passive.peer.sends({ flags: 'S', seq: 0, options: LINUX_SYN })
    passive.peer.expects({ flags: 'S.', window: (window) => window === 64240 || window === 65535 })
    const active = oneHost()
    active.host.connect(active.peer.address, active.peer.flow.port, { localPort: 80 })
    active.peer.expects({ flags: 'S', window: (window) => window === 64240 || window === 65535 })
  })

  test('a window never promises more than the receive buffer', () => {
    const { host, peer } = oneHost()
    host.listen(80, { options: { receiveBuffer: 10_000 } })
    peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', window: (window) => window <= 10_000 && window >= 2920 })
  })

  test('without the option from the peer the own windows stay unscaled', () => {
    const { peer } = established({ syn: { mss: 1460, sackOK: true } })
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 10 })
    peer.expects({ flags: '.', ack: 11, window: (window) => window > 60_000 })
  })
})

describe('option bytes that lie', () => {
  const MSS_1400 = [2, 4, 1400 >> 8, 1400 & 255]

  test.each([
    ['a length of 0', [...MSS_1400, 8, 0, 1, 1]],
    ['a length of 1', [...MSS_1400, 8, 1, 1, 1]],
    ['a length beyond the header', [...MSS_1400, 8, 40, 0, 0]],
    ['a kind without room for its length', [...MSS_1400, 1, 1, 1, 3]],
    ['an end of list before more', [...MSS_1400, 0, 3, 3, 7]],
    ['a window scale of 4 bytes', [...MSS_1400, 3, 4, 7, 7]],
    ['a timestamp of 8 bytes', [...MSS_1400, 8, 8, 0, 0, 0, 0, 0, 0]],
    ['SACK-permitted of 4 bytes', [...MSS_1400, 4, 4, 0, 0]],
    ['SACK blocks in a SYN', [...MSS_1400, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1]],
    ['unknown options', [254, 4, 0, 0, ...MSS_1400, 30, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
  ])('%s: what was sound is used, the rest is as if it were not there', (_name, bytes) => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, rawOptions: Uint8Array.from(bytes) })
    peer.expects({ flags: 'S.', seq: 0, ack: 1, optionOrder: 'mss' })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    const connection = host.accept(listener)
    expect(connection.info.sndMss).toBe(1400)
  })

  test('a second MSS, a short MSS: a usable size comes out', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    peer.sends({ flags: 'S', seq: 0, rawOptions: Uint8Array.from([2, 3, 5, 1, 1, 1, 1, 1]) })
    peer.expects({ flags: 'S.', optionOrder: 'mss' })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(host.accept(listener).info.sndMss).toBe(536)
  })

  test.each([0, 4, 15])('a data offset of %i words is dropped and counted', (dataOffset) => {
    const { host, peer } = oneHost()
    host.listen(80)
    peer.sends({ flags: 'S', seq: 0, dataOffset })
    peer.expectsNothing('5s')
    expect(host.stack.counters.TcpInErrs).toBe(1)
  })

  test('a wrong checksum is dropped and counted', () => {
    const { host, peer, wire } = oneHost()
    host.listen(80)
    wire.change({ corrupt: 1 }, 'b')
    for (let i = 0; i < 50; i++) peer.sends({ flags: 'S', seq: 0, payload: new Uint8Array(1000) })
    peer.expectsNothing()
    const { TcpInCsumErrors, IpExtInCsumErrors, IpInHdrErrors } = host.stack.counters
    expect(TcpInCsumErrors).toBeGreaterThan(30)
    expect(TcpInCsumErrors + Math.max(IpExtInCsumErrors, IpInHdrErrors)).toBeLessThanOrEqual(50)
  })
})
