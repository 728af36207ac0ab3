// The end of a connection: half-close both ways, the FIN and its retransmission, orphans in FIN-WAIT-2, linger.
// RFC 9293 3.6, 3.10.4; RFC 1122 4.2.2.13; the 60 s of FIN-WAIT-2 are Linux's.

import { describe, expect, test } from 'vitest'
import { NEVER } from '../../../../stack/base/deadlines.ts'
import { established, expectNothingHeld, expectsStream, RTO } from '../../../support/worlds.ts'
import { reach } from './reach.ts'

describe("the peer's FIN", () => {
  test('is acknowledged by the FIN of an application that answers in the same turn of its event loop', () => {
    const { connection, peer, simulation } = established()
    const turn = simulation.attach({
      poll: () => {
        connection.endpoint.shutdown('write')
        return false
      },
      nextDeadline: () => NEVER,
    })
    connection.endpoint.onReadiness = () => turn.requestPoll()
    peer.sends({ flags: 'F.' })
    peer.expects({ flags: 'F.', seq: 1, ack: 2 })
    peer.expectsNothing()
    turn.detach()
  })

  test('is acknowledged without that at the same time', () => {
    const { peer, connection, simulation } = established()
    const { now } = simulation
    peer.sends({ flags: 'F.' })
    peer.expects({ flags: '.', seq: 1, ack: 2, length: 0 })
    expect(simulation.now).toBe(now)
    peer.expectsNothing()
    connection.shutdown('write')
    peer.expects({ flags: 'F.', seq: 1, ack: 2 })
  })
})

describe('the FIN', () => {
  test('goes with the last data if it can', () => {
    const { connection, peer, host } = established()
    connection.endpoint.send(new Uint8Array(100), 0, 100)
    connection.endpoint.shutdown('write')
    host.turn()
    peer.expects({ flags: 'FP.', seq: 1, ack: 1, length: 100, content: false })
    peer.expectsNothing()
  })

  test('waits for all that is queued', () => {
    const { connection, peer } = established()
    connection.write(20 * 1460)
    connection.shutdown('write')
    expectsStream(peer, 1, 10 * 1460, 1460)
    peer.sends({ flags: '.', ack: 10 * 1460 + 1 })
    const seen = peer.ignoreReceived()
    expect(seen.at(-1)).toMatchObject({ seq: 19 * 1460 + 1, length: 1460 })
    expect(seen.map(({ flags }) => flags.includes('F')).lastIndexOf(true)).toBe(seen.length - 1)
    expect(seen.filter(({ flags }) => flags.includes('F'))).toHaveLength(1)
  })

  test('is retransmitted like data, with the data', () => {
    const { connection, peer } = established()
    connection.write(100)
    connection.shutdown('write')
    peer.expects({ seq: 1, length: 100 })
    peer.expects({ flags: 'F.', seq: 101 })
    peer.sends({ flags: '.', ack: 101 })
    peer.expectsAfter(RTO, { flags: 'F.', seq: 101, length: 0 })
    peer.sends({ flags: '.', ack: 102 })
    expect(connection.state).toBe('FIN-WAIT-2')
    peer.expectsNothing('10s')
  })

  test('data and FIN lost together come back, the FIN behind the data', () => {
    const { connection, peer } = established()
    connection.write(100)
    connection.shutdown('write')
    peer.expects({ seq: 1, length: 100 })
    peer.expects({ flags: 'F.', seq: 101 })
    const first = peer.expectsAfter(RTO, { seq: 1, length: 100 })
    peer.sends({ flags: '.', ack: 101 })
    if (!first.flags.includes('F')) {
      const fin = peer.expectsWithin('2s', { seq: 101 })
      expect(fin.flags).toContain('F')
    }
  })

  test('does not fit into a closed window, and is sent when it opens', () => {
    const { connection, peer } = established({ window: 100 })
    connection.write(100)
    peer.ignoreReceived()
    peer.advance('1s')
    peer.ignoreReceived()
    peer.sends({ flags: '.', ack: 101, window: 0 })
    connection.shutdown('write')
    peer.advance('10ms')
    const early = peer.ignoreReceived().filter(({ flags }) => flags.includes('F'))
    peer.sends({ flags: '.', ack: 101, window: 5000 })
    const fins = [...early, ...peer.ignoreReceived().filter(({ flags }) => flags.includes('F'))]
    expect(fins.length).toBeGreaterThanOrEqual(1)
    expect(fins[0].seq).toBe(101)
  })
})

