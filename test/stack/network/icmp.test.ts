import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { CHECKSUM_BAD, CHECKSUM_UNNECESSARY } from '../../../stack/buffer/frame.ts'
import type { EchoResult } from '../../../stack/network/echo-client.ts'
import { icmpv4Meaning } from '../../../stack/network/icmp-errno.ts'
import { be16, concat, echo, ethernet, icmp, internetChecksum, ipv4, readIpv4, udp } from '../link/packets.ts'
import { OUR_MAC, OURS, PEER, PEER_MAC, Rig } from '../link/rig.ts'

const ip = (text: string) => IpAddress.from(text)
const SECOND = 1_000_000
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 255)

function receiveIcmp(rig: Rig, message: Uint8Array, from = PEER, to = OURS, trafficClass = 0): void {
  rig.receive(
    ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ source: from, destination: to, protocol: 1, trafficClass }, message)),
  )
}

describe('echo', () => {
  it.each([0, 1, 7, 56, 57, 1472])('%i bytes come back as they were', (length) => {
    const rig = new Rig().knowPeer()
    receiveIcmp(rig, echo(8, 0x1234, 7, bytes(length)), PEER, OURS, 0x28)
    const [reply] = rig.take().map(readIpv4)
    expect(reply).toMatchObject({ source: String(OURS), destination: String(PEER), protocol: 1, ttl: 64 })
    expect(reply.trafficClass).toBe(0x28)
    expect(reply.payload).toEqual(echo(0, 0x1234, 7, bytes(length)))
    expect(rig.counters).toMatchObject({ IcmpInMsgs: 1, IcmpInEchos: 1, IcmpOutEchoReps: 1, IcmpOutMsgs: 1 })
    rig.close()
  })

  it('link padding does not come back', () => {
    const rig = new Rig().knowPeer()
    const packet = ipv4({ source: PEER, destination: OURS, protocol: 1 }, echo(8, 1, 1, bytes(4)))
    rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0800, concat(packet, new Uint8Array(14).fill(0x55))))
    expect(readIpv4(rig.take()[0]).payload).toEqual(echo(0, 1, 1, bytes(4)))
    rig.close()
  })

  it('a request whose checksum is unfinished is answered with one that the card finishes', () => {
    const rig = new Rig().knowPeer()
    const message = echo(8, 1, 1, bytes(20))
    message.fill(0, 2, 4)
    const frame = ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ source: PEER, destination: OURS, protocol: 1 }, message))
    const page = rig.device.pool.allocate()!
    page.bytes.set(frame)
    const received = rig.device.frames.wrap(page, 0, frame.length)
    Object.assign(received, { checksum: CHECKSUM_UNNECESSARY, csumStart: 34, csumOffset: 2 })
    rig.device.receiver.onFrame(received, rig.time)
    expect(rig.device.sent[0].csumStart).toBe(34)
    expect(readIpv4(rig.take()[0]).payload).toEqual(echo(0, 1, 1, bytes(20)))
    rig.close()
  })

  it('a hundred at once are all answered, at no limit of rate', () => {
    const rig = new Rig().knowPeer()
    const frames = Array.from({ length: 100 }, (_, i) =>
      ethernet(
        OUR_MAC,
        PEER_MAC,
        0x0800,
        ipv4({ source: PEER, destination: OURS, protocol: 1 }, echo(8, 1, i, bytes(8))),
      ),
    )
    rig.receive(...frames)
    expect(rig.take().length).toBe(100)
    rig.close()
  })

  it('a reply waits for a neighbour that is not known yet', () => {
    const rig = new Rig()
    receiveIcmp(rig, echo(8, 1, 1, bytes(8)))
    expect(rig.take().length).toBe(1)
    rig.knowPeer()
    expect(readIpv4(rig.take()[0]).payload).toEqual(echo(0, 1, 1, bytes(8)))
    rig.close()
  })

  it('replies to many hosts that do not exist hold no more receive pages than is allowed', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    const message = echo(8, 1, 1, bytes(1000))
    for (let i = 0; i < 2000; i++) receiveIcmp(rig, message, IpAddress.v4(0x0a010000 + (i % 500)), ip('10.0.0.1'))
    expect(rig.device.pool.outstanding).toBe(Math.floor(4_194_304 / (65536 + 64)))
    expect(rig.counters.NeighUnresolvedDiscards).toBe(2000 - rig.device.pool.outstanding)
    rig.advance(4 * SECOND)
    expect(rig.device.pool.outstanding).toBe(0)
    rig.close()
  })

  it('a broadcast one is not answered', () => {
    const rig = new Rig().knowPeer()
    for (const to of [ip('192.0.2.255'), ip('255.255.255.255'), ip('224.0.0.1')]) {
      const packet = ipv4({ source: PEER, destination: to, protocol: 1 }, echo(8, 1, 1, bytes(8)))
      rig.receive(ethernet(MacAddress.broadcast, PEER_MAC, 0x0800, packet))
    }
    expect(rig.counters.IcmpInEchos).toBe(3)
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('a wrong checksum is dropped and counted, an odd length included', () => {
    for (const length of [8, 9]) {
      const rig = new Rig().knowPeer()
      const message = echo(8, 1, 1, bytes(length))
      message[message.length - 1] ^= 1
      receiveIcmp(rig, message)
      expect(rig.counters).toMatchObject({ IcmpInCsumErrors: 1, IcmpInErrors: 1, IcmpInEchos: 0 })
      expect(rig.take()).toEqual([])
      rig.close()
    }
  })

  it.each([
    [CHECKSUM_BAD, 0],
    [CHECKSUM_UNNECESSARY, 1],
  ])("the card's verdict %i is believed", (verdict, replies) => {
    const rig = new Rig().knowPeer()
    const message = echo(8, 1, 1, bytes(8))
    if (verdict === CHECKSUM_UNNECESSARY) message[9] ^= 1
    const frame = ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ source: PEER, destination: OURS, protocol: 1 }, message))
    const page = rig.device.pool.allocate()!
    page.bytes.set(frame)
    const received = rig.device.frames.wrap(page, 0, frame.length)
    received.checksum = verdict
    rig.device.receiver.onFrame(received, rig.time)
    expect(rig.take().length).toBe(replies)
    rig.close()
  })

  it('a page that somebody else holds too is not written to', () => {
    const rig = new Rig().knowPeer()
    const packet = ipv4({ source: PEER, destination: OURS, protocol: 1 }, echo(8, 1, 1, bytes(100)))
    const frame = ethernet(OUR_MAC, PEER_MAC, 0x0800, packet)
    const page = rig.device.pool.allocate()!
    page.bytes.set(frame)
    page.retain()
    rig.device.receiver.onFrame(rig.device.frames.wrap(page, 0, frame.length), rig.time)
    expect(page.bytes.slice(0, frame.length)).toEqual(frame)
    expect(readIpv4(rig.take()[0]).payload).toEqual(echo(0, 1, 1, bytes(100)))
    page.release()
    rig.close()
  })

  it('too short a message is an error; unknown types are let be', () => {
    const rig = new Rig().knowPeer()
    receiveIcmp(rig, new Uint8Array(7))
    receiveIcmp(rig, icmp(13, 0, new Uint8Array(4), bytes(12)))
    receiveIcmp(rig, icmp(200, 0, new Uint8Array(4), bytes(12)))
    expect(rig.counters).toMatchObject({ IcmpInMsgs: 3, IcmpInErrors: 1 })
    expect(rig.take()).toEqual([])
    rig.close()
  })
})

