import { describe, expect, it } from 'vitest'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { ERROR, READABLE, WRITABLE } from '../../../stack/base/readiness.ts'
import { CHECKSUM_BAD, CHECKSUM_UNNECESSARY } from '../../../stack/buffer/frame.ts'
import * as tcp from '../../../stack/tcp/contract.ts'
import type { UdpDatagram, UdpEndpoint } from '../../../stack/udp/contract.ts'
import {
  concat,
  ethernet,
  internetChecksum,
  ipv4,
  pseudoHeader,
  readIpv4,
  type UdpFields,
  udp,
} from '../link/packets.ts'
import { OUR_MAC, OURS, PEER, PEER_MAC, Rig } from '../link/rig.ts'

const ip = (text: string) => IpAddress.from(text)
const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 13 + length) & 255)

function datagram(fields: Partial<UdpFields> & { mac?: MacAddress }, payload: Uint8Array): Uint8Array {
  const full = { source: PEER, destination: OURS, sourcePort: 5000, destinationPort: 9, ...fields }
  const packet = ipv4({ source: full.source, destination: full.destination, protocol: 17 }, udp(full, payload))
  return ethernet(fields.mac ?? OUR_MAC, PEER_MAC, 0x0800, packet)
}

interface Taken {
  bytes: Uint8Array
  from: string
  to: string
}

/** Takes all datagrams of an endpoint, releasing their pages. */
function takeAll(endpoint: UdpEndpoint): Taken[] {
  const taken: Taken[] = []
  const out = {} as UdpDatagram
  for (;;) {
    const length = endpoint.receive(out)
    if (length < 0) {
      expect(length).toBe(-11)
      return taken
    }
    expect(out.length).toBe(length)
    taken.push({
      bytes: out.page.bytes.slice(out.offset, out.offset + length),
      from: `${out.source}:${out.sourcePort}`,
      to: String(out.destination),
    })
    out.page.release()
  }
}

function bound(rig: Rig, port = 9, address: IpAddress | null = null): UdpEndpoint {
  const endpoint = rig.stack.udp.open()
  expect(endpoint.bind(address, port)).toBe(0)
  return endpoint
}

describe('binding', () => {
  it('one port, one endpoint; any address takes the port from all', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/24', '192.0.2.3/24'] })
    bound(rig, 9, OURS)
    const open = () => rig.stack.udp.open()
    expect(open().bind(OURS, 9)).toBe(-98)
    expect(open().bind(null, 9)).toBe(-98)
    expect(open().bind(ip('0.0.0.0'), 9)).toBe(-98)
    expect(open().bind(ip('192.0.2.3'), 9)).toBe(0)
    bound(rig, 10)
    expect(open().bind(OURS, 10)).toBe(-98)
    expect(open().bind(ip('192.0.2.9'), 11)).toBe(-99)
    expect(open().bind(null, 65536)).toBe(-22)
    const twice = bound(rig, 12)
    expect(twice.bind(null, 13)).toBe(-22)
    twice.close()
    expect(bound(rig, 12).localPort).toBe(12)
    rig.close()
  })

  it('port 0 takes a random free one of the ephemeral range', () => {
    const rig = new Rig()
    const ports = Array.from({ length: 200 }, () => bound(rig, 0).localPort)
    expect(new Set(ports).size).toBe(200)
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(32768)
    for (const port of ports) expect(port).toBeLessThanOrEqual(60999)
    const inOrder = ports.filter((port, i) => i > 0 && port === ports[i - 1] + 1).length
    expect(inOrder).toBeLessThan(10)
    const others = new Rig({ seed: 'another' })
    expect(bound(others, 0).localPort).not.toBe(ports[0])
    others.close()
    rig.close()
  })

  it('all ports taken is EADDRINUSE', () => {
    const rig = new Rig()
    for (let port = 32768; port <= 60999; port++) expect(rig.stack.udp.open().bind(null, port)).toBe(0)
    expect(rig.stack.udp.open().bind(null, 0)).toBe(-98)
    rig.close()
  })
})

