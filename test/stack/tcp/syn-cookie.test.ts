// SYN cookies (RFC 4987): what is put in comes out, for two minutes and for nobody else.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { COOKIE_PERIOD, codedSack, codedScale, codeOptions, SynCookies } from '../../../stack/tcp/syn-cookie.ts'

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const port = fc.integer({ min: 1, max: 65535 })
const time = fc.integer({ min: 0, max: 2 ** 52 })
const v4 = word.map((value) => IpAddress.v4(value))
const v6 = fc.tuple(word, word, word, word).map(([a, b, c, d]) => new IpAddress(6, a, b, c, d))
const pair = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6))

describe('the sequence number', () => {
  const cookies = new SynCookies(seededRandom(1))

  it('gives back the largest size of its table that is not beyond the MSS', () => {
    fc.assert(
      fc.property(pair, port, port, word, fc.integer({ min: -1, max: 65535 }), time, (two, from, to, irs, mss, now) => {
        const [local, remote] = two
        const iss = cookies.make(local, to, remote, from, irs, mss, now)
        expect(iss).toBe(iss | 0)
        const size = cookies.check(local, to, remote, from, irs, iss, now)
        const least = local.family === 4 ? 536 : 1220
        expect(size).toBeGreaterThanOrEqual(least)
        expect(size).toBeLessThanOrEqual(Math.max(mss, least))
      }),
    )
  })

  it.each([
    [-1, 536],
    [0, 536],
    [536, 536],
    [1299, 536],
    [1300, 1300],
    [1439, 1300],
    [1440, 1440],
    [1459, 1440],
    [1460, 1460],
    [8960, 1460],
  ])('an MSS of %d becomes %d over IPv4', (mss, size) => {
    const [local, remote] = [IpAddress.v4(1), IpAddress.v4(2)]
    const iss = cookies.make(local, 80, remote, 4000, 77, mss, 0)
    expect(cookies.check(local, 80, remote, 4000, 77, iss, 0)).toBe(size)
  })

  it('holds for one to two minutes', () => {
    fc.assert(
      fc.property(time, fc.integer({ min: 0, max: 600_000_000 }), (now, later) => {
        const [local, remote] = [IpAddress.v4(1), IpAddress.v4(2)]
        const iss = cookies.make(local, 80, remote, 4000, 77, 1460, now)
        const periods = Math.floor((now + later) / COOKIE_PERIOD) - Math.floor(now / COOKIE_PERIOD)
        expect(cookies.check(local, 80, remote, 4000, 77, iss, now + later)).toBe(periods < 2 ? 1460 : 0)
      }),
    )
  })

  it('is worth nothing to anybody else, and cannot be guessed', () => {
    const [local, remote] = [IpAddress.v4(1), IpAddress.v4(2)]
    const iss = cookies.make(local, 80, remote, 4000, 77, 1460, 0)
    const others: number[] = []
    const other = new SynCookies(seededRandom(2))
    others.push(other.check(local, 80, remote, 4000, 77, iss, 0))
    others.push(cookies.check(remote, 80, local, 4000, 77, iss, 0))
    for (let n = 1; n <= 1000; n++) {
      others.push(cookies.check(local, 80, remote, 4000, 77 + n, iss + n, 0))
      others.push(cookies.check(local, 80, remote, 4000, 77, iss + n, 0))
      others.push(cookies.check(local, 80, remote, 4000, 77, iss - n, 0))
      others.push(cookies.check(local, 80 + n, remote, 4000, 77, iss, 0))
      others.push(cookies.check(local, 80, remote, 4000 + n, 77, iss, 0))
      others.push(cookies.check(local, 80, IpAddress.v4(2 + n), 4000, 77, iss, 0))
      others.push(cookies.check(local, 80, remote, 4000, 77 + (n << 4), iss, 0))
      others.push(cookies.check(local, 80, remote, 4000, 77, Math.imul(n, 0x9e3779b1) + iss, 0))
    }
    expect(others.filter((size) => size !== 0)).toEqual([])
  })
})

describe('the options in a timestamp', () => {
  it('come back, and the value is never ahead of the clock and less than 64 ticks behind', () => {
    fc.assert(
      fc.property(word, fc.integer({ min: -1, max: 14 }), fc.boolean(), (ticks, scale, sack) => {
        const coded = codeOptions(ticks, scale, sack)
        expect(coded).toBe(coded | 0)
        expect(codedScale(coded)).toBe(scale)
        expect(codedSack(coded)).toBe(sack)
        const behind = (ticks - coded) | 0
        expect(behind).toBeGreaterThanOrEqual(0)
        expect(behind).toBeLessThan(64)
      }),
    )
  })

  it('never go back for one peer', () => {
    fc.assert(
      fc.property(word, fc.nat(1000), fc.integer({ min: -1, max: 14 }), fc.boolean(), (ticks, later, scale, sack) => {
        const step = (codeOptions((ticks + later) | 0, scale, sack) - codeOptions(ticks, scale, sack)) | 0
        expect(step).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  it('a shift beyond 14 is 14 (RFC 7323 2.3)', () => {
    expect(codedScale(codeOptions(0, 200, false))).toBe(14)
  })
})
