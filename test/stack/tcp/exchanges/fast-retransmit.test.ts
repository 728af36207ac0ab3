// Loss that is found without a timeout: three duplicate ACKs (RFC 5681 3.2), SACK (RFC 6675), NewReno's partial ACKs
// (RFC 6582). What the window does meanwhile is bounded here, not fixed: that is the congestion control's own.

import { describe, expect, test } from 'vitest'
import { type EstablishOptions, established, expectsStream, type OneHostOptions } from '../../../support/worlds.ts'

const MSS = 1460

/** Ten segments are out, none is acknowledged, and the application has more. */
function tenOut(options: EstablishOptions & OneHostOptions = {}) {
  const world = established({ rtt: '10ms', ...options })
  world.connection.write(10 * MSS)
  expectsStream(world.peer, 1, 10 * MSS, MSS)
  world.peer.advance('10ms')
  return world
}

/** Relative edges of segments [from, to), the first is 0. */
const edges = (from: number, to: number): [number, number] => [1 + from * MSS, 1 + to * MSS]

const SACK = { syn: { mss: MSS, sackOK: true } }

describe('without SACK', () => {
  test('the third duplicate ACK sends the first segment again, at once', () => {
    const { peer } = tenOut()
    peer.sends({ flags: '.', ack: 1 })
    peer.sends({ flags: '.', ack: 1 })
    peer.expectsNothing()
    peer.sends({ flags: '.', ack: 1 })
    peer.expects({ seq: 1, length: MSS })
  })

  test('a partial ACK sends the next hole again (NewReno)', () => {
    const { peer, connection } = tenOut()
    for (let i = 0; i < 3; i++) peer.sends({ flags: '.', ack: 1 })
    peer.expects({ seq: 1, length: MSS })
    for (let i = 0; i < 4; i++) peer.sends({ flags: '.', ack: 1 })
    peer.ignoreReceived()
    expect(connection.info.caState).toBe('Recovery')
    peer.sends({ flags: '.', ack: edges(0, 4)[1] })
    peer.expects({ seq: edges(4, 5)[0], length: MSS })
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info).toMatchObject({ caState: 'Open', unacked: 0 })
    peer.expectsNothing('5s')
  })

  test('an ACK that moves the window or carries data is no duplicate', () => {
    const { peer } = tenOut()
    peer.sends({ flags: '.', ack: 1, window: 60_000 })
    peer.sends({ flags: '.', ack: 1, window: 61_000 })
    peer.sends({ flags: '.', ack: 1, window: 62_000 })
    peer.sends({ flags: '.', ack: 1, window: 63_000 })
    expect(peer.ignoreReceived().filter(({ length }) => length > 0)).toEqual([])
  })

  test('duplicates of what recovery itself sent again begin no new one (RFC 6582 3.2)', () => {
    const { peer, connection } = tenOut()
    for (let i = 0; i < 3; i++) peer.sends({ flags: '.', ack: 1 })
    peer.expects({ seq: 1, length: MSS })
    connection.write(5 * MSS)
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    peer.ignoreReceived()
    for (let i = 0; i < 4; i++) peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(peer.ignoreReceived().filter(({ seq }) => seq === edges(10, 11)[0])).toEqual([])
    expect(connection.info.totalRetrans).toBe(1)
  })

  test('recovery is entered once per window of data', () => {
    const { peer, connection } = tenOut()
    for (let i = 0; i < 9; i++) peer.sends({ flags: '.', ack: 1 })
    const again = peer.ignoreReceived().filter(({ seq }) => seq === 1)
    expect(again).toHaveLength(1)
    expect(connection.info.ssthresh).toBeGreaterThanOrEqual(5)
  })
})

