// TIME-WAIT (RFC 9293 3.10.7.4, RFC 1337, RFC 6191): how long, what it answers, and who may take its place.

import { describe, expect, test } from 'vitest'
import { EADDRINUSE } from '../../../../stack/base/errno.ts'
import { IpAddress } from '../../../../stack/base/ip-address.ts'
import { established, expectNothingHeld, LINUX_SYN } from '../../../support/worlds.ts'
import { reach } from './reach.ts'

/** TIME-WAIT of a connection with timestamps. */
function withTimestamps() {
  const world = established({ syn: LINUX_SYN })
  const { peer, connection } = world
  connection.close()
  peer.expects({ flags: 'F.', seq: 1, ack: 1 })
  peer.advance('5ms')
  peer.sends({ flags: 'F.', seq: 1, ack: 2 })
  peer.expects({ flags: '.', seq: 2, ack: 2 })
  expect(world.host.stack.tcp.timeWaits).toBe(1)
  return world
}

describe('how long', () => {
  test('60 s from its beginning', () => {
    const { peer, host } = reach('TIME-WAIT')
    peer.expectsNothing(59_999_999)
    expect(host.stack.tcp.timeWaits).toBe(1)
    peer.expectsNothing(1)
    expect(host.stack.tcp.timeWaits).toBe(0)
    peer.sends({ flags: '.', seq: 2, ack: 2 })
    peer.expects({ flags: 'R', seq: 2 })
  })

  test('a repeated FIN is acknowledged and starts it anew', () => {
    const { peer, host } = reach('TIME-WAIT')
    peer.expectsNothing('50s')
    peer.sends({ flags: 'F.', seq: 1, ack: 2 })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    peer.expectsNothing('59s')
    expect(host.stack.tcp.timeWaits).toBe(1)
    peer.expectsNothing('2s')
    expect(host.stack.tcp.timeWaits).toBe(0)
  })

  test('an RST does not end it (RFC 1337), wherever it lies', () => {
    const { peer, host } = reach('TIME-WAIT')
    for (const seq of [2, 1, 3, 100]) peer.sends({ flags: 'R', seq })
    expect(host.stack.tcp.timeWaits).toBe(1)
  })

  test('old data draws an ACK and does not end it', () => {
    const { peer, host } = reach('TIME-WAIT')
    peer.sends({ flags: 'P.', seq: 0, ack: 2, payload: new Uint8Array(2) })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    expect(host.stack.tcp.timeWaits).toBe(1)
  })

  test('it holds no endpoint and no page', () => {
    const { host, connection } = reach('TIME-WAIT')
    connection?.close()
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    expectNothingHeld(host)
  })
})

describe('a new SYN for the same four', () => {
  test('with a newer timestamp takes its place (RFC 6191)', () => {
    const { peer, host, listener } = withTimestamps()
    peer.advance('1s')
    const { tsNow } = peer.flow
    // A lower sequence number on purpose: the timestamp alone decides.
    peer.sends({ flags: 'S', seq: -5000, options: { ...LINUX_SYN, ts: { val: tsNow, ecr: 0 } } })
    const answer = peer.expects({ flags: 'S.', ack: -4999 })
    // The new initial number lies beyond the old connection's.
    expect(answer.seq).toBeGreaterThan(2)
    expect(host.stack.tcp.timeWaits).toBe(0)
    expect(listener?.synQueue).toBe(1)
    peer.sends({ flags: 'R', seq: -4999 })
  })

  test('without timestamps, with a greater sequence number, takes its place', () => {
    const { peer, host } = reach('TIME-WAIT')
    peer.advance('1s')
    peer.sends({ flags: 'S', seq: 70_000, options: { mss: 1460 } })
    peer.expects({ flags: 'S.', ack: 70_001 })
    expect(host.stack.tcp.timeWaits).toBe(0)
    peer.sends({ flags: 'R', seq: 70_001 })
  })

  test('with an older timestamp draws an ACK only', () => {
    const { peer, host } = withTimestamps()
    peer.sends({ flags: 'S', seq: 90_000, options: { ...LINUX_SYN, ts: { val: peer.flow.tsNow - 10_000, ecr: 0 } } })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    expect(host.stack.tcp.timeWaits).toBe(1)
  })

  test('without timestamps, with a smaller sequence number, draws an ACK only', () => {
    const { peer, host } = reach('TIME-WAIT')
    peer.sends({ flags: 'S', seq: -5000, options: { mss: 1460 } })
    peer.expects({ flags: '.', seq: 2, ack: 2 })
    expect(host.stack.tcp.timeWaits).toBe(1)
  })
})

describe('connecting out again', () => {
  test('to the same peer from the same port is refused while it lasts, unless timestamps make it safe', () => {
    const { host, peer } = reach('TIME-WAIT')
    const address = IpAddress.from(peer.address)
    for (const listener of host.stack.tcp.listeners()) listener.close()
    expect(host.stack.tcp.connect(address, peer.flow.port, { localPort: 80 })).toBe(-EADDRINUSE)
    peer.advance('61s')
    expect(typeof host.stack.tcp.connect(address, peer.flow.port, { localPort: 80 })).toBe('object')
  })

  test('ephemeral ports step over it', () => {
    const { host, peer } = reach('TIME-WAIT')
    const ports = new Set<number>()
    for (let i = 0; i < 50; i++) ports.add(host.connect(peer.address, peer.flow.port).endpoint.localPort)
    expect(ports.size).toBe(50)
    expect(ports.has(80)).toBe(false)
  })
})

test('TIME-WAIT and a listener on its port live side by side', () => {
  const { host, peer } = reach('TIME-WAIT')
  for (const listener of host.stack.tcp.listeners()) listener.close()
  const listener = host.listen(80)
  const other = peer.addFlow(40_001)
  other.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
  other.expects({ flags: 'S.' })
  other.sends({ flags: '.', seq: 1, ack: 1 })
  expect(host.accept(listener).state).toBe('ESTABLISHED')
})
