// When RST is sent and with which numbers (RFC 9293 3.10.7.1, 3.5.2, 3.5.3). When it is believed is in states and
// challenge-ack.

import { describe, expect, test } from 'vitest'
import { buildTcp } from '../../../support/packet.ts'
import { established, expectNothingHeld, oneHost } from '../../../support/worlds.ts'

describe('a stray segment', () => {
  test('with ACK: bare RST, its ACK number as sequence, no window', () => {
    const { peer, host } = oneHost()
    peer.sends({ flags: '.', seq: 100, ack: 5000 })
    peer.expects({ flags: 'R', seq: 5000, length: 0, window: 0, optionOrder: '' })
    expect(host.stack.counters.TcpOutRsts).toBe(1)
  })

  test('without ACK: RST+ACK, sequence 0, acknowledging all of it', () => {
    const { peer } = oneHost()
    peer.sends({ flags: 'S', seq: 0 })
    peer.expects({ flags: 'R.', seq: 0, ack: 1 })
    peer.sends({ flags: '', seq: 10, payload: new Uint8Array(30) })
    peer.expects({ flags: 'R.', seq: 0, ack: 40 })
    peer.sends({ flags: 'F', seq: 10, payload: new Uint8Array(30) })
    peer.expects({ flags: 'R.', seq: 0, ack: 41 })
  })

  test('with RST: no answer', () => {
    const { peer } = oneHost()
    peer.sends({ flags: 'R', seq: 0 })
    peer.sends({ flags: 'R.', seq: 0, ack: 9 })
    peer.sends({ flags: 'SR', seq: 0 })
    peer.expectsNothing('1s')
  })

  test('with a timestamp: the RST carries one too, or none; it is well-formed', () => {
    const { peer } = oneHost()
    peer.sends({ flags: '.', seq: 100, ack: 5000, options: { ts: { val: 9, ecr: 3 } } })
    const { optionOrder } = peer.expects({ flags: 'R', seq: 5000 })
    expect(['', 'nop,nop,TS']).toContain(optionOrder)
  })

  test('from a group or from nowhere: no answer', () => {
    const { peer } = oneHost()
    const syn = { sourcePort: 40_000, destinationPort: 80, seq: 1, flags: 'S' }
    for (const source of ['224.0.0.1', '255.255.255.255', '0.0.0.0', '192.0.2.255', '127.0.0.1']) {
      peer.sendsIp({ source, payload: buildTcp(source, peer.stackAddress, syn) })
    }
    peer.expectsNothing('1s')
    expect(peer.others).toEqual([])
  })
})

describe('abort', () => {
  test('RST+ACK behind all that was sent, whether acknowledged or not', () => {
    const { peer, connection } = established()
    connection.write(3000)
    peer.ignoreReceived()
    peer.sends({ flags: 'P.', seq: 1, ack: 1461, length: 10 })
    peer.ignoreReceived()
    connection.abort()
    peer.expects({ flags: 'R.', seq: 3001, ack: 11, length: 0 })
    peer.expectsNothing('100s')
  })

  test('with timestamps: the RST has a fresh one', () => {
    const { peer, connection } = established({ syn: { mss: 1460, ts: { val: 1, ecr: 0 } } })
    peer.advance('500ms')
    connection.write(10)
    const before = peer.expects({ seq: 1 })
    peer.advance('100ms')
    connection.abort()
    const rst = peer.expects({ flags: 'R.', seq: 11, optionOrder: 'nop,nop,TS' })
    expect((rst.options.ts?.val ?? 0) - (before.options.ts?.val ?? 0)).toBe(100)
  })

  test('lets go of everything that was queued', () => {
    const { connection, host, peer } = established()
    connection.write(1_000_000)
    connection.abort()
    peer.ignoreReceived()
    expectNothingHeld(host)
  })
})

describe('closing a listener', () => {
  test('half-open and unaccepted connections are reset, accepted ones live', () => {
    const { host, peer } = oneHost()
    const listener = host.listen(80)
    const flows = [1, 2, 3].map((n) => peer.addFlow(41_000 + n))
    for (const flow of flows) {
      flow.sends({ flags: 'S', seq: 0, options: { mss: 1460 } })
      flow.expects({ flags: 'S.' })
    }
    flows[1].sends({ flags: '.', seq: 1, ack: 1 })
    const accepted = host.accept(listener)
    flows[2].sends({ flags: '.', seq: 1, ack: 1 })
    listener.close()
    host.turn()
    flows[2].expects({ flags: 'R.', seq: 1, ack: 1 })
    flows[0].expects({ flags: 'R.', seq: 1, ack: 1 })
    flows[1].expectsNothing()
    accepted.write(10)
    flows[1].expects({ seq: 1, length: 10 })
    expect(accepted.state).toBe('ESTABLISHED')
  })

  test('afterwards the port answers as one that nobody holds', () => {
    const { host, peer } = oneHost()
    host.listen(80).close()
    host.turn()
    peer.sends({ flags: 'S', seq: 0 })
    peer.expects({ flags: 'R.', ack: 1 })
  })
})

test('closing the stack resets what is established', () => {
  const { host, peer, connection } = established()
  host.stack.close()
  host.turn()
  expect(connection.state).toBe('CLOSED')
  const resets = peer.ignoreReceived()
  for (const { flags } of resets) expect(flags).toContain('R')
})