describe('sending', () => {
  it.each([0, 1, 150, 195, 196, 197, 1472])('%i bytes leave as one datagram with a right checksum', (length) => {
    const rig = new Rig().knowPeer()
    const endpoint = bound(rig, 4000)
    expect(endpoint.send(bytes(length), PEER, 9)).toBe(length)
    expect(rig.polls).toBeGreaterThan(0)
    rig.run()
    const [sent] = rig.device.sent
    expect(sent.csumStart).toBe(34)
    expect(sent.refs).toBe(52 + 8 + length <= 256 ? 0 : 1)
    const packet = readIpv4(sent.bytes)
    expect(packet).toMatchObject({ source: String(OURS), destination: String(PEER), protocol: 17, dontFragment: true })
    expect([...packet.payload.subarray(0, 6)]).toEqual([
      4000 >> 8,
      4000 & 255,
      0,
      9,
      (8 + length) >> 8,
      (8 + length) & 255,
    ])
    expect(packet.payload.subarray(8)).toEqual(bytes(length))
    expect(internetChecksum(concat(pseudoHeader(OURS, PEER, 17, 8 + length), packet.payload))).toBe(0)
    expect(rig.counters.UdpOutDatagrams).toBe(1)
    rig.close()
  })

  it('the field that is left to the card holds the folded sum of the pseudo-header, not its complement', () => {
    const rig = new Rig()
    const endpoint = bound(rig, 4000)
    endpoint.send(bytes(3), PEER, 9)
    rig.run()
    const path = rig.stack.network.path(PEER)
    if (typeof path === 'number') throw new Error('no path')
    const plain = ~internetChecksum(pseudoHeader(OURS, PEER, 17, 11)) & 0xffff
    expect(path.pseudoHeaderSum(17, 11)).toBe(plain)
    rig.close()
  })

  it('takes the bytes at once: what is changed afterwards is not sent', () => {
    const rig = new Rig()
    const endpoint = bound(rig, 4000)
    for (const length of [10, 1000]) {
      const payload = bytes(length)
      endpoint.send(payload, PEER, 9)
      payload.fill(0)
    }
    rig.take()
    rig.knowPeer()
    expect(rig.take().map((frame) => readIpv4(frame).payload.subarray(8))).toEqual([bytes(10), bytes(1000)])
    rig.close()
  })

  it('refuses by errno', () => {
    const rig = new Rig().knowPeer()
    const endpoint = rig.stack.udp.open()
    expect(endpoint.send(bytes(1))).toBe(-89)
    expect(endpoint.send(bytes(1), PEER, 0)).toBe(-22)
    expect(endpoint.send(bytes(1), PEER)).toBe(-22)
    expect(endpoint.send(bytes(1), ip('203.0.113.1'), 9)).toBe(-101)
    expect(endpoint.send(bytes(1), ip('2001:db8::1'), 9)).toBe(-97)
    expect(endpoint.send(bytes(1473), PEER, 9)).toBe(-90)
    expect(endpoint.send(bytes(65508), PEER, 9)).toBe(-90)
    expect(endpoint.send(bytes(1), ip('192.0.2.255'), 9)).toBe(-13)
    expect(rig.take()).toEqual([])
    endpoint.close()
    expect(endpoint.send(bytes(1), PEER, 9)).toBe(-77)
    rig.close()
  })

  it('broadcasts by leave, to everybody on the link', () => {
    const rig = new Rig()
    const endpoint = bound(rig, 4000)
    expect(endpoint.setOption('broadcast', true)).toBe(0)
    for (const text of ['192.0.2.255', '255.255.255.255']) expect(endpoint.send(bytes(1), ip(text), 9)).toBe(1)
    expect(rig.take().map((frame) => readIpv4(frame).destinationMac)).toEqual([
      'ff:ff:ff:ff:ff:ff',
      'ff:ff:ff:ff:ff:ff',
    ])
    expect(endpoint.setOption('broadcast', false)).toBe(0)
    expect(endpoint.send(bytes(1), ip('192.0.2.255'), 9)).toBe(-13)
    rig.close()
  })

  it('multicasts to the address that follows from the group', () => {
    const rig = new Rig()
    expect(bound(rig, 4000).send(bytes(1), ip('239.129.2.3'), 9)).toBe(1)
    expect(readIpv4(rig.take()[0]).destinationMac).toBe('01:00:5e:01:02:03')
    rig.close()
  })

  it('options: ttl and traffic class', () => {
    const rig = new Rig().knowPeer()
    const endpoint = bound(rig, 4000)
    expect(endpoint.setOption('ttl', 3)).toBe(0)
    expect(endpoint.setOption('trafficClass', 0x48)).toBe(0)
    endpoint.send(bytes(1), PEER, 9)
    expect(readIpv4(rig.take()[0])).toMatchObject({ ttl: 3, trafficClass: 0x48 })
    expect(endpoint.setOption('ttl', 0)).toBe(-22)
    expect(endpoint.setOption('ttl', 256)).toBe(-22)
    expect(endpoint.setOption('receiveBuffer', 0)).toBe(-22)
    rig.close()
  })

  it('a device without room answers EAGAIN, and WRITABLE follows', () => {
    const rig = new Rig().knowPeer()
    const endpoint = bound(rig, 4000)
    const events: number[] = []
    endpoint.onReadiness = (bits) => events.push(bits)
    rig.device.room = 0
    expect(endpoint.send(bytes(1), PEER, 9)).toBe(-11)
    expect(endpoint.readiness() & WRITABLE).toBe(0)
    expect(rig.counters.UdpSndbufErrors).toBe(1)
    rig.device.room = 1
    rig.device.receiver.onWritable()
    expect(events).toEqual([])
    rig.run()
    expect(events).toEqual([WRITABLE])
    expect(endpoint.send(bytes(1), PEER, 9)).toBe(1)
    rig.close()
  })

  it('a carrier that comes back is room, too', () => {
    const rig = new Rig().knowPeer()
    const endpoint = bound(rig, 4000)
    const events: number[] = []
    endpoint.onReadiness = (bits) => events.push(bits)
    rig.device.room = 0
    endpoint.send(bytes(1), PEER, 9)
    rig.device.receiver.onLink(false, false)
    rig.device.room = 10
    rig.device.receiver.onLink(true, false)
    rig.run()
    expect(events).toEqual([WRITABLE])
    rig.close()
  })

  it('no pages left answers EAGAIN, and WRITABLE follows when some come back', () => {
    const rig = new Rig({ stack: { limits: { headerPages: 4 } } })
    const endpoint = bound(rig, 4000)
    const events: number[] = []
    endpoint.onReadiness = (bits) => events.push(bits)
    let sent = 0
    while (endpoint.send(bytes(1), PEER, 9) === 1) sent++
    expect(sent).toBeGreaterThan(1)
    rig.run()
    expect(events).toEqual([])
    rig.knowPeer()
    rig.run()
    expect(events).toEqual([WRITABLE])
    expect(endpoint.send(bytes(1), PEER, 9)).toBe(1)
    rig.close()
  })
})