describe('half-close', () => {
  test('we close, the peer goes on sending for as long as it likes', () => {
    const { connection, peer, advance } = established()
    connection.shutdown('write')
    peer.expects({ flags: 'F.', seq: 1, ack: 1 })
    peer.sends({ flags: '.', ack: 2 })
    for (let i = 0; i < 5; i++) {
      advance('600s')
      peer.sends({ flags: 'P.', length: 1000 })
      peer.expectsWithin('40ms', { flags: '.', seq: 2, ack: 1 + (i + 1) * 1000 })
    }
    expect(connection.readAll()).toBe(5000)
    peer.sends({ flags: 'F.' })
    peer.expects({ flags: '.', seq: 2, ack: 5002 })
    expect(connection.atEnd).toBe(true)
  })

  test('the peer closes, we go on sending', () => {
    const { connection, peer, advance } = established()
    peer.sends({ flags: 'F.', seq: 1 })
    peer.expects({ flags: '.', ack: 2 })
    expect(connection.events).toContain('read-hangup')
    for (let i = 0; i < 5; i++) {
      connection.write(1000)
      peer.expects({ seq: 1 + i * 1000, ack: 2, length: 1000 })
      peer.sends({ flags: '.', seq: 2 })
      advance('600s')
    }
    connection.close()
    peer.expects({ flags: 'F.', seq: 5001, ack: 2 })
    peer.sends({ flags: '.', seq: 2, ack: 5002 })
    peer.expectsNothing('200s')
  })
})

describe('an orphan: the application has closed', () => {
  test('in FIN-WAIT-2 is forgotten after 60 s; a late FIN then draws RST', () => {
    const { connection, peer, host } = established()
    connection.close()
    peer.expects({ flags: 'F.', seq: 1, ack: 1 })
    peer.sends({ flags: '.', ack: 2 })
    peer.expectsNothing('59s')
    expect([...host.stack.tcp.endpoints()].length + host.stack.tcp.timeWaits).toBe(1)
    peer.expectsNothing('2s')
    expect([...host.stack.tcp.endpoints()].length + host.stack.tcp.timeWaits).toBe(0)
    peer.sends({ flags: 'F.', seq: 1, ack: 2 })
    peer.expects({ flags: 'R', seq: 2 })
  })

  test('finWait2 sets how long', () => {
    const { connection, peer, host } = established({ options: { finWait2: 5_000_000 } })
    connection.close()
    peer.expects({ flags: 'F.' })
    peer.sends({ flags: '.', ack: 2 })
    peer.expectsNothing('6s')
    expect([...host.stack.tcp.endpoints()].length + host.stack.tcp.timeWaits).toBe(0)
  })

  test('answers data that comes with RST: nobody will read it (RFC 1122 4.2.2.13)', () => {
    const { connection, peer } = established()
    connection.close()
    peer.expects({ flags: 'F.', seq: 1 })
    peer.sends({ flags: '.', ack: 2 })
    peer.sends({ flags: 'P.', seq: 1, ack: 2, length: 100 })
    const { flags, seq } = peer.expects({})
    expect([flags.includes('R'), seq]).toEqual([true, 2])
    peer.expectsNothing('100s')
  })

  test('sends all that is queued first, and then FIN', () => {
    const { connection, peer } = established()
    connection.write(5000)
    connection.close()
    expectsStream(peer, 1, 4380, 1460)
    peer.sends({ flags: '.', ack: 4381 })
    const rest = peer.ignoreReceived()
    expect(rest[0]).toMatchObject({ seq: 4381, length: 620 })
    expect(rest.at(-1)?.flags).toContain('F')
    peer.sends({ flags: 'F.', seq: 1, ack: 5002 })
    peer.expects({ flags: '.', seq: 5002, ack: 2 })
  })

  test('in LAST-ACK gives up in the end', () => {
    const { connection, peer, host } = reach('CLOSE-WAIT')
    connection?.close()
    peer.expects({ flags: 'F.', seq: 1, ack: 2 })
    peer.advance('2000s')
    expect(peer.ignoreReceived().length).toBeGreaterThan(5)
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    peer.expectsNothing('2000s')
  })
})

