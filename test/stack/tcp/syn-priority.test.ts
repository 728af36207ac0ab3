// Who goes before others when SYNs are too many: those that come again, and hosts that have shown that they are there.

import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { SynPriority } from '../../../stack/tcp/syn-priority.ts'

const CLIENT = IpAddress.from('192.0.2.7')
const OTHER = IpAddress.from('192.0.2.8')
const PORTS = (80 << 16) | 40_000
const SECOND = 1_000_000

const fresh = () => new SynPriority(seededRandom('priority'))

/** As many SYNs as never come again, from everywhere. How many of them were favoured. */
function flood(priority: SynPriority, count: number, now: number): number {
  const random = seededRandom(`flood ${now}`)
  let favoured = 0
  for (let n = 0; n < count; n++) {
    const from = IpAddress.v4(0xc6120000 + random.below(0x2_0000))
    const ports = (80 << 16) | random.below(0x1_0000)
    if (priority.favours(from, ports, random.uint32() | 0, now)) favoured++
  }
  return favoured
}

describe('a SYN that comes again', () => {
  it.each([1, 2, 3, 4, 7])('is favoured after %i seconds', (seconds) => {
    const priority = fresh()
    const now = 1234 * SECOND
    expect(priority.favours(CLIENT, PORTS, 77, now)).toBe(false)
    expect(priority.favours(CLIENT, PORTS, 77, now + seconds * SECOND)).toBe(true)
  })

  it('is favoured each time that it comes, as Linux repeats it', () => {
    const priority = fresh()
    const times = [0, 1, 3, 7, 14.5].map((second) => priority.favours(CLIENT, PORTS, 77, second * SECOND))
    expect(times).toEqual([false, true, true, true, true])
  })

  it('is a duplicate when it comes at once, and does not begin to wait anew by that', () => {
    const priority = fresh()
    for (const now of [0, 1, 100_000, 400_000]) expect(priority.favours(CLIENT, PORTS, 77, now)).toBe(false)
    expect(priority.favours(CLIENT, PORTS, 77, 1_050_000)).toBe(true)
  })

  it.each([
    ['another host', OTHER, PORTS, 77],
    ['another port', CLIENT, PORTS + 1, 77],
    ['another sequence number', CLIENT, PORTS, 78],
    ['an IPv6 host', new IpAddress(6, 1, 2, 3, CLIENT.d), PORTS, 77],
  ])('is another one from %s', (_name, remote, ports, irs) => {
    const priority = fresh()
    priority.favours(CLIENT, PORTS, 77, 0)
    expect(priority.favours(remote, ports, irs, SECOND)).toBe(false)
  })

  it('is found again among those of a flood, and hardly one of these is taken for one', () => {
    const priority = fresh()
    const clients = Array.from({ length: 200 }, (_, n) => IpAddress.v4(0x0a000000 + n))
    for (const client of clients) priority.favours(client, PORTS, 5, 0)
    const mistaken = [0, 1, 2, 3].map((quarter) => flood(priority, 100_000, (quarter * SECOND) / 4))
    const found = clients.filter((client) => priority.favours(client, PORTS, 5, SECOND)).length
    expect(Math.max(...mistaken)).toBeLessThan(100)
    expect(found).toBeGreaterThan(100)
    expect(found).toBeLessThan(200)
  })
})

describe('a host that has completed a handshake', () => {
  it('is good for some SYNs, and for some more after the next one', () => {
    const priority = fresh()
    priority.prove(CLIENT)
    const next = (n: number) => priority.favours(CLIENT, PORTS, n, 0)
    expect([1, 2, 3, 4, 5, 6].map(next)).toEqual([true, true, true, true, false, false])
    priority.prove(CLIENT)
    priority.prove(CLIENT)
    expect(Array.from({ length: 9 }, (_, n) => next(100 + n)).filter(Boolean).length).toBe(8)
  })

  it('is good for fifteen at most, and for none of another host', () => {
    const priority = fresh()
    for (let n = 0; n < 100; n++) priority.prove(CLIENT)
    expect(priority.favours(OTHER, PORTS, 1, 0)).toBe(false)
    const next = Array.from({ length: 20 }, (_, n) => priority.favours(CLIENT, PORTS, n, 0))
    expect(next.filter(Boolean).length).toBe(15)
  })

  it('is known among thousands', () => {
    const priority = fresh()
    priority.prove(CLIENT)
    flood(priority, 50_000, 0)
    expect(priority.favours(CLIENT, PORTS, 1, 0)).toBe(true)
  })
})