describe('receiving', () => {
  it.each([0, 1, 1000, 16384, 16400, 20000, 60000])('a datagram of %i bytes', (length) => {
    const rig = new Rig()
    const endpoint = bound(rig)
    rig.receive(datagram({}, bytes(length)))
    expect(takeAll(endpoint)).toEqual([{ bytes: bytes(length), from: '192.0.2.1:5000', to: '192.0.2.2' }])
    expect(rig.counters).toMatchObject({ UdpInDatagrams: 1, UdpInErrors: 0 })
    rig.close()
  })

  it('keeps their order and their borders', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    const sizes = [5, 0, 3000, 17, 5000, 1, 1400, 0, 0, 900]
    rig.receive(...sizes.map((size) => datagram({}, bytes(size))))
    expect(takeAll(endpoint).map((taken) => taken.bytes)).toEqual(sizes.map(bytes))
    rig.close()
  })

  it('small ones do not hold the pages they came in', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    for (let i = 0; i < 100; i++) rig.receive(datagram({}, bytes(200)))
    expect(rig.device.pool.outstanding).toBe(0)
    expect(rig.stack.pages.outstanding).toBe(1)
    expect(takeAll(endpoint).length).toBe(100)
    expect(rig.stack.pages.outstanding).toBe(0)
    rig.close()
  })

  it('the most fitting endpoint gets it: the peer counts more than the address, the address more than any', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/24', '192.0.2.3/24'] }).knowPeer()
    const any = bound(rig, 9, ip('192.0.2.3'))
    const ours = bound(rig, 9, OURS)
    rig.receive(datagram({}, bytes(1)), datagram({ destination: ip('192.0.2.3') }, bytes(2)))
    expect(takeAll(ours).map((taken) => taken.bytes.length)).toEqual([1])
    expect(takeAll(any).map((taken) => taken.bytes.length)).toEqual([2])
    ours.connect(PEER, 5000)
    rig.receive(datagram({}, bytes(3)), datagram({ sourcePort: 5001 }, bytes(4)))
    expect(takeAll(ours).map((taken) => taken.bytes.length)).toEqual([3])
    expect(rig.counters.UdpNoPorts).toBe(1)
    rig.close()
  })

  it('nobody there: counted and answered', () => {
    const rig = new Rig().knowPeer()
    rig.receive(datagram({ destinationPort: 99 }, bytes(1)))
    expect(rig.counters.UdpNoPorts).toBe(1)
    expect([...readIpv4(rig.take()[0]).payload.subarray(0, 2)]).toEqual([3, 3])
    rig.close()
  })

  it('a broadcast goes to everybody who listens to any address', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/24', '192.0.2.3/24'] })
    const listener = bound(rig, 9)
    const other = bound(rig, 10)
    const narrow = bound(rig, 11, OURS)
    for (const destinationPort of [9, 10, 11]) {
      rig.receive(datagram({ destination: ip('192.0.2.255'), destinationPort, mac: MacAddress.broadcast }, bytes(5)))
    }
    expect([listener, other, narrow].map((endpoint) => takeAll(endpoint).length)).toEqual([1, 1, 0])
    expect(rig.take()).toEqual([])
    rig.close()
  })

  it('bytes beyond its length are cut, a length beyond the packet is an error', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    const trailing = udp(
      { source: PEER, destination: OURS, sourcePort: 5000, destinationPort: 9, length: 12 },
      bytes(10),
    )
    const frame = ethernet(OUR_MAC, PEER_MAC, 0x0800, ipv4({ source: PEER, destination: OURS, protocol: 17 }, trailing))
    rig.receive(frame)
    expect(takeAll(endpoint).map((taken) => taken.bytes)).toEqual([bytes(10).subarray(0, 4)])
    rig.receive(
      datagram({ length: 30, checksum: 'none' }, bytes(10)),
      datagram({ length: 7, checksum: 'none' }, bytes(10)),
    )
    expect(rig.counters.UdpInErrors).toBe(2)
    rig.close()
  })

  it('checksums: right, absent, wrong', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    rig.receive(
      datagram({ checksum: 'none' }, bytes(3)),
      datagram({ checksum: 'bad' }, bytes(4)),
      datagram({}, bytes(5)),
    )
    expect(takeAll(endpoint).map((taken) => taken.bytes.length)).toEqual([3, 5])
    expect(rig.counters).toMatchObject({ UdpInCsumErrors: 1, UdpInErrors: 1 })
    rig.close()
  })

  it('a sum of zero goes as 0xffff and is taken', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    // The payload that makes the sum come out as all ones.
    const plain = udp({ source: PEER, destination: OURS, sourcePort: 5000, destinationPort: 9 }, new Uint8Array(2))
    const payload = plain.slice(6, 8)
    const frame = datagram({}, payload)
    expect([...frame.subarray(14 + 20 + 6, 14 + 20 + 8)]).toEqual([0xff, 0xff])
    rig.receive(frame)
    expect(takeAll(endpoint).length).toBe(1)
    rig.close()
  })

  it.each([
    ['wrong', CHECKSUM_BAD, 'right', 0],
    ['right', CHECKSUM_UNNECESSARY, 'bad', 1],
  ] as const)("the card's word that it is %s is believed", (_name, verdict, checksum, count) => {
    const rig = new Rig()
    const endpoint = bound(rig)
    const bytesIn = datagram({ checksum }, bytes(5))
    const page = rig.device.pool.allocate()!
    page.bytes.set(bytesIn)
    const frame = rig.device.frames.wrap(page, 0, bytesIn.length)
    frame.checksum = verdict
    rig.device.receiver.onFrame(frame, rig.time)
    expect(takeAll(endpoint).length).toBe(count)
    expect(rig.counters.UdpInCsumErrors).toBe(1 - count)
    rig.close()
  })

  it('a full buffer drops and counts; empty datagrams are charged too', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    endpoint.setOption('receiveBuffer', 10_000)
    rig.receive(...Array.from({ length: 20 }, () => datagram({}, bytes(1000))))
    expect(takeAll(endpoint).length).toBe(Math.floor(10_000 / 1256))
    expect(rig.counters.UdpRcvbufErrors).toBe(20 - Math.floor(10_000 / 1256))
    rig.receive(...Array.from({ length: 100 }, () => datagram({}, bytes(0))))
    expect(takeAll(endpoint).length).toBe(Math.floor(10_000 / 256))
    // One that is larger than the whole buffer fits alone.
    rig.receive(datagram({}, bytes(20_000)))
    expect(takeAll(endpoint).length).toBe(1)
    rig.close()
  })
})

