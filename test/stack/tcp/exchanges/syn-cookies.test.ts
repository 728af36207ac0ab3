// SYN cookies as they go over the wire (RFC 4987; Linux's tcp_syncookies): when they are sent, what they remember, who is
// believed, and for how long.

import { describe, expect, test } from 'vitest'
import type { TcpOptions } from '../../../../stack/tcp/contract.ts'
import type { Flow } from '../../../support/flow.ts'
import { buildTcp } from '../../../support/packet.ts'
import { expectNothingHeld, LINUX_SYN, type OneHost, type OneHostOptions, oneHost } from '../../../support/worlds.ts'

const ALWAYS: Partial<TcpOptions> = { synCookies: 'always' }
const BARE = { mss: 1460 }

function syn(flow: Flow, options: Parameters<Flow['sends']>[0]['options'] = { ...LINUX_SYN, ts: {} }): void {
  flow.sends({ flags: 'S', seq: 0, options })
}

/** A listener that answers every SYN with a cookie, and a flow that has one. */
function cookie(options: OneHostOptions & { listener?: Partial<TcpOptions>; backlog?: number; syn?: object } = {}) {
  const world = oneHost(options)
  const listener = world.host.listen(80, { options: { ...ALWAYS, ...options.listener }, backlog: options.backlog })
  const { flow } = world.peer
  syn(flow, options.syn)
  const answer = flow.expects({ flags: 'S.', seq: 0, ack: 1 })
  expect(listener.synQueue).toBe(0)
  return { ...world, listener, flow, answer, counters: world.host.stack.counters }
}

/** Fills the queue of half-open connections with SYNs that nobody completes. */
function fill({ peer }: OneHost, count: number): void {
  for (let n = 0; n < count; n++) {
    const fields = { sourcePort: 1024 + n, destinationPort: 80, seq: n, flags: 'S', window: 65535, options: BARE }
    peer.sendsIp({ payload: buildTcp(peer.address, peer.stackAddress, fields) })
  }
}

describe('when', () => {
  test('not before the queue of half-open connections is full, and then for all', () => {
    const world = oneHost()
    const { host, peer } = world
    const { counters } = host.stack
    const listener = host.listen(80, { backlog: 200 })
    fill(world, 200)
    expect(listener.synQueue).toBe(200)
    expect(counters).toMatchObject({ TcpExtSyncookiesSent: 0, TcpExtTCPReqQFullDoCookies: 0 })
    for (let n = 0; n < 50; n++) {
      const flow = peer.addFlow(42_000 + n)
      syn(flow)
      flow.expects({ flags: 'S.', seq: 0, ack: 1 })
      flow.sends({ flags: '.', seq: 1, ack: 1 })
      expect(host.accept(listener).state).toBe('ESTABLISHED')
    }
    expect(listener.synQueue).toBe(200)
    expect(counters).toMatchObject({
      TcpExtSyncookiesSent: 50,
      TcpExtSyncookiesRecv: 50,
      TcpExtSyncookiesFailed: 0,
      TcpExtTCPReqQFullDoCookies: 50,
      TcpExtTCPReqQFullDrop: 0,
      TcpPassiveOpens: 50,
      TcpExtListenDrops: 0,
    })
    peer.others.length = 0
  })

  test("'never': dropped and counted, as without cookies", () => {
    const world = oneHost()
    const { host, peer } = world
    const listener = host.listen(80, { backlog: 200, options: { synCookies: 'never' } })
    fill(world, 200)
    syn(peer.flow)
    peer.expectsNothing('500ms')
    expect(listener.synQueue).toBe(200)
    expect(host.stack.counters).toMatchObject({
      TcpExtSyncookiesSent: 0,
      TcpExtTCPReqQFullDoCookies: 0,
      TcpExtTCPReqQFullDrop: 1,
      TcpExtListenDrops: 1,
    })
    peer.others.length = 0
  })

  test('a SYN that finds the accept queue full is dropped, queue or not', () => {
    const { peer, listener, flow, counters } = cookie({ backlog: 1 })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    const second = peer.addFlow(41_000)
    syn(second)
    second.expects({ flags: 'S.' })
    second.sends({ flags: '.', seq: 1, ack: 1 })
    expect(listener.acceptQueue).toBe(2)
    const third = peer.addFlow(41_001)
    syn(third)
    third.expectsNothing('1s')
    expect(counters).toMatchObject({ TcpExtListenOverflows: 1, TcpExtListenDrops: 1, TcpExtSyncookiesSent: 2 })
  })

  test('a SYN that comes again draws the same answer, and nothing is repeated by itself', () => {
    const { peer, flow, answer, host } = cookie()
    flow.expectsNothing('10s')
    expectNothingHeld(host)
    syn(flow)
    expect(flow.expects({ flags: 'S.', seq: 0, ack: 1 }).options.ts?.val).toBeGreaterThan(answer.options.ts?.val ?? 0)
    peer.sends({ flags: '.', seq: 1, ack: 1 })
  })
})