describe('errors that we send', () => {
  const datagram = (length = 4, from = PEER, to = OURS) =>
    udp({ source: from, destination: to, sourcePort: 5, destinationPort: 9 }, bytes(length))

  function receiveUdp(rig: Rig, length = 4, from = PEER, to = OURS, mac = OUR_MAC): Uint8Array {
    const packet = ipv4({ source: from, destination: to, protocol: 17 }, datagram(length, from, to))
    rig.receive(ethernet(mac, PEER_MAC, 0x0800, packet))
    return packet
  }

  it.each([4, 500, 1400])('port unreachable quotes a packet of %i bytes up to 576 in all', (length) => {
    const rig = new Rig().knowPeer()
    const packet = receiveUdp(rig, length)
    const [error] = rig.take().map(readIpv4)
    expect(error).toMatchObject({ source: String(OURS), destination: String(PEER), protocol: 1, trafficClass: 0xc0 })
    expect([...error.payload.subarray(0, 2)]).toEqual([3, 3])
    expect(internetChecksum(error.payload)).toBe(0)
    expect(error.payload.subarray(8)).toEqual(packet.subarray(0, 548))
    expect(rig.counters).toMatchObject({ UdpNoPorts: 1, IcmpOutDestUnreachs: 1, IcmpOutMsgs: 1 })
    rig.close()
  })

  it('protocol unreachable', () => {
    const rig = new Rig().knowPeer()
    rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ source: PEER, destination: OURS, protocol: 99 }, bytes(20))))
    expect([...readIpv4(rig.take()[0]).payload.subarray(0, 2)]).toEqual([3, 2])
    rig.close()
  })

  it('none about broadcasts, on either layer', () => {
    const rig = new Rig().knowPeer()
    receiveUdp(rig, 4, PEER, ip('192.0.2.255'), MacAddress.broadcast)
    receiveUdp(rig, 4, PEER, OURS, MacAddress.broadcast)
    expect(rig.counters.UdpNoPorts).toBe(2)
    const unknown = ipv4({ source: PEER, destination: ip('192.0.2.255'), protocol: 99 }, bytes(20))
    rig.receive(ethernet(MacAddress.broadcast, PEER_MAC, 0x0800, unknown))
    rig.receive(
      ethernet(
        MacAddress.broadcast,
        PEER_MAC,
        0x0800,
        ipv4({ source: PEER, destination: OURS, protocol: 99 }, bytes(20)),
      ),
    )
    expect(rig.counters).toMatchObject({ IpInUnknownProtos: 2, IcmpOutErrors: 0, IcmpOutRateLimitHost: 0 })
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('one a second for each host, six at the start', () => {
    const rig = new Rig().knowPeer()
    for (let i = 0; i < 10; i++) receiveUdp(rig)
    expect(rig.take().length).toBe(6)
    expect(rig.counters.IcmpOutRateLimitHost).toBe(4)
    rig.advance(SECOND)
    for (let i = 0; i < 3; i++) receiveUdp(rig)
    expect(rig.take().length).toBe(1)
    rig.advance(100 * SECOND)
    for (let i = 0; i < 10; i++) receiveUdp(rig)
    expect(rig.take().length).toBe(6)
    rig.close()
  })

  it('for all hosts together at most fifty at once and a thousand a second', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] })
    const us = ip('10.0.0.1')
    const hosts = Array.from({ length: 400 }, (_, i) => IpAddress.v4(0x0a010000 + i))
    for (const host of hosts) rig.stack.addNeighbour(rig.port, host, PEER_MAC)
    for (const host of hosts.slice(0, 200)) receiveUdp(rig, 4, host, us)
    const first = rig.take().length
    // Each draws one and up to two more, so that the count betrays nothing.
    expect(first).toBeGreaterThanOrEqual(17)
    expect(first).toBeLessThan(40)
    expect(rig.counters.IcmpOutRateLimitGlobal).toBe(200 - first)
    rig.advance(SECOND)
    for (const host of hosts.slice(200)) receiveUdp(rig, 4, host, us)
    expect(rig.take().length).toBeGreaterThanOrEqual(17)
    rig.close()
  })

  it('a host that has used up its own does not use up what is for all', () => {
    const rig = new Rig({ addresses: ['10.0.0.1/8'] }).knowPeer(ip('10.0.0.2')).knowPeer(ip('10.0.0.3'))
    for (let i = 0; i < 1000; i++) receiveUdp(rig, 4, ip('10.0.0.2'), ip('10.0.0.1'))
    rig.take()
    receiveUdp(rig, 4, ip('10.0.0.3'), ip('10.0.0.1'))
    expect(rig.take().length).toBe(1)
    rig.close()
  })
})