describe('with SACK', () => {
  test('three segments behind a hole: it is sent again at once, and only it', () => {
    const { peer } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 2)] } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 3)] } })
    peer.expectsNothing()
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 4)] } })
    peer.expects({ seq: 1, length: MSS })
    peer.expectsNothing()
  })

  test('one ACK that SACKs three segments is enough', () => {
    const { peer } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 4)] } })
    peer.expects({ seq: 1, length: MSS })
  })

  describe('small segments', () => {
    /** Ten segments of 100 bytes. */
    function small() {
      const world = established({ rtt: '10ms', ...SACK, options: { noDelay: true } })
      for (let i = 0; i < 10; i++) world.connection.write(100)
      expectsStream(world.peer, 1, 1000, 100)
      world.peer.advance('10ms')
      return world
    }

    test('three ACKs that SACK one more each are enough, however few bytes (RFC 6675 5, 4.3)', () => {
      const { peer } = small()
      peer.sends({ flags: '.', ack: 1, options: { sack: [[101, 201]] } })
      peer.sends({ flags: '.', ack: 1, options: { sack: [[101, 301]] } })
      peer.expectsNothing()
      peer.sends({ flags: '.', ack: 1, options: { sack: [[101, 401]] } })
      peer.expects({ seq: 1 })
      peer.ignoreReceived()
    })

    test('one ACK with three ranges is enough (RFC 6675 4, IsLost)', () => {
      const { peer } = small()
      const sack: [number, number][] = [
        [501, 601],
        [301, 401],
        [101, 201],
      ]
      peer.sends({ flags: '.', ack: 1, options: { sack } })
      peer.expects({ seq: 1, length: 100 })
      peer.ignoreReceived()
    })
  })

  test('two holes are both sent again, without waiting for a partial ACK', () => {
    const { peer, connection } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 2)] } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(3, 5), edges(1, 2)] } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(3, 8), edges(1, 2)] } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(3, 10), edges(1, 2)] } })
    const again = peer.ignoreReceived()
    expect(again.map(({ seq }) => seq)).toEqual([edges(0, 1)[0], edges(2, 3)[0]])
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info).toMatchObject({ caState: 'Open', unacked: 0, sacked: 0, lost: 0, retrans: 0 })
    peer.expectsNothing('5s')
  })

  test('what was SACKed is not sent again, also after a partial ACK', () => {
    const { peer } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 4)] } })
    peer.expects({ seq: 1 })
    peer.sends({ flags: '.', ack: edges(0, 4)[1], options: { sack: [edges(5, 10)] } })
    const again = peer.ignoreReceived()
    expect(again.map(({ seq }) => seq)).toEqual([edges(4, 5)[0]])
  })

  test('new data flows while the holes are filled', () => {
    const { peer, connection } = tenOut(SACK)
    connection.write(40 * MSS)
    for (let n = 2; n <= 10; n++) peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, n)] } })
    const seen = peer.ignoreReceived()
    expect(seen.filter(({ seq }) => seq === 1)).toHaveLength(1)
    expect(seen.filter(({ seq }) => seq >= edges(10, 11)[0]).length).toBeGreaterThanOrEqual(2)
    // Never more out than the window was: ten, of which nine have left the network.
    expect(seen.length).toBeLessThanOrEqual(10)
  })

  test('SACK blocks that make no sense are ignored', () => {
    const { peer, connection } = tenOut(SACK)
    const nonsense: [number, number][][] = [
      [[5, 5]],
      [[3000, 2000]],
      [edges(20, 30)],
      [[-5000, -1000]],
      [[1, 2 ** 30]],
      [edges(9, 12)],
    ]
    for (const sack of nonsense) for (let i = 0; i < 3; i++) peer.sends({ flags: '.', ack: 1, options: { sack } })
    expect(connection.info.sacked).toBe(0)
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info.unacked).toBe(0)
  })

  test('the reneging of a receiver is survived: after a timeout everything may be sent again (RFC 2018 8)', () => {
    const { peer, connection } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 10)] } })
    peer.expects({ seq: 1 })
    // The retransmission fills the hole, and yet the receiver has thrown the rest away.
    let delivered = 1461
    for (let i = 0; i < 60 && delivered < 14_601; i++) {
      peer.sends({ flags: '.', ack: delivered })
      peer.advance('500ms')
      for (const { seq, end } of peer.ignoreReceived()) if (seq <= delivered) delivered = Math.max(delivered, end)
    }
    expect(delivered).toBe(14_601)
    peer.sends({ flags: '.', ack: delivered })
    expect(connection.info.unacked).toBe(0)
  })

  test('the retransmission is lost too: the timer brings it', () => {
    const { peer, connection } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 10)] } })
    peer.expects({ seq: 1, length: MSS })
    const again = peer.expectsWithin('2s', { seq: 1, length: MSS })
    expect(again.time).toBeGreaterThan(200_000)
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info).toMatchObject({ unacked: 0, caState: 'Open' })
  })

  test('after a timeout the window grows by what is newly delivered, not again by what was SACKed before', () => {
    const { peer, connection } = tenOut(SACK)
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 10)] } })
    peer.expects({ seq: 1, length: MSS })
    peer.expectsWithin('2s', { seq: 1, length: MSS })
    expect(connection.info.cwnd).toBe(1)
    connection.write(100 * MSS)
    peer.ignoreReceived()
    const before = connection.info.cwnd
    // One segment is new to the sender: the nine behind it were known to have arrived (RFC 5681 3.1, RFC 3465 2.3).
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info.cwnd).toBeLessThanOrEqual(before + 2)
    expect(peer.ignoreReceived().length).toBeLessThanOrEqual(before + 2)
  })

  test('SACK information is not offered: a peer without SACK-permitted cannot use it', () => {
    const { peer, connection } = tenOut()
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 9)] } })
    // One duplicate ACK, as if the option were not there (it counts as one segment that has left, as in Linux).
    expect(connection.info.sacked).toBeLessThanOrEqual(1)
    peer.expectsNothing()
  })

  test('DSACK of what was never lost does no harm', () => {
    const { peer, connection } = tenOut(SACK)
    peer.sends({ flags: '.', ack: edges(0, 5)[1], options: { sack: [edges(0, 1)] } })
    peer.sends({ flags: '.', ack: edges(0, 5)[1], options: { sack: [edges(2, 3), edges(6, 7)] } })
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    expect(connection.info).toMatchObject({ unacked: 0, sacked: 0 })
    peer.ignoreReceived()
    peer.expectsNothing('2s')
  })
})

