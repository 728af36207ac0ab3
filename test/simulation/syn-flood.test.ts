// Floods at a live listener, in virtual time: while a hundred thousand made-up SYNs come each second, clients that mean it get in,
// memory stays where it is, and the neighbours that are known stay known. RFC 4987; the cookies' own rules are in
// test/stack/tcp/exchanges/syn-cookies.test.ts.

import { describe, expect, test } from 'vitest'
import { IpAddress } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import type { TcpListener, TcpOptions } from '../../stack/tcp/contract.ts'
import { ipText, u32 } from '../support/bytes.ts'
import { buildEthernet, buildIpv4, buildTcp } from '../support/packet.ts'
import { LINUX_SYN, type OneHost, oneHost } from '../support/worlds.ts'

const GATEWAY = '10.255.0.1'
const GATEWAY_MAC = MacAddress.parse('02:00:00:00:00:fe') as MacAddress
/** What comes each millisecond: two polls' worth, as at 100,000 a second. */
const PER_MILLISECOND = 100

interface Flood {
  world: OneHost
  listener: TcpListener
  /** Sends the next `count` made-up segments; the stack is told of each PER_MILLISECOND of them. */
  send(count: number): void
  /** The next ones, which all wait when the stack comes to look. */
  pile(count: number): void
}

/** `source`: the address of the n-th segment. Answers to the outside go to a gateway that is not the peer. */
function flood(options: Partial<TcpOptions>, source: (n: number) => string, flags = 'S', port = 80): Flood {
  const own = { address: '10.0.0.2/8', peer: { address: '10.0.0.1', stackAddress: '10.0.0.2' } }
  const world = oneHost({ ...own, seed: 7 })
  const { host, peer } = world
  const { stack } = host
  const [, card] = stack.interfaces
  stack.addNeighbour(card, IpAddress.from(GATEWAY), GATEWAY_MAC)
  stack.addRoute({ destination: { address: IpAddress.v4(0), length: 0 }, gateway: IpAddress.from(GATEWAY) })
  const listener = host.listen(80, { options })
  let sent = 0
  const post = (count: number, atOnce: number) => {
    for (const end = sent + count; sent < end; sent++) {
      const from = source(sent)
      const fields = {
        sourcePort: 1024 + (sent % 60_000),
        destinationPort: port,
        seq: Math.imul(sent, 0x9e3779b1) >>> 0,
        ack: flags.includes('.') ? Math.imul(sent, 0x85ebca6b) >>> 0 : 0,
        flags,
        window: 65535,
        options: flags === 'S' ? { mss: 1460, sackOK: true } : {},
      }
      const packet = buildIpv4({
        source: from,
        destination: peer.stackAddress,
        payload: buildTcp(from, peer.stackAddress, fields),
      })
      if (!peer.end.send(buildEthernet(peer.stackMac, peer.mac, 0x0800, packet))) peer.fail("the peer's ring is full")
      if (sent % atOnce === 0) peer.advance(0)
    }
  }
  const send = (count: number) => {
    post(count, PER_MILLISECOND)
    peer.advance(0)
  }
  return { world, listener, send, pile: (count) => post(count, Number.POSITIVE_INFINITY) }
}

const offLink = (n: number) => ipText(u32((0xc6120000 | (Math.imul(n, 40_503) & 0x1ffff)) >>> 0), 0)
const onLink = (n: number) => `10.${1 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`

/** One client that means it: connects, says something and is answered. Whether it got as far as that. */
function visit({ world, listener, send }: Flood, port: number): boolean {
  const { peer, host } = world
  const flow = peer.addFlow(port)
  flow.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: {} } })
  send(PER_MILLISECOND)
  peer.advance('1ms')
  if (!flow.received.some(({ flags }) => flags === 'S.')) return false
  flow.ignoreReceived()
  flow.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
  send(PER_MILLISECOND)
  const endpoint = listener.accept()
  if (!endpoint) return false
  const bytes = new Uint8Array(200)
  const read = endpoint.receiveInto(bytes, 0, 200)
  const { timestamps, sack, sndScale } = endpoint.info()
  endpoint.abort()
  host.turn()
  flow.ignoreReceived()
  return read === 100 && timestamps && sack && sndScale === 7
}

function visits(one: Flood, count: number): number {
  let good = 0
  for (let n = 0; n < count; n++) if (visit(one, 10_000 + n)) good++
  return good
}

const CLIENTS = 100

describe('100,000 SYNs a second from made-up addresses elsewhere', () => {
  test('everybody who means it gets in, and nothing grows', () => {
    const one = flood({}, offLink)
    const { host } = one.world
    one.send(5000)
    const held = () => [host.stack.frames.outstanding, host.stack.pages.outstanding, one.listener.synQueue]
    const before = held()
    expect(before[2]).toBe(511)
    expect(visits(one, CLIENTS)).toBe(CLIENTS)
    expect(held()).toEqual(before)
    const { counters } = host.stack
    expect(counters.TcpExtSyncookiesRecv).toBe(CLIENTS)
    expect(counters.TcpExtTCPReqQFullDrop).toBe(0)
    // Each SYN beyond the queue was answered.
    expect(counters.TcpExtSyncookiesSent).toBe(5000 - 511 + CLIENTS * (2 * PER_MILLISECOND + 1))
    expect([...host.stack.tcp.endpoints()].length).toBe(0)
  })

  test('without cookies nobody does', () => {
    const one = flood({ synCookies: 'never' }, offLink)
    one.send(5000)
    expect(visits(one, 20)).toBe(0)
    expect(one.world.host.stack.counters.TcpExtTCPReqQFullDrop).toBeGreaterThan(5000)
  })

  test('is the same each time', () => {
    const run = () => {
      const one = flood({}, offLink)
      one.send(2000)
      visits(one, 5)
      return JSON.stringify([one.world.peer.transcript, one.world.host.stack.counters])
    }
    expect(run()).toBe(run())
  })
})

