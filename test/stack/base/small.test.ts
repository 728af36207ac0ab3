import { constants } from 'node:os'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as errno from '../../../stack/base/errno.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import * as sequence from '../../../stack/base/sequence.ts'
import { Thrown } from '../../../stack/base/thrown.ts'

describe('MAC addresses', () => {
  it('parse(format(x)) = x and read(write(x)) = x', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.integer({ min: -0x80000000, max: 0x7fffffff }), (high, low) => {
        const mac = new MacAddress(high, low)
        expect(String(mac)).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/)
        expect(MacAddress.parse(String(mac))?.equals(mac)).toBe(true)
        expect(MacAddress.parse(String(mac).replaceAll(':', '-').toUpperCase())?.equals(mac)).toBe(true)
        const view = new DataView(new ArrayBuffer(8))
        mac.write(view, 1)
        expect(MacAddress.read(view, 1).equals(mac)).toBe(true)
        expect([...new Uint8Array(view.buffer, 1, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')).toBe(
          String(mac),
        )
      }),
    )
  })

  it.each(['', '02:00:00:00:00', '02:00:00:00:00:00:00', '2:0:0:0:0:1', '02:00:00:00:00:0g', ' 02:00:00:00:00:01'])(
    '%j is none',
    (text) => {
      expect(MacAddress.parse(text)).toBe(null)
    },
  )

  it('group and broadcast', () => {
    expect(MacAddress.broadcast.isBroadcast && MacAddress.broadcast.isGroup).toBe(true)
    const multicast = MacAddress.parse('01:00:5e:00:00:01')
    expect([multicast?.isGroup, multicast?.isBroadcast]).toEqual([true, false])
    expect(MacAddress.parse('02:00:00:00:00:01')?.isGroup).toBe(false)
  })
})

describe('sequence numbers (RFC 9293 3.4)', () => {
  it('compare by the shorter way round, as big integers do', () => {
    const word = fc.integer({ min: -0x80000000, max: 0x7fffffff })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const forward = Number((BigInt(a) - BigInt(b)) & 0xffffffffn)
        fc.pre(forward !== 0x80000000)
        const isAfter = forward !== 0 && forward < 0x80000000
        expect(sequence.after(a, b)).toBe(isAfter)
        expect(sequence.before(a, b)).toBe(forward !== 0 && !isAfter)
        expect(sequence.notBefore(a, b)).toBe(isAfter || a === b)
        expect(sequence.notAfter(a, b)).toBe(!isAfter)
        expect(sequence.latest(a, b)).toBe(isAfter || a === b ? a : b)
        expect(sequence.advance(b, sequence.distance(a, b))).toBe(a)
      }),
    )
  })
})

describe('errno', () => {
  it('numbers and names are those of Linux', () => {
    const ours = Object.entries(errno).filter(([, value]) => typeof value === 'number') as [string, number][]
    expect(ours.length).toBeGreaterThan(30)
    for (const [name, value] of ours) {
      const theirs = (constants.errno as Record<string, number>)[name]
      if (theirs !== undefined) expect([name, value]).toEqual([name, theirs])
      expect(errno.errnoName(value)).toBe(name)
      expect(errno.errnoName(-value)).toBe(name)
    }
    expect(errno.errnoName(9999)).toBe('E9999')
  })
})

describe('what callbacks threw', () => {
  it('nothing, one, several', () => {
    const thrown = new Thrown()
    thrown.rethrow()
    const first = new Error('first')
    thrown.add(first)
    expect(() => thrown.rethrow()).toThrow(first)
    thrown.rethrow()
    thrown.add(first)
    thrown.add('second')
    expect(() => thrown.rethrow()).toThrow(AggregateError)
    thrown.rethrow()
  })
})