test.each([
  ['without SACK', {}],
  ['with SACK', SACK],
])('limited transmit: each of the first two duplicate ACKs sends one new segment (RFC 3042), %s', (_name, options) => {
  const { peer, connection } = tenOut(options)
  connection.write(10 * MSS)
  peer.expectsNothing()
  const duplicate = (n: number) =>
    peer.sends({ flags: '.', ack: 1, ...('syn' in options ? { options: { sack: [edges(1, 1 + n)] } } : {}) })
  duplicate(1)
  peer.expects({ seq: edges(10, 11)[0], length: MSS })
  duplicate(2)
  peer.expects({ seq: edges(11, 12)[0], length: MSS })
  duplicate(3)
  peer.expects({ seq: 1, length: MSS })
  peer.ignoreReceived()
})

describe.each(['cubic', 'reno'] as const)('the window of %s', (congestion) => {
  test('shrinks on loss by its factor and not below two', () => {
    const { peer, connection } = tenOut({ ...SACK, options: { congestion } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 10)] } })
    expect(connection.info.caState).toBe('Recovery')
    expect(connection.info.ssthresh).toBe(congestion === 'cubic' ? 7 : 5)
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    const { cwnd, ssthresh } = connection.info
    expect(cwnd).toBeLessThanOrEqual(ssthresh)
    expect(cwnd).toBeGreaterThanOrEqual(2)
  })

  test('grows by about one segment per round trip after that', () => {
    const { peer, connection } = tenOut({ ...SACK, options: { congestion: 'reno' } })
    peer.sends({ flags: '.', ack: 1, options: { sack: [edges(1, 10)] } })
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: edges(0, 10)[1] })
    connection.write(2000 * MSS)
    const windows: number[] = []
    for (let round = 0; round < 8; round++) {
      peer.advance('10ms')
      const seen = peer.ignoreReceived()
      for (const { end } of seen) peer.sends({ flags: '.', ack: end })
      windows.push(connection.info.cwnd)
    }
    peer.ignoreReceived()
    const growth = (windows.at(-1) as number) - windows[2]
    expect(growth).toBeGreaterThanOrEqual(3)
    expect(growth).toBeLessThanOrEqual(8)
    expect(congestion).toBeDefined()
  })
})