describe('what is remembered', () => {
  test('with timestamps: everything that Linux offers', () => {
    const { flow, answer, host, listener } = cookie()
    expect(answer.optionOrder).toBe('mss,sackOK,TS,nop,wscale')
    expect(answer.options).toMatchObject({ mss: 1460, sackOK: true, wscale: 7 })
    flow.sends({ flags: '.', seq: 1, ack: 1, window: 1000 })
    const connection = host.accept(listener)
    expect(connection.info).toMatchObject({ timestamps: true, sack: true, sndScale: 7, rcvScale: 7 })
    expect(connection.info.sndMss).toBe(1448)
    expect(connection.info.sndWnd).toBe(128_000)
    connection.write(3000)
    flow.expects({ seq: 1, length: 1448 })
    flow.expects({ seq: 1449, length: 1448 })
    flow.expects({ seq: 2897, length: 104 })
    flow.sends({ flags: '.', ack: 3001 })
  })

  test.each([
    [{ mss: 1460, ts: {} }, 'mss,nop,nop,TS', { sack: false, sndScale: 0, rcvScale: 0, timestamps: true }],
    [{ mss: 1460, sackOK: true, ts: {} }, 'mss,sackOK,TS', { sack: true, sndScale: 0, rcvScale: 0, timestamps: true }],
    [{ mss: 1460, ts: {}, wscale: 0 }, 'mss,nop,nop,TS,nop,wscale', { sack: false, sndScale: 0, rcvScale: 7 }],
    [{ mss: 1460, ts: {}, wscale: 15 }, 'mss,nop,nop,TS,nop,wscale', { sack: false, sndScale: 14, rcvScale: 7 }],
  ])('%o: what was offered and no more', (offer, order, info) => {
    const { flow, answer, host, listener } = cookie({ syn: offer })
    expect(answer.optionOrder).toBe(order)
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    expect(host.accept(listener).info).toMatchObject(info)
  })

  test('without timestamps: the MSS alone, to the table', () => {
    const { flow, answer, host, listener } = cookie({ syn: { mss: 1400, sackOK: true, wscale: 7 } })
    expect(answer.optionOrder).toBe('mss')
    flow.sends({ flags: '.', seq: 1, ack: 1, window: 2000 })
    const { info } = host.accept(listener)
    expect(info).toMatchObject({ timestamps: false, sack: false, sndScale: 0, rcvScale: 0, sndMss: 1300, sndWnd: 2000 })
  })

  test.each([
    [{ timestamps: false }, 'mss'],
    [{ sack: false }, 'mss,nop,nop,TS,nop,wscale'],
    [{ windowScaling: false }, 'mss,sackOK,TS'],
  ])('a listener with %o does not agree to more', (options, order) => {
    const { flow, answer, host, listener } = cookie({ listener: options })
    expect(answer.optionOrder).toBe(order)
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    const { info } = host.accept(listener)
    expect([info.timestamps, info.sack, info.sndScale > 0]).toEqual([
      order.includes('TS'),
      order.includes('sackOK'),
      order.includes('wscale'),
    ])
  })

  test('the largest segment, TTL and traffic class of the listener', () => {
    const { answer } = cookie({ listener: { maxSegment: 1000, ttl: 33, trafficClass: 0x10 } })
    expect(answer).toMatchObject({ ttl: 33, tos: 0x10, options: { mss: 1000 } })
  })

  test('no round trip is read from a timestamp that carries options', () => {
    const { peer, flow, host, listener } = cookie({ start: '63ms' })
    peer.advance('5ms')
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    const connection = host.accept(listener)
    expect(connection.info.rtt).toBe(0)
    connection.write(10)
    flow.expects({ seq: 1, length: 10 })
    peer.advance('20ms')
    flow.sends({ flags: '.', ack: 11 })
    expect(connection.info.rtt).toBe(20_000)
  })
})

describe('what completes the handshake', () => {
  test('data on the ACK is delivered', () => {
    const { flow, host, listener } = cookie()
    flow.sends({ flags: 'P.', seq: 1, ack: 1, length: 1000 })
    expect(host.accept(listener).readAll()).toBe(1000)
    flow.expectsWithin('40ms', { flags: '.', ack: 1001 })
  })

  test('the ACK is lost, the first data comes', () => {
    const { peer, flow, host, listener } = cookie()
    peer.advance('30s')
    flow.sends({ flags: 'P.', seq: 1, ack: 1, length: 700 })
    expect(host.accept(listener).readAll()).toBe(700)
    flow.expectsWithin('40ms', { flags: '.', ack: 701 })
  })

  test('a FIN on the ACK', () => {
    const { flow, host, listener } = cookie()
    flow.sends({ flags: 'F.', seq: 1, ack: 1 })
    expect(host.accept(listener).state).toBe('CLOSE-WAIT')
    flow.expects({ flags: '.', ack: 2 })
  })

  test('the ACK twice: one connection', () => {
    const { flow, host, listener, counters } = cookie()
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    expect(listener.acceptQueue).toBe(1)
    expect(host.accept(listener).state).toBe('ESTABLISHED')
    expect(counters.TcpExtSyncookiesRecv).toBe(1)
  })

  test('a full accept queue: the ACK is dropped without an answer, and data later on finds room', () => {
    const { peer, flow, host, listener, counters } = cookie({ backlog: 1 })
    const flows = [peer.addFlow(41_000), peer.addFlow(41_001)]
    for (const other of flows) {
      syn(other)
      other.expects({ flags: 'S.' })
    }
    for (const other of flows) other.sends({ flags: '.', seq: 1, ack: 1 })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    flow.expectsNothing('5s')
    expect(listener.acceptQueue).toBe(2)
    expect(counters).toMatchObject({ TcpExtListenOverflows: 1, TcpExtListenDrops: 1, TcpExtSyncookiesRecv: 3 })
    host.accept(listener)
    flow.sends({ flags: 'P.', seq: 1, ack: 1, length: 10 })
    host.accept(listener)
    expect(host.accept(listener).readAll()).toBe(10)
  })
})

