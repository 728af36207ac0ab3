// The checks of createHost's options: each mistake is named before anything is opened.

import { describe, expect, it } from 'vitest'
import { checkOptions, formatCidr, type HostOptions } from '../../../drivers/host/options.ts'
import { createWire, Simulation } from '../../../drivers/wire/index.ts'

const device = createWire(new Simulation()).a
const good: HostOptions = { device, addresses: ['192.0.2.2/24'] }

describe('options of createHost', () => {
  it('takes a TAP by name or by options, and a port', () => {
    expect(checkOptions({ tap: 'pw0', addresses: ['192.0.2.2/24'] }).interfaces[0].tap).toEqual({ name: 'pw0' })
    const tap = { name: 'pw1', vnetHeader: false }
    expect(checkOptions({ tap, addresses: ['192.0.2.2/24'] }).interfaces[0].tap).toBe(tap)
    expect(checkOptions(good).interfaces[0].device).toBe(device)
  })

  it('gives the kernel the gateway by default, with the prefix that it lies in', () => {
    const { interfaces } = checkOptions({ ...good, gateway: '192.0.2.1' })
    expect(interfaces[0].kernel && formatCidr(interfaces[0].kernel)).toBe('192.0.2.1/24')
    expect(checkOptions(good).interfaces[0].kernel).toBeNull()
    const own = checkOptions({ ...good, gateway: '192.0.2.1', kernel: '192.0.2.9' }).interfaces[0].kernel
    expect(own && formatCidr(own)).toBe('192.0.2.9/24')
    const wide = checkOptions({ ...good, kernel: '198.51.100.1/30' }).interfaces[0].kernel
    expect(wide && formatCidr(wide)).toBe('198.51.100.1/30')
  })

  it('takes several interfaces, whose gateway may be on any', () => {
    const other = createWire(new Simulation(), { a: { name: 'other' } }).a
    const { interfaces, gateway } = checkOptions({
      interfaces: [
        { device, addresses: ['192.0.2.2/24'] },
        { device: other, addresses: ['198.51.100.2/24', '203.0.113.1/32'], mac: '02:00:00:00:00:07' },
      ],
      gateway: '198.51.100.1',
    })
    expect(interfaces.map((each) => each.addresses.length)).toEqual([1, 2])
    expect(interfaces[1].mac?.toString()).toBe('02:00:00:00:00:07')
    expect(String(gateway)).toBe('198.51.100.1')
    expect(interfaces[0].kernel).toBeNull()
  })

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /needs an object/],
    ['limits that are none', { ...good, limits: 64 }, /limits must be an object/],
    [
      'a limit of no pages',
      { ...good, limits: { transmitPages: 0 } },
      /limits\.transmitPages must be a number of pages/,
    ],
    ['a limit that is no number', { ...good, limits: { headerPages: '9' } }, /limits\.headerPages must be a number/],
    ['neither tap nor device', { addresses: ['192.0.2.2/24'] }, /either tap or device/],
    ['both', { ...good, tap: 'pw0' }, /either tap or device/],
    ['a tap without a name', { tap: {}, addresses: ['192.0.2.2/24'] }, /tap must be the name/],
    ['a device that is none', { device: {}, addresses: ['192.0.2.2/24'] }, /not a port/],
    ['no addresses', { device }, /addresses must be a list/],
    ['an empty list', { device, addresses: [] }, /addresses must be a list/],
    ['no address', { device, addresses: ['192.0.2.256/24'] }, /not an address with its prefix.*192\.0\.2\.256/],
    ['a number', { device, addresses: [7] }, /not an address with its prefix/],
    ['no prefix', { device, addresses: ['192.0.2.2'] }, /lacks the length of its prefix/],
    ['0.0.0.0', { device, addresses: ['0.0.0.0/24'] }, /unspecified/],
    ['loopback', { device, addresses: ['127.0.0.1/8'] }, /loopback/],
    ['multicast', { device, addresses: ['224.0.0.1/24'] }, /multicast/],
    ['the network', { device, addresses: ['192.0.2.0/24'] }, /network itself/],
    ['its broadcast', { device, addresses: ['192.0.2.255/24'] }, /broadcast/],
    ['a prefix of nothing', { device, addresses: ['192.0.2.2/0'] }, /length 0/],
    ['a gateway that is none', { ...good, gateway: 'router' }, /gateway: not an address: router/],
    ['a gateway elsewhere', { ...good, gateway: '198.51.100.1' }, /on none of the links \(192\.0\.2\.2\/24\)/],
    ['a gateway that is the host', { ...good, gateway: '192.0.2.2' }, /own addresses/],
    ['a kernel end that is none', { ...good, kernel: 'x' }, /kernel: not an address/],
    ['a kernel end that is the host', { ...good, kernel: '192.0.2.2/24' }, /own addresses/],
    ['a kernel end elsewhere', { ...good, kernel: '198.51.100.1' }, /on none of the links/],
    ['a MAC that is none', { ...good, mac: '02:00' }, /mac: not a hardware address/],
    ['a group MAC', { ...good, mac: '01:00:5e:00:00:01' }, /group/],
    ['a MAC of zeros', { ...good, mac: '00:00:00:00:00:00' }, /all zero/],
    ['both forms', { ...good, interfaces: [good] }, /not both/],
    ['no interfaces', { interfaces: [] }, /list of at least one/],
    ['a name twice', { interfaces: [good, good] }, /two interfaces/],
  ])('refuses %s', (_what, options, message) => {
    expect(() => checkOptions(options as HostOptions)).toThrow(message)
    expect(() => checkOptions(options as HostOptions)).toThrow(TypeError)
  })

  it('takes both addresses of a /31 and the one of a /32', () => {
    expect(checkOptions({ device, addresses: ['192.0.2.0/31', '192.0.2.9/32'] }).interfaces[0].addresses).toHaveLength(
      2,
    )
  })
})