describe('connected endpoints', () => {
  it('have their source fixed, receive from the peer only, and send without an address', () => {
    const rig = new Rig().knowPeer()
    const endpoint = rig.stack.udp.open()
    expect(endpoint.connect(ip('203.0.113.1'), 9)).toBe(-101)
    expect(endpoint.connect(PEER, 0)).toBe(-22)
    expect(endpoint.connect(PEER, 5000)).toBe(0)
    expect(String(endpoint.localAddress)).toBe(String(OURS))
    expect(endpoint.send(bytes(2))).toBe(2)
    rig.receive(datagram({ destinationPort: endpoint.localPort }, bytes(3)))
    rig.receive(datagram({ destinationPort: endpoint.localPort, sourcePort: 1 }, bytes(4)))
    expect(takeAll(endpoint).map((taken) => taken.bytes.length)).toEqual([3])
    const port = endpoint.localPort
    endpoint.disconnect()
    expect([endpoint.localAddress, endpoint.remoteAddress, endpoint.localPort]).toEqual([null, null, port])
    rig.receive(datagram({ destinationPort: port, sourcePort: 1 }, bytes(4)))
    expect(takeAll(endpoint).length).toBe(1)
    const fixed = bound(rig, 4000, OURS)
    fixed.connect(PEER, 5000)
    fixed.disconnect()
    expect(String(fixed.localAddress)).toBe(String(OURS))
    rig.close()
  })

  it('an error is told once, by the next call or by takeError', () => {
    const rig = new Rig()
    const endpoint = rig.stack.udp.open()
    endpoint.connect(PEER, 5000)
    const events: number[] = []
    endpoint.onReadiness = (bits) => events.push(bits)
    endpoint.send(bytes(1))
    rig.advance(4_000_000)
    expect(events).toEqual([READABLE | ERROR])
    expect(endpoint.readiness() & ERROR).toBe(ERROR)
    expect(endpoint.send(bytes(1))).toBe(-113)
    expect(endpoint.readiness() & ERROR).toBe(0)
    rig.close()
  })

  it('an endpoint without a peer is not told that a neighbour is missing', () => {
    const rig = new Rig()
    const endpoint = bound(rig, 4000)
    endpoint.send(bytes(1), PEER, 9)
    rig.advance(4_000_000)
    expect(endpoint.takeError()).toBe(0)
    rig.close()
  })
})

