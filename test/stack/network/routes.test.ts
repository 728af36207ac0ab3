import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Cidr, IpAddress, parseCidr } from '../../../stack/base/ip-address.ts'
import { GSO_MAX_SIZE } from '../../../stack/buffer/frame.ts'
import type { Interface } from '../../../stack/network/interface.ts'
import { RouteTable } from '../../../stack/network/routes.ts'
import { readIpv4 } from '../link/packets.ts'
import { MemoryDevice, OUR_MAC, OURS, PEER, Rig } from '../link/rig.ts'

const ip = (text: string) => IpAddress.from(text)
const cidr = (text: string) => parseCidr(text) as Cidr
const eth = (index: number) => ({ index, name: `eth${index}` }) as Interface

describe('the routing table', () => {
  it('finds what the longest matching prefix with the lowest metric says, against a search of all', () => {
    const entry = fc.record({ word: fc.nat(0xff), length: fc.integer({ min: 24, max: 32 }), metric: fc.nat(2) })
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), fc.nat(0xff), (entries, last) => {
        const table = new RouteTable(4)
        const added: { destination: Cidr; metric: number; port: Interface }[] = []
        for (const [i, { word, length, metric }] of entries.entries()) {
          const destination = { address: IpAddress.v4(0x0a000000 | word), length }
          const port = eth(i)
          const expected = added.some(
            (other) =>
              other.metric === metric &&
              other.destination.length === length &&
              other.destination.address.masked(length).equals(destination.address.masked(length)),
          )
          expect(table.add({ destination, interface: port, metric })).toBe(expected ? -17 : 0)
          if (!expected) added.push({ destination, metric, port })
        }
        const to = IpAddress.v4(0x0a000000 | last)
        const best = added
          .filter(({ destination }) => to.matches(destination.address, destination.length))
          .sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric)[0]
        expect(table.lookup(to)?.interface).toBe(best?.port)
      }),
    )
  })

  it('wants a gateway that is on a link, and finds its interface', () => {
    const table = new RouteTable(4)
    const everywhere = cidr('0.0.0.0/0')
    expect(table.add({ destination: everywhere, gateway: PEER })).toBe(-101)
    table.add({ destination: cidr('192.0.2.0/24'), interface: eth(3) })
    expect(table.add({ destination: everywhere, gateway: PEER, interface: eth(4) })).toBe(-101)
    expect(table.add({ destination: everywhere, gateway: PEER })).toBe(0)
    expect(table.lookup(ip('203.0.113.1'))).toMatchObject({ gateway: PEER, interface: eth(3), protocol: 'static' })
    expect(table.add({ destination: everywhere, gateway: ip('0.0.0.0') })).toBe(-22)
    expect(table.add({ destination: everywhere, gateway: ip('::1') })).toBe(-22)
    expect(table.add({ destination: everywhere })).toBe(-22)
    expect(table.add({ destination: cidr('::/0'), interface: eth(1) })).toBe(-22)
  })

  it('removes what fits all that is given', () => {
    const table = new RouteTable(4)
    const destination = cidr('10.0.0.0/8')
    table.add({ destination, interface: eth(1), metric: 10 })
    table.add({ destination, interface: eth(2), metric: 5 })
    expect(table.remove({ destination, metric: 7 })).toBe(-3)
    expect(table.remove({ destination: cidr('10.1.2.3/8'), metric: 10 })).toBe(0)
    expect(table.list().map(({ metric }) => metric)).toEqual([5])
    const before = table.generation
    expect(table.remove({ destination })).toBe(0)
    expect(table.generation).toBeGreaterThan(before)
    expect(table.lookup(ip('10.1.1.1'))).toBe(null)
  })
})