describe('more SYNs than can be answered', () => {
  /** A SYN behind as many as a poll takes in without the others, and what came back at once. */
  function knock(one: Flood, port: number): boolean {
    const flow = one.world.peer.addFlow(port)
    one.pile(900)
    flow.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: {} } })
    one.world.peer.advance('1ms')
    return flow.received.some(({ flags }) => flags === 'S.')
  }

  /** A flood under which the queue of half-open connections is full. */
  function pressed(options: Partial<TcpOptions> = {}): Flood {
    const one = flood(options, offLink)
    one.send(1000)
    return one
  }

  test('all are taken in, and a few answered: the rest is counted', () => {
    const one = pressed()
    const { counters } = one.world.host.stack
    const before = { ...counters }
    expect(knock(one, 9000)).toBe(false)
    const answered = counters.TcpExtSyncookiesSent - before.TcpExtSyncookiesSent
    expect(counters.TcpInSegs - before.TcpInSegs).toBe(901)
    expect(answered).toBeGreaterThan(200)
    expect(answered).toBeLessThan(300)
    expect(counters.TcpPagewireSynPutOff).toBe(901 - answered)
    expect(counters.TcpExtListenDrops - before.TcpExtListenDrops).toBe(901 - answered)
    expect(counters.TcpPagewireSynPreferred).toBe(0)
    expect(one.world.host.stack.behind).toBe(false)
  })

  test('a client that repeats its SYN gets in with the second one', () => {
    const one = pressed()
    const { peer, host } = one.world
    const flow = peer.addFlow(9000)
    const syn = () => flow.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: {} } })
    one.pile(900)
    syn()
    peer.advance('1s')
    expect(flow.received).toEqual([])
    one.pile(900)
    syn()
    flow.expects({ flags: 'S.', seq: 0, ack: 1 })
    expect(host.stack.counters.TcpPagewireSynPreferred).toBe(1)
    one.pile(900)
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    expect(one.listener.accept()?.state).toBe('ESTABLISHED')
    flow.ignoreReceived()
  })

  test('a client that has been there gets in with the first one', () => {
    const one = pressed()
    const { peer, host } = one.world
    expect(knock(one, 9000)).toBe(false)
    peer.advance('2s')
    expect(visit(one, 9001)).toBe(true)
    for (let port = 9100; port < 9104; port++) expect(knock(one, port)).toBe(true)
    expect(host.stack.counters.TcpPagewireSynPreferred).toBe(4)
    // Nobody can live on one handshake for ever.
    expect(knock(one, 9104)).toBe(false)
  })

  test('what is not a SYN does not wait', () => {
    const one = pressed()
    const { peer } = one.world
    const flow = peer.addFlow(9000)
    flow.sends({ flags: 'S', seq: 0, options: { ...LINUX_SYN, ts: {} } })
    flow.expects({ flags: 'S.', seq: 0, ack: 1 })
    flow.sends({ flags: '.', seq: 1, ack: 1 })
    one.pile(900)
    flow.sends({ flags: 'P.', seq: 1, ack: 1, length: 100 })
    const endpoint = one.listener.accept()
    expect(endpoint?.receiveInto(new Uint8Array(200), 0, 200)).toBe(100)
    flow.ignoreReceived()
  })
})

describe('SYNs from made-up addresses of our own network', () => {
  test('a client that is known stays known; frames that wait for nobody are bounded', () => {
    const one = flood({}, onLink)
    const { host, peer } = one.world
    const { stack } = host
    expect(visit(one, 9000)).toBe(true)
    for (let n = 0; n < 20; n++) {
      one.send(500)
      peer.advance('500ms')
      expect(stack.neighbours().length).toBeLessThanOrEqual(1024)
      expect(stack.frames.outstanding).toBeLessThan(6000)
      const known = stack.neighbours().find(({ address }) => String(address) === peer.address)
      expect(known?.linkAddress).not.toBeNull()
    }
    expect(visits(one, CLIENTS)).toBe(CLIENTS)
    peer.advance('200s')
    expect(stack.frames.outstanding).toBe(0)
    expect(stack.counters.NeighTableFulls).toBeGreaterThan(0)
  })
})

describe('other floods', () => {
  test('SYNs to a port where nobody listens: a RST each, and the listener beside it does not notice', () => {
    const one = flood({}, offLink, 'S', 81)
    const { stack } = one.world.host
    one.send(5000)
    expect(stack.frames.outstanding).toBe(0)
    expect(visits(one, CLIENTS)).toBe(CLIENTS)
    expect(stack.counters).toMatchObject({ TcpOutRsts: 5000 + CLIENTS * (2 * PER_MILLISECOND + 1) })
    expect(one.listener.synQueue).toBe(0)
    expect(stack.counters.TcpExtSyncookiesSent).toBe(0)
  })

  test('ACKs out of the blue, to a listener that has sent cookies: none is believed', () => {
    const one = flood({ synCookies: 'always' }, offLink, '.')
    const { stack } = one.world.host
    expect(visit(one, 9000)).toBe(true)
    one.send(5000)
    expect(visits(one, CLIENTS)).toBe(CLIENTS)
    expect(one.listener.acceptQueue).toBe(0)
    expect(stack.counters.TcpExtSyncookiesRecv).toBe(CLIENTS + 1)
    expect(stack.counters.TcpExtSyncookiesFailed).toBeGreaterThan(5000)
    expect(stack.frames.outstanding).toBe(0)
  })
})
