// Both sides do the same at once: open (RFC 9293 3.5, figure 8) and close (3.6, figure 13).

import { describe, expect, test } from 'vitest'
import { LINUX_SYN, oneHost } from '../../../support/worlds.ts'
import { reach } from './reach.ts'

describe('simultaneous open', () => {
  function crossed() {
    const world = oneHost()
    const connection = world.host.connect(world.peer.address, world.peer.flow.port, { localPort: 80 })
    world.peer.expects({ flags: 'S', seq: 0 })
    world.peer.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
    world.peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    expect(connection.state).toBe('SYN-RECEIVED')
    return { ...world, connection }
  }

  test("the peer's SYN-ACK establishes", () => {
    const { peer, connection } = crossed()
    peer.sends({ flags: 'S.', seq: 0, ack: 1, options: { mss: 1460 } })
    expect(connection.state).toBe('ESTABLISHED')
    expect(connection.events).toContain('writable')
    // One side's SYN-ACK may cross the other's: an ACK of it is allowed, data is not needed for it.
    for (const seen of peer.ignoreReceived()) expect(seen).toMatchObject({ flags: '.', seq: 1, ack: 1, length: 0 })
    connection.write(10)
    peer.expects({ seq: 1, ack: 1, length: 10 })
  })

  test("the peer's ACK alone establishes", () => {
    const { peer, connection } = crossed()
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(connection.state).toBe('ESTABLISHED')
    peer.sends({ flags: 'P.', seq: 1, ack: 1, length: 20 })
    peer.expects({ flags: '.', seq: 1, ack: 21 })
    expect(connection.readAll()).toBe(20)
  })

  test.each([0, 2, 1000])('an ACK of %i, which is not ISS+1, draws RST and changes nothing', (ack) => {
    const { peer, connection } = crossed()
    peer.sends({ flags: '.', seq: 1, ack })
    peer.expects({ flags: 'R', seq: ack })
    expect(connection.state).toBe('SYN-RECEIVED')
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(connection.state).toBe('ESTABLISHED')
  })

  test('the SYN-ACK is sent again when nothing answers it', () => {
    const { peer } = crossed()
    const again = peer.expectsWithin('2s', { seq: 0, ack: 1 })
    expect(again.flags).toBe('S.')
  })

  test('an RST ends it: it began as an active open (3.10.7.4)', () => {
    const { peer, connection } = crossed()
    peer.sends({ flags: 'R', seq: 1 })
    expect(connection.state).toBe('CLOSED')
    expect(connection.takeError()).toBe('ECONNREFUSED')
  })

  test('the options of both SYNs count', () => {
    const { host, peer } = oneHost()
    const connection = host.connect(peer.address, peer.flow.port, { localPort: 80 })
    peer.expects({ flags: 'S' })
    peer.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: { val: 9, ecr: 0 } } })
    peer.expects({ flags: 'S.', seq: 0, ack: 1, optionOrder: 'mss,sackOK,TS,nop,wscale', options: { ts: { ecr: 9 } } })
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    expect(connection.info).toMatchObject({ state: 'ESTABLISHED', timestamps: true, sack: true, sndScale: 7 })
  })

  test('close before it is established: FIN once it is', () => {
    const { peer, connection } = crossed()
    connection.shutdown('write')
    const seen = peer.ignoreReceived()
    expect(seen.filter(({ flags }) => flags.includes('R'))).toEqual([])
    peer.sends({ flags: '.', seq: 1, ack: 1 })
    const fin = [...seen, ...peer.ignoreReceived()].find(({ flags }) => flags.includes('F'))
    expect(fin).toMatchObject({ seq: 1, ack: 1 })
  })
})

describe('simultaneous close', () => {
  test('FIN-WAIT-1, CLOSING, TIME-WAIT: each FIN is acknowledged', () => {
    const { peer, connection, host } = reach('FIN-WAIT-1')
    peer.sends({ flags: 'F.', seq: 1, ack: 1 })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    expect(connection?.state).toBe('CLOSING')
    peer.sends({ flags: '.', seq: 2, ack: 2 })
    expect(host.stack.tcp.timeWaits).toBe(1)
    peer.expectsNothing('59s')
    expect(host.stack.tcp.timeWaits).toBe(1)
    peer.expectsNothing('2s')
    expect(host.stack.tcp.timeWaits).toBe(0)
  })

  test('with data in flight both ways', () => {
    const { peer, connection } = reach('ESTABLISHED')
    connection?.write(100)
    connection?.shutdown('write')
    peer.expects({ seq: 1, length: 100 })
    peer.expects({ flags: 'F.', seq: 101 })
    peer.sends({ flags: 'FP.', seq: 1, ack: 1, length: 200 })
    peer.expects({ flags: '.', seq: 102, ack: 202 })
    expect(connection?.state).toBe('CLOSING')
    expect(connection?.readAll()).toBe(200)
    peer.sends({ flags: '.', seq: 202, ack: 102 })
    peer.expectsNothing()
  })

  test('the peer repeats its FIN because our ACK was lost', () => {
    const { peer } = reach('CLOSING')
    peer.sends({ flags: 'F.', seq: 1, ack: 2 })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
  })
})