describe('paths', () => {
  function path(rig: Rig, to: string, source?: string) {
    const found = rig.stack.network.path(ip(to), source ? ip(source) : null)
    if (typeof found === 'number') return found
    return `${found.source} ${found.interface.name} ${found.mtu}`
  }

  it('on the link, through the gateway, to ourselves, and nowhere', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/24', '198.51.100.2/24'] })
    expect(path(rig, '192.0.2.9')).toBe('192.0.2.2 test0 1500')
    expect(path(rig, '198.51.100.9')).toBe('198.51.100.2 test0 1500')
    expect(path(rig, '203.0.113.1')).toBe(-101)
    expect(rig.stack.addRoute({ destination: cidr('0.0.0.0/0'), gateway: ip('198.51.100.1') })).toBe(0)
    expect(path(rig, '203.0.113.1')).toBe('198.51.100.2 test0 1500')
    expect(path(rig, '203.0.113.1', '192.0.2.2')).toBe('192.0.2.2 test0 1500')
    expect(path(rig, '192.0.2.2')).toBe('192.0.2.2 lo 65535')
    expect(path(rig, '127.0.0.1')).toBe('127.0.0.1 lo 65535')
    expect(path(rig, '127.1.2.3')).toBe('127.0.0.1 lo 65535')
    expect(path(rig, '0.0.0.0')).toBe('127.0.0.1 lo 65535')
    expect(path(rig, '192.0.2.9', '192.0.2.77')).toBe(-99)
    expect(path(rig, '192.0.2.9', '127.0.0.1')).toBe(-22)
    expect(path(rig, '192.0.2.255')).toBe(-13)
    expect(path(rig, '255.255.255.255')).toBe(-13)
    expect(path(rig, '2001:db8::1')).toBe(-97)
    rig.close()
  })

  it('a frame goes to the gateway and not to the destination', () => {
    const rig = new Rig().knowPeer()
    rig.stack.addRoute({ destination: cidr('0.0.0.0/0'), gateway: PEER })
    const found = rig.stack.network.path(ip('203.0.113.1'))
    if (typeof found === 'number') throw new Error('no path')
    const frame = rig.stack.network.frame(found)!
    frame.head.bytes.set([1, 2, 3, 4], frame.start)
    frame.end += 4
    expect(found.transmit(frame, 253, { ttl: 7, trafficClass: 0x10 })).toBe(0)
    expect(readIpv4(rig.take()[0])).toMatchObject({
      destinationMac: '02:00:00:00:00:01',
      destination: '203.0.113.1',
      source: String(OURS),
      ttl: 7,
      trafficClass: 0x10,
      protocol: 253,
      dontFragment: true,
      payload: Uint8Array.of(1, 2, 3, 4),
    })
    rig.close()
  })

  it('identifications count packets on the wire, a super-frame by its segments', () => {
    const rig = new Rig().knowPeer()
    const found = rig.stack.network.path(PEER)
    if (typeof found === 'number') throw new Error('no path')
    const send = (length: number, gsoSize: number) => {
      const frame = rig.stack.network.frame(found)!
      const page = rig.stack.pages.allocate()!
      frame.end += 20
      frame.addRef(page, 0, length)
      frame.gsoSize = gsoSize
      expect(found.transmit(frame, 6)).toBe(0)
      return readIpv4(rig.take()[0]).identification
    }
    const first = send(100, 0)
    expect(send(100, 0)).toBe((first + 1) & 0xffff)
    const third = send(14480, 1448)
    expect(third).toBe((first + 2) & 0xffff)
    const next = (send(100, 0) - third) & 0xffff
    expect(next).toBeGreaterThanOrEqual(10)
    expect(next).toBeLessThanOrEqual(11)
    rig.close()
  })

  it('what is too large, or finds no room, stays the caller’s as it was', () => {
    const rig = new Rig().knowPeer()
    const found = rig.stack.network.path(PEER)
    if (typeof found === 'number') throw new Error('no path')
    const frame = rig.stack.network.frame(found)!
    const { start } = frame
    frame.end += 20
    frame.csumStart = 0
    frame.csumOffset = 16
    frame.addRef(rig.stack.pages.allocate()!, 0, 1461)
    expect(found.transmit(frame, 6)).toBe(-90)
    frame.lengths[0] = 1460
    frame.refBytes = 1460
    rig.device.room = 0
    expect(found.writable).toBe(false)
    expect(found.transmit(frame, 6)).toBe(-11)
    rig.device.room = 1
    rig.device.up = false
    expect(found.transmit(frame, 6)).toBe(-100)
    expect([frame.start, frame.csumStart, frame.refs]).toEqual([start, 0, 1])
    rig.device.up = true
    expect(found.transmit(frame, 6)).toBe(0)
    expect(rig.device.sent[0].csumStart).toBe(34)
    frame.gsoSize = 0
    rig.close()
  })

  it('a device that refuses although it seemed to have room leaves the frame as it was, too', () => {
    const rig = new Rig().knowPeer()
    const found = rig.stack.network.path(PEER)
    if (typeof found === 'number') throw new Error('no path')
    const frame = rig.stack.network.frame(found)!
    const { start } = frame
    frame.end += 20
    frame.csumStart = 4
    rig.device.room = 0
    Object.defineProperty(rig.device, 'writable', { value: true })
    expect(found.transmit(frame, 6)).toBe(-11)
    expect([frame.start, frame.csumStart, frame.transportOffset, frame.networkOffset]).toEqual([start, 4, 0, 0])
    frame.release()
    rig.close()
  })

  it('a super-frame may not be larger than any device takes', () => {
    const rig = new Rig().knowPeer()
    const found = rig.stack.network.path(PEER)
    if (typeof found === 'number') throw new Error('no path')
    const frame = rig.stack.network.frame(found)!
    frame.end += 20
    frame.gsoSize = 1448
    frame.addRef(rig.stack.pages.allocate()!, 0, GSO_MAX_SIZE - 39)
    expect(found.transmit(frame, 6)).toBe(-90)
    frame.lengths[0] = GSO_MAX_SIZE - 40
    frame.refBytes = GSO_MAX_SIZE - 40
    expect(found.transmit(frame, 6)).toBe(0)
    rig.close()
  })

  it('follows routes and addresses as they change', () => {
    const rig = new Rig().knowPeer()
    rig.stack.addRoute({ destination: cidr('0.0.0.0/0'), gateway: PEER })
    const found = rig.stack.network.path(ip('203.0.113.1'))
    if (typeof found === 'number') throw new Error('no path')
    const send = () => {
      const frame = rig.stack.network.frame(found)!
      frame.end += 8
      const result = found.transmit(frame, 253)
      if (result < 0) frame.release()
      return result
    }
    expect(send()).toBe(0)
    rig.stack.removeRoute({ destination: cidr('0.0.0.0/0') })
    expect(send()).toBe(-101)
    const second = new MemoryDevice('test1', OUR_MAC)
    second.mtu = 1400
    const port = rig.stack.addInterface({ device: second, addresses: [cidr('203.0.113.2/24')] })
    second.sent.length = 0
    rig.stack.addNeighbour(port, ip('203.0.113.1'), OUR_MAC)
    expect(send()).toBe(0)
    expect(found.interface.name).toBe('test1')
    expect(found.mtu).toBe(1400)
    expect(second.sent.length).toBe(1)
    rig.stack.removeAddress(rig.port, OURS)
    expect(send()).toBe(-99)
    rig.close()
  })

  it('addresses bring their route and take it away; the second of one network keeps it', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/24', '192.0.2.3/24'] })
    const routes = () =>
      rig.stack.routes().map(({ destination, source }) => `${destination.address}/${destination.length} ${source}`)
    expect(routes()).toEqual(['192.0.2.0/24 192.0.2.2'])
    expect(rig.stack.removeAddress(rig.port, OURS)).toBe(0)
    expect(routes()).toEqual(['192.0.2.0/24 192.0.2.3'])
    expect(rig.stack.removeAddress(rig.port, OURS)).toBe(-99)
    expect(rig.stack.removeAddress(rig.port, ip('192.0.2.3'))).toBe(0)
    expect(routes()).toEqual([])
    expect(rig.stack.network.isLocal(OURS)).toBe(false)
    rig.close()
  })

  it.each(['0.0.0.0/24', '224.0.0.1/24', '255.255.255.255/32', '192.0.2.0/24', '192.0.2.255/24', '2001:db8::1/64'])(
    '%s is no address of a host',
    (text) => {
      const rig = new Rig()
      const device = new MemoryDevice('test1', OUR_MAC)
      expect(() => rig.stack.addInterface({ device, addresses: [cidr(text)] })).toThrow(RangeError)
      expect(rig.stack.interfaces.map(({ name }) => name)).toEqual(['lo', 'test0'])
      rig.close()
    },
  )

  it('of two interfaces on one network the second takes over when the first goes', () => {
    const rig = new Rig()
    const port = rig.stack.addInterface({
      device: new MemoryDevice('test1', OUR_MAC),
      addresses: [cidr('192.0.2.3/24')],
    })
    expect(path(rig, '192.0.2.9')).toBe('192.0.2.2 test0 1500')
    rig.stack.removeInterface(rig.port)
    expect(path(rig, '192.0.2.9')).toBe('192.0.2.3 test1 1500')
    rig.stack.removeInterface(port)
    expect(path(rig, '192.0.2.9')).toBe(-101)
    rig.close()
  })

  it('/31 and /32 have no broadcast address', () => {
    const rig = new Rig({ addresses: ['192.0.2.2/31', '203.0.113.5/32'] })
    expect(path(rig, '192.0.2.3')).toBe('192.0.2.2 test0 1500')
    expect(rig.stack.routes().length).toBe(1)
    rig.close()
  })

  it('an interface that is removed takes everything along and lets later frames go', () => {
    const rig = new Rig().knowPeer()
    rig.stack.removeInterface(rig.port)
    expect(rig.stack.routes()).toEqual([])
    expect(rig.stack.neighbours()).toEqual([])
    expect(path(rig, '192.0.2.9')).toBe(-101)
    const page = rig.device.pool.allocate()!
    rig.device.receiver.onFrame(rig.device.frames.wrap(page, 0, 60), rig.time)
    rig.device.receiver.onReadable()
    rig.device.receiver.onWritable()
    rig.device.receiver.onLink(false, true)
    rig.close()
  })
})