describe('close with unread data (RFC 1122 4.2.2.13)', () => {
  test('draws RST+ACK instead of FIN', () => {
    const { connection, peer, host } = established()
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    peer.expects({ flags: '.', ack: 101 })
    connection.close()
    peer.expects({ flags: 'R.', seq: 1, ack: 101 })
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    peer.expectsNothing('100s')
  })

  test('part of it read is not all of it read', () => {
    const { connection, peer } = established()
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    peer.expects({ flags: '.', ack: 101 })
    expect(connection.readUpTo(99)).toBe(99)
    connection.close()
    peer.expects({ flags: 'R.', seq: 1, ack: 101 })
  })

  test('a FIN that was not read is no data', () => {
    const { connection, peer } = established()
    peer.sends({ flags: 'F.', seq: 1, ack: 1 })
    peer.expects({ flags: '.', ack: 2 })
    connection.close()
    peer.expects({ flags: 'F.', seq: 1, ack: 2 })
  })
})

describe('linger', () => {
  test('0: close is RST+ACK, what was queued is dropped', () => {
    const { connection, peer, host } = established({ options: { linger: 0 } })
    connection.write(20 * 1460)
    expectsStream(peer, 1, 14_600, 1460)
    connection.close()
    const { seq } = peer.expects({ flags: 'R.', ack: 1 })
    expect(seq).toBe(14_601)
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    peer.expectsNothing('100s')
  })

  test('n: FIN, and an abort when it is not acknowledged in time', () => {
    const { connection, peer, host } = established({ options: { linger: 2_000_000 } })
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    connection.close()
    peer.advance('1900ms')
    const before = peer.ignoreReceived()
    expect(before.some(({ flags }) => flags.includes('F'))).toBe(true)
    expect(before.some(({ flags }) => flags.includes('R'))).toBe(false)
    peer.advance('200ms')
    expect(peer.ignoreReceived().some(({ flags }) => flags.includes('R'))).toBe(true)
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    peer.expectsNothing('100s')
  })

  test('n: nothing special when all is acknowledged in time', () => {
    const { connection, peer } = established({ options: { linger: 2_000_000 } })
    connection.write(100)
    peer.expects({ seq: 1, length: 100 })
    connection.close()
    peer.expects({ flags: 'F.', seq: 101 })
    peer.sends({ flags: 'F.', seq: 1, ack: 102 })
    peer.expects({ flags: '.', seq: 102, ack: 2 })
    peer.expectsNothing('10s')
  })
})

test('memory is let go with the connection: nothing is out after a full close', () => {
  const { connection, peer, host, advance } = established()
  connection.write(30_000)
  for (let i = 0; i < 10; i++) {
    peer.ignoreReceived()
    peer.sends({ flags: '.' })
  }
  expect(peer.flow.rcvNxt).toBe(30_001)
  connection.close()
  peer.expects({ flags: 'F.' })
  peer.sends({ flags: 'F.', seq: 1, ack: 30_002 })
  peer.expects({ flags: '.', ack: 2 })
  advance('61s')
  expectNothingHeld(host)
  expect([...host.stack.tcp.endpoints()]).toEqual([])
})
