import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { snapshot } from '../../../stack/counters.ts'
import { concat, ethernet, type Ipv4Fields, ipv4, readIpv4, udp } from '../link/packets.ts'
import { OUR_MAC, OURS, PEER, PEER_MAC, Rig } from '../link/rig.ts'

const ip = (text: string) => IpAddress.from(text)

/** One packet with a datagram to port 9, where somebody listens; which counters moved, and how many datagrams came. */
function deliver(fields: Partial<Ipv4Fields>, options: { mac?: MacAddress; padding?: number; cut?: number } = {}) {
  const rig = new Rig()
  const listener = rig.stack.udp.open()
  listener.bind(null, 9)
  const { mac = OUR_MAC, padding = 0, cut = 0 } = options
  const addresses = { source: fields.source ?? PEER, destination: fields.destination ?? OURS }
  const payload = udp({ ...addresses, sourcePort: 5, destinationPort: 9 }, Uint8Array.of(1, 2, 3))
  const packet = ipv4({ protocol: 17, ...addresses, ...fields }, payload)
  const bytes = concat(packet.subarray(0, packet.length - cut), new Uint8Array(padding).fill(0x77))
  rig.receive(ethernet(mac, PEER_MAC, 0x0800, bytes))
  let datagrams = 0
  const out = {} as Parameters<typeof listener.receive>[0]
  while (listener.receive(out) >= 0) {
    expect([...out.page.bytes.subarray(out.offset, out.offset + out.length)]).toEqual([1, 2, 3])
    out.page.release()
    datagrams++
  }
  const {
    ArpOutRequests: _announced,
    IpExtInOctets: _octets,
    UdpInDatagrams: _datagrams,
    ...moved
  } = snapshot(rig.counters)
  const sent = rig.take()
  rig.close()
  return { moved, datagrams, sent }
}

const GOOD = { IpInReceives: 1, IpInDelivers: 1 }

describe('what is delivered', () => {
  it('a plain packet', () => {
    expect(deliver({})).toMatchObject({ moved: GOOD, datagrams: 1 })
  })

  it('with link padding, which is cut off', () => {
    expect(deliver({}, { padding: 15 })).toMatchObject({ moved: GOOD, datagrams: 1 })
  })

  it('with options, which are skipped', () => {
    expect(deliver({ options: Uint8Array.of(148, 4, 0, 0, 1, 1, 1, 0) })).toMatchObject({ moved: GOOD, datagrams: 1 })
  })

  it('with DF set and any TTL, even 0 and 1: it is not forwarded', () => {
    for (const ttl of [0, 1, 255]) expect(deliver({ ttl, fragment: 0x4000 }).datagrams).toBe(1)
  })

  it('to the broadcast address of our network, and to everybody', () => {
    for (const text of ['192.0.2.255', '255.255.255.255']) {
      const result = deliver({ destination: ip(text) }, { mac: MacAddress.broadcast })
      expect(result).toEqual({ moved: { ...GOOD, IpExtInBcastPkts: 1 }, datagrams: 1, sent: [] })
    }
  })

  it('to all hosts (224.0.0.1)', () => {
    const result = deliver(
      { destination: ip('224.0.0.1') },
      { mac: MacAddress.parse('01:00:5e:00:00:01') as MacAddress },
    )
    expect(result).toEqual({ moved: { ...GOOD, IpExtInMcastPkts: 1 }, datagrams: 1, sent: [] })
  })

  it('from a host without an address yet, if it broadcasts', () => {
    const source = ip('0.0.0.0')
    expect(deliver({ source, destination: ip('255.255.255.255') }, { mac: MacAddress.broadcast }).datagrams).toBe(1)
  })
})