describe('errors that we are told', () => {
  /** An error from `from` about a datagram of ours to the peer's port 9. */
  function told(
    rig: Rig,
    type: number,
    code: number,
    quoted: Uint8Array,
    rest: Uint8Array = new Uint8Array(4),
    from = PEER,
  ): void {
    receiveIcmp(rig, icmp(type, code, rest, quoted), from)
  }

  const quote = (localPort: number, source = OURS, destination = PEER, length = 8) => {
    const datagram = udp({ source, destination, sourcePort: localPort, destinationPort: 9 }, bytes(4))
    return ipv4({ source, destination, protocol: 17 }, datagram).subarray(0, 20 + length)
  }

  function connected(): { rig: Rig; endpoint: ReturnType<Rig['stack']['udp']['open']> } {
    const rig = new Rig().knowPeer()
    const endpoint = rig.stack.udp.open()
    endpoint.connect(PEER, 9)
    endpoint.send(bytes(4))
    rig.take()
    return { rig, endpoint }
  }

  it.each([
    [3, 3, 111],
    [3, 2, 92],
    [3, 13, 113],
    [12, 0, 71],
  ])('type %i code %i is errno %i to a connected endpoint', (type, code, errno) => {
    const { rig, endpoint } = connected()
    told(rig, type, code, quote(endpoint.localPort))
    expect(endpoint.takeError()).toBe(errno)
    rig.close()
  })

  it.each([
    [3, 0],
    [3, 1],
    [11, 0],
    [11, 1],
    [3, 16],
    [4, 0],
    [5, 1],
  ])('type %i code %i is soft, or nothing', (type, code) => {
    const { rig, endpoint } = connected()
    told(rig, type, code, quote(endpoint.localPort))
    expect(endpoint.takeError()).toBe(0)
    rig.close()
  })

  it('what quotes nothing of ours, or too little, is counted and ignored', () => {
    const { rig, endpoint } = connected()
    const wrong = [
      quote(endpoint.localPort, ip('198.51.100.1')),
      quote(endpoint.localPort, OURS, PEER, 7),
      quote(endpoint.localPort).subarray(0, 19),
      quote(endpoint.localPort === 40000 ? 40001 : 40000),
      quote(endpoint.localPort, OURS, ip('192.0.2.99')),
    ]
    for (const quoted of wrong) told(rig, 3, 3, quoted)
    const fragment = quote(endpoint.localPort)
    fragment[7] = 1
    told(rig, 3, 3, fragment)
    expect(rig.counters.IcmpInErrors).toBe(6)
    expect(endpoint.takeError()).toBe(0)
    rig.close()
  })

  it('fragmentation needed lowers the path MTU of that destination, for ten minutes', () => {
    const { rig, endpoint } = connected()
    const path = rig.stack.network.path(PEER)
    if (typeof path === 'number') throw new Error('no path')
    expect(path.mtu).toBe(1500)
    told(rig, 3, 4, quote(endpoint.localPort), concat(be16(0), be16(1300)))
    expect(endpoint.takeError()).toBe(90)
    expect(path.mtu).toBe(1300)
    expect(endpoint.send(bytes(1300 - 28))).toBe(1272)
    expect(endpoint.send(bytes(1300 - 27))).toBe(-90)
    // Only time raises it again.
    told(rig, 3, 4, quote(endpoint.localPort), concat(be16(0), be16(1400)))
    expect(path.mtu).toBe(1300)
    rig.advance(601 * SECOND)
    expect(path.mtu).toBe(1500)
    rig.close()
  })

  it.each([0, 68, 551])('a next hop of %i is taken for 552, and routers may fragment', (mtu) => {
    const { rig, endpoint } = connected()
    told(rig, 3, 4, quote(endpoint.localPort), concat(be16(0), be16(mtu)))
    endpoint.takeError()
    const path = rig.stack.network.path(PEER)
    expect(typeof path === 'number' ? path : path.mtu).toBe(552)
    endpoint.send(bytes(4))
    expect(readIpv4(rig.take()[0]).dontFragment).toBe(false)
    rig.close()
  })

  it('one that nobody can have sent changes no path MTU', () => {
    const { rig, endpoint } = connected()
    told(rig, 3, 4, quote(endpoint.localPort === 40000 ? 40001 : 40000), concat(be16(0), be16(600)))
    told(rig, 3, 4, quote(endpoint.localPort, OURS, ip('192.0.2.9')), concat(be16(0), be16(600)))
    for (const destination of [PEER, ip('192.0.2.9')]) {
      const path = rig.stack.network.path(destination)
      expect(typeof path === 'number' ? path : path.mtu).toBe(1500)
    }
    rig.close()
  })

  it('without a peer it counts only where we do send', () => {
    const rig = new Rig().knowPeer()
    const endpoint = rig.stack.udp.open()
    endpoint.bind(null, 4000)
    const mtu = () => {
      const path = rig.stack.network.path(PEER)
      return typeof path === 'number' ? path : path.mtu
    }
    told(rig, 3, 4, quote(4000), concat(be16(0), be16(1300)))
    expect(mtu()).toBe(1500)
    endpoint.send(bytes(4), PEER, 9)
    told(rig, 3, 4, quote(4000), concat(be16(0), be16(1300)))
    expect(mtu()).toBe(1300)
    expect(endpoint.takeError()).toBe(0)
    rig.close()
  })

  it('the table of meanings is icmp_err_convert', () => {
    const rows = Array.from({ length: 17 }, (_, code) => icmpv4Meaning(3, code)).map((meaning) =>
      meaning ? `${meaning.errno}${meaning.fatal ? '!' : ''}` : 'none',
    )
    expect(rows.join(' ')).toBe('101 113 92! 111! 90 95 101! 112! 64! 101! 113! 101 113 113! 113! 113! none')
    expect(icmpv4Meaning(11, 0)).toEqual({ errno: 113, fatal: false })
    expect(icmpv4Meaning(12, 0)).toEqual({ errno: 71, fatal: true })
    for (const type of [0, 4, 5, 8, 13]) expect(icmpv4Meaning(type, 0)).toBe(null)
  })
})

