import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { type Bound, PortTable } from '../../../stack/udp/port-table.ts'

const ip = (text: string | null) => (text === null ? null : IpAddress.from(text))
const bound = (local: string | null, remote: string | null = null, remotePort = 0): Bound => ({
  localAddress: ip(local),
  localPort: 9,
  remoteAddress: ip(remote),
  remotePort,
})

describe('the table of ports', () => {
  const any = bound(null)
  const ours = bound('192.0.2.2')
  const peer = bound(null, '192.0.2.1', 5)
  const both = bound('192.0.2.2', '192.0.2.1', 5)
  const other = bound('192.0.2.2', '192.0.2.1', 6)

  function find(among: Bound[], destination = '192.0.2.2', source = '192.0.2.1', sourcePort = 5): Bound | null {
    const table = new PortTable<Bound>(seededRandom(1))
    for (const endpoint of among) table.add(endpoint)
    return table.find(IpAddress.from(destination), 9, IpAddress.from(source), sourcePort)
  }

  it('peer and address, peer, address, any: in this order, in whatever order they came', () => {
    const ranked = [both, peer, ours, any]
    for (let i = 0; i < ranked.length; i++) {
      const rest = ranked.slice(i)
      expect(find(rest)).toBe(rest[0])
      expect(find([...rest].reverse())).toBe(rest[0])
      expect(find([other, ...rest])).toBe(rest[0])
    }
  })

  it('who has another address or another peer does not get it', () => {
    expect(find([ours], '192.0.2.3')).toBe(null)
    expect(find([peer], '192.0.2.2', '192.0.2.1', 6)).toBe(null)
    expect(find([peer], '192.0.2.2', '192.0.2.9')).toBe(null)
    expect(find([any], '192.0.2.3', '192.0.2.9', 77)).toBe(any)
  })

  it('forgets who is removed', () => {
    const table = new PortTable<Bound>(seededRandom(1))
    table.add(any)
    expect(table.isTaken(null, 9)).toBe(true)
    table.remove(any)
    table.remove(any)
    expect(table.isTaken(null, 9)).toBe(false)
    expect(table.findAll(IpAddress.from('192.0.2.2'), 9, IpAddress.from('192.0.2.1'), 5)).toEqual([])
  })
})