describe('what does not', () => {
  test.each(['S.', 'SF.', 'R', 'R.'])('%s', (flags) => {
    const { flow, listener } = cookie()
    flow.sends({ flags, seq: flags.includes('S') ? 0 : 1, ack: 1 })
    if (flags.includes('R')) flow.expectsNothing('1s')
    else flow.expects({ flags: 'R', seq: 1 })
    expect(listener.acceptQueue).toBe(0)
  })

  test('an ACK of any other number, or of another sequence: RST, counted', () => {
    const { flow, listener, counters } = cookie()
    for (const [seq, ack] of [
      [1, 0],
      [1, 2],
      [2, 1],
      [2, 2],
      [0, 0],
      [1, 123_456_789],
      [1000, 1],
    ]) {
      flow.sends({ flags: '.', seq, ack })
      flow.expects({ flags: 'R', seq: ack })
    }
    expect(listener.acceptQueue).toBe(0)
    expect(counters).toMatchObject({ TcpExtSyncookiesFailed: 7, TcpExtSyncookiesRecv: 0, TcpPassiveOpens: 0 })
  })

  test('a thousand blind ACKs', () => {
    const { peer, listener, counters, host } = cookie()
    const flow = peer.addFlow(50_000)
    for (let n = 0; n < 1000; n++) flow.sends({ flags: '.', seq: n * 7919, ack: Math.imul(n, 0x9e3779b1) >>> 0 })
    flow.ignoreReceived()
    expect(listener.acceptQueue).toBe(0)
    expect(counters.TcpExtSyncookiesFailed).toBe(1000)
    expectNothingHeld(host)
  })

  test('an echo that claims options to which the listener never agrees', () => {
    const { flow, listener } = cookie({ listener: { sack: false } })
    flow.sends({ flags: '.', seq: 1, ack: 1, options: { ts: { ecr: (flow.tsRecent | 0x10) >>> 0 } } })
    flow.expects({ flags: 'R' })
    expect(listener.acceptQueue).toBe(0)
  })

  test.each([
    ['59s', true],
    ['119s', true],
    ['120s', false],
    ['200s', false],
  ])('a cookie of the first microsecond, used %s later: %s', (time, good) => {
    const { peer, flow, listener } = cookie()
    peer.advance(time)
    // Another cookie, so that the listener still believes in them.
    const other = peer.addFlow(41_000)
    syn(other)
    other.ignoreReceived()
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    if (good) flow.expectsNothing()
    else flow.expects({ flags: 'R' })
    expect(listener.acceptQueue).toBe(good ? 1 : 0)
  })

  test('a right cookie, when the listener has sent none for two minutes', () => {
    const { peer, flow, listener, counters } = cookie({ start: '59s' })
    peer.advance('121s')
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    flow.expects({ flags: 'R' })
    expect(listener.acceptQueue).toBe(0)
    // It is not even looked at.
    expect(counters.TcpExtSyncookiesFailed).toBe(0)
  })

  test('a right cookie, at another listener', () => {
    const { peer, flow, host, listener } = cookie()
    const other = host.listen(81, { options: ALWAYS })
    const fields = { sourcePort: flow.port, destinationPort: 81, seq: flow.iss + 1, ack: flow.stackIss + 1, flags: '.' }
    const stranger = peer.addFlow(41_000, 81)
    syn(stranger)
    stranger.expects({ flags: 'S.' })
    peer.sendsIp({ payload: buildTcp(peer.address, peer.stackAddress, fields) })
    expect([listener.acceptQueue, other.acceptQueue]).toEqual([0, 0])
    peer.others.length = 0
  })
})

test('the log hears once of a queue that is full', () => {
  const world = oneHost()
  const lines: string[] = []
  const { environment } = world.host.stack
  Object.assign(environment, { log: (_level: string, text: string) => lines.push(text) })
  world.host.listen(80, { backlog: 128 })
  fill(world, 140)
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^port 80: .*SYN flood: sending cookies$/)
  world.peer.others.length = 0
})