describe('requests of our own', () => {
  const request = (fields = {}) => ({ identifier: 77, sequence: 1, ...fields })

  function ping(rig: Rig, fields = {}, address = PEER): { results: EchoResult[]; errno: number } {
    const results: EchoResult[] = []
    const errno = rig.stack.echo.send(address, request(fields), (result) => results.push(result))
    rig.run()
    return { results, errno }
  }

  it('sends 56 bytes, and reports the reply with its time', () => {
    const rig = new Rig().knowPeer()
    const { results, errno } = ping(rig)
    expect(errno).toBe(0)
    const [sent] = rig.take().map(readIpv4)
    expect(sent).toMatchObject({ source: String(OURS), destination: String(PEER), ttl: 64, dontFragment: true })
    expect(sent.payload.length).toBe(64)
    expect(internetChecksum(sent.payload)).toBe(0)
    rig.time += 1234
    receiveIcmp(rig, echo(0, 77, 1, sent.payload.slice(8)))
    expect(results).toEqual([
      { errno: 0, from: PEER, identifier: 77, sequence: 1, ttl: 64, length: 64, roundTrip: 1234, type: 0, code: 0 },
    ])
    receiveIcmp(rig, echo(0, 77, 1, sent.payload.slice(8)))
    expect(results.length).toBe(1)
    rig.close()
  })

  it.each([0, 196, 197, 1472])('%i bytes go', (payloadLength) => {
    const rig = new Rig().knowPeer()
    ping(rig, { payloadLength, ttl: 3 })
    const [sent] = rig.take().map(readIpv4)
    expect(sent.ttl).toBe(3)
    expect(sent.payload.length).toBe(8 + payloadLength)
    expect(internetChecksum(sent.payload)).toBe(0)
    rig.stack.echo.cancel(77, 1)
    rig.close()
  })

  it('refuses what cannot go', () => {
    const rig = new Rig().knowPeer()
    expect(ping(rig, { payloadLength: 1473 }).errno).toBe(-90)
    expect(ping(rig, { payloadLength: 65508 }).errno).toBe(-22)
    expect(ping(rig, { ttl: 0 }).errno).toBe(-22)
    expect(ping(rig, { sequence: 65536 }).errno).toBe(-22)
    expect(ping(rig, {}, ip('203.0.113.1')).errno).toBe(-101)
    expect(ping(rig, {}, ip('2001:db8::1')).errno).toBe(-97)
    expect(ping(rig, { source: ip('192.0.2.9') }).errno).toBe(-99)
    expect(ping(rig).errno).toBe(0)
    expect(ping(rig).errno).toBe(-114)
    rig.close()
  })

  it('reports who sent an error, and an answer that never comes', () => {
    const rig = new Rig().knowPeer()
    const { results } = ping(rig)
    const [sent] = rig.take()
    const router = ip('192.0.2.254')
    receiveIcmp(rig, icmp(11, 0, new Uint8Array(4), sent.subarray(14, 14 + 28)), router)
    expect(results).toMatchObject([{ errno: 113, from: router, type: 11, code: 0 }])
    const late = ping(rig, { sequence: 2, timeout: 3 * SECOND })
    rig.advance(2.9 * SECOND)
    expect(late.results).toEqual([])
    rig.advance(0.2 * SECOND)
    expect(late.results).toMatchObject([{ errno: 110, from: null }])
    rig.close()
  })

  it('learns the path MTU from an error about a request of ours, and from no other', () => {
    const rig = new Rig().knowPeer()
    const mtu = () => {
      const path = rig.stack.network.path(PEER)
      return typeof path === 'number' ? path : path.mtu
    }
    const { results } = ping(rig, { payloadLength: 1472 })
    const [sent] = rig.take()
    const quoted = sent.slice(14, 14 + 28)
    const needed = concat(be16(0), be16(1280))
    const forged = quoted.slice()
    forged[20 + 7] ^= 1
    receiveIcmp(rig, icmp(3, 4, needed, forged))
    expect(mtu()).toBe(1500)
    receiveIcmp(rig, icmp(3, 4, needed, quoted))
    expect(results).toMatchObject([{ errno: 90 }])
    expect(mtu()).toBe(1280)
    rig.close()
  })

  it('reports a neighbour that does not answer', () => {
    const rig = new Rig()
    const { results } = ping(rig)
    rig.advance(4 * SECOND)
    expect(results).toMatchObject([{ errno: 113, from: null }])
    rig.close()
  })

  it('ignores a reply from somebody else', () => {
    const rig = new Rig().knowPeer()
    const { results } = ping(rig)
    receiveIcmp(rig, echo(0, 77, 1, bytes(56)), ip('192.0.2.66'))
    receiveIcmp(rig, echo(0, 78, 1, bytes(56)))
    expect(results).toEqual([])
    rig.close()
  })

  it('gives identifiers that are free', () => {
    const rig = new Rig().knowPeer()
    for (let i = 0; i < 300; i++) {
      const identifier = rig.stack.echo.identifier()
      expect(rig.stack.echo.send(PEER, { identifier, sequence: 0 }, () => {})).toBe(0)
    }
    rig.close()
  })
})