describe('what is dropped, and under which name', () => {
  const HEADER_ERROR = { IpInReceives: 1, IpInHdrErrors: 1 }
  const ADDRESS_ERROR = { IpInReceives: 1, IpInAddrErrors: 1 }

  it.each<[string, Partial<Ipv4Fields>, Record<string, number>]>([
    ['another version', { version: 6 }, HEADER_ERROR],
    ['a wrong header checksum', { checksumError: 1 }, { ...HEADER_ERROR, IpExtInCsumErrors: 1 }],
    ['a total length below the header', { totalLength: 19 }, HEADER_ERROR],
    ['a total length beyond the frame', { totalLength: 32 }, { IpInReceives: 1, IpExtInTruncatedPkts: 1 }],
    ['malformed options', { options: Uint8Array.of(7, 0, 0, 0) }, HEADER_ERROR],
    ['a source route', { options: Uint8Array.of(131, 3, 4, 0) }, ADDRESS_ERROR],
    ['a first fragment', { fragment: 0x2000 }, { IpInReceives: 1, IpReasmReqds: 1, IpReasmFails: 1 }],
    ['a last fragment', { fragment: 0x0001 }, { IpInReceives: 1, IpReasmReqds: 1, IpReasmFails: 1 }],
    ['another host', { destination: ip('192.0.2.3') }, ADDRESS_ERROR],
    ["another network's broadcast", { destination: ip('198.51.100.255') }, ADDRESS_ERROR],
    ['a group that nobody joined', { destination: ip('224.0.0.251') }, ADDRESS_ERROR],
  ])('%s', (_name, fields, moved) => {
    expect(deliver(fields)).toEqual({ moved, datagrams: 0, sent: [] })
  })

  it.each(['224.0.0.5', '239.1.2.3', '255.255.255.255', '192.0.2.255', '127.0.0.1', '0.0.0.0', '0.1.2.3', '192.0.2.2'])(
    'the source %s, which nobody on the wire can have',
    (text) => {
      expect(deliver({ source: ip(text) })).toEqual({
        moved: { ...ADDRESS_ERROR, RtInMartianSrc: 1 },
        datagrams: 0,
        sent: [],
      })
    },
  )

  it.each(['127.0.0.1', '127.9.9.9', '0.0.0.0', '0.0.0.1'])('the destination %s', (text) => {
    expect(deliver({ destination: ip(text) })).toEqual({
      moved: { ...ADDRESS_ERROR, RtInMartianDst: 1 },
      datagrams: 0,
      sent: [],
    })
  })

  it('a header that is cut', () => {
    expect(deliver({}, { cut: 12 })).toEqual({ moved: HEADER_ERROR, datagrams: 0, sent: [] })
  })

  it('land: our own address as source and destination', () => {
    expect(deliver({ source: OURS }).moved).toMatchObject({ RtInMartianSrc: 1 })
  })

  it('a protocol that nobody takes, with an answer', () => {
    const { moved, sent } = deliver({ protocol: 99 })
    expect(moved).toMatchObject({ IpInReceives: 1, IpInUnknownProtos: 1, IcmpOutDestUnreachs: 1 })
    // The peer is not known yet: what leaves first is the question for its address.
    expect(sent.length).toBe(1)
  })
})

describe('noise', () => {
  it('never throws, never leaks, and every packet is counted exactly once', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 120 }), { maxLength: 10 }), fc.nat(3), (packets, kind) => {
        const rig = new Rig().knowPeer()
        rig.stack.udp.open().bind(null, 9)
        for (const noise of packets) {
          // From wholly random to a sound header with a random rest.
          const bytes =
            kind === 0
              ? noise
              : kind === 1
                ? ipv4({ source: PEER, destination: OURS, protocol: noise[0] ?? 0 }, noise)
                : kind === 2
                  ? ipv4({ source: PEER, destination: OURS, protocol: [1, 6, 17][noise.length % 3] }, noise)
                  : ipv4(
                      { source: PEER, destination: OURS, protocol: 1, options: noise.slice(0, noise.length & 36) },
                      noise,
                    )
          rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0800, bytes))
        }
        const c = rig.counters
        expect(c.IpInReceives).toBe(packets.length)
        const ends = c.IpInHdrErrors + c.IpInAddrErrors + c.IpExtInTruncatedPkts + c.IpReasmReqds
        expect(ends + c.IpInUnknownProtos + c.IpInDelivers).toBe(packets.length)
        for (const sent of rig.take()) expect(readIpv4(sent).source).toBe(String(OURS))
        rig.close()
      }),
      { numRuns: 500 },
    )
  })

  it('a sound packet with any one bit of its header flipped is dropped or was flipped where nothing is checked', () => {
    const payload = udp({ source: PEER, destination: OURS, sourcePort: 5, destinationPort: 9 }, Uint8Array.of(1))
    for (let bit = 0; bit < 160; bit++) {
      const rig = new Rig()
      const packet = ipv4({ source: PEER, destination: OURS, protocol: 17 }, payload)
      packet[bit >> 3] ^= 0x80 >> (bit & 7)
      rig.receive(ethernet(OUR_MAC, PEER_MAC, 0x0800, packet))
      expect(rig.counters.IpInHdrErrors).toBe(1)
      expect(rig.counters.IpInDelivers).toBe(0)
      rig.close()
    }
  })
})
