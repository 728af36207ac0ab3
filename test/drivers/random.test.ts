// Seeded streams: the same for the same seed on every engine, and forks that do not shift each other.

import { describe, expect, test } from 'vitest'
import { hostRandom, seededRandom } from '../../drivers/random.ts'
import type { Random } from '../../stack/base/environment.ts'

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32())

describe('seededRandom', () => {
  test('the numbers of a seed are kept for ever: captures and golden files hang on them', () => {
    expect(draw(seededRandom(1), 4)).toMatchInlineSnapshot(`
      [
        1034578073,
        2674943381,
        1273671824,
        3793210981,
      ]
    `)
  })

  test('a seed given as a number and as text is the same seed', () => {
    expect(draw(seededRandom(42), 8)).toEqual(draw(seededRandom('42'), 8))
    expect(draw(seededRandom(42), 8)).not.toEqual(draw(seededRandom(43), 8))
  })

  test('a fork depends on the seed and the name, not on what was drawn', () => {
    const fresh = seededRandom('x')
    const used = seededRandom('x')
    draw(used, 100)
    expect(draw(used.fork('a'), 8)).toEqual(draw(fresh.fork('a'), 8))
    expect(draw(fresh.fork('a').fork('b'), 8)).toEqual(draw(used.fork('a').fork('b'), 8))
    expect(draw(fresh.fork('a'), 8)).not.toEqual(draw(fresh.fork('b'), 8))
    expect(draw(fresh.fork('a'), 8)).not.toEqual(draw(fresh.fork('a').fork('a'), 8))
    expect(draw(fresh, 8)).toEqual(draw(seededRandom('x'), 8))
  })
})

describe.each([
  ['seededRandom', () => seededRandom('either')],
  ['hostRandom', () => hostRandom()],
])('%s', (_name, make) => {
  test('below: in range, all values come, without a visible bias', () => {
    const random = make()
    const seen = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) seen[random.below(10)]++
    // Ten cells of 2000 each: chi-squared with 9 degrees of freedom is above 50 once in ten million runs.
    const chi = seen.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0)
    expect(chi).toBeLessThan(50)
    expect(random.below(1)).toBe(0)
    expect(random.below(0x1_0000_0000)).toBeLessThan(0x1_0000_0000)
    for (const bound of [0, -1, 1.5, 0x1_0000_0001, Number.NaN]) expect(() => random.below(bound)).toThrow(RangeError)
  })

  test('every bit of uint32 is set about half of the time', () => {
    const random = make()
    const ones = new Array<number>(32).fill(0)
    for (const value of draw(random, 4000)) for (let bit = 0; bit < 32; bit++) ones[bit] += (value >>> bit) & 1
    for (const count of ones) expect(Math.abs(count - 2000)).toBeLessThan(250)
  })

  test('fill: all bytes, any length', () => {
    const random = make()
    for (const length of [0, 1, 3, 4, 5, 1000]) {
      const bytes = new Uint8Array(length)
      random.fill(bytes)
      if (length === 1000) expect(new Set(bytes).size).toBeGreaterThan(200)
    }
  })

  test('a fork is another stream', () => {
    const random = make()
    expect(draw(random.fork('child'), 8)).not.toEqual(draw(random, 8))
  })
})