describe('callbacks', () => {
  it('come from dispatch, with the bits that are new, and not after close', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    const events: number[] = []
    endpoint.onReadiness = (bits) => {
      events.push(bits)
      takeAll(endpoint)
    }
    rig.receive(datagram({}, bytes(1)), datagram({}, bytes(2)))
    expect(events).toEqual([READABLE])
    rig.receive(datagram({}, bytes(1)))
    expect(events).toEqual([READABLE, READABLE])
    rig.device.receiving.push(datagram({}, bytes(1)))
    const other = bound(rig, 10)
    other.onReadiness = () => events.push(99)
    rig.device.receiving.push(datagram({ destinationPort: 10 }, bytes(1)))
    endpoint.onReadiness = () => other.close()
    rig.run()
    expect(events).toEqual([READABLE, READABLE])
    rig.close()
  })

  it('the bits are those of TCP', () => {
    expect([READABLE, WRITABLE, ERROR]).toEqual([tcp.READABLE, tcp.WRITABLE, tcp.ERROR])
  })
})

describe('the stack goes', () => {
  it('endpoints are closed, their datagrams released, their calls answer EBADFD', () => {
    const rig = new Rig()
    const endpoint = bound(rig)
    rig.receive(datagram({}, bytes(100)), datagram({}, bytes(5000)))
    rig.close()
    expect(endpoint.receive({} as UdpDatagram)).toBe(-77)
    expect([...rig.stack.udp.endpoints()]).toEqual([])
  })
})
