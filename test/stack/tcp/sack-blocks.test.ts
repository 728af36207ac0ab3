import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SackBlocks } from '../../../stack/tcp/sack-blocks.ts'
import { TcpOptions } from '../../../stack/wire/tcp.ts'

function told(blocks: SackBlocks, room = 4): [number, number][] {
  const options = new TcpOptions()
  const n = blocks.fill(options, room)
  return Array.from({ length: n }, (_, i) => [options.sack[2 * i], options.sack[2 * i + 1]])
}

describe('SACK blocks (RFC 2018)', () => {
  it('the newest comes first, and the oldest falls out', () => {
    const blocks = new SackBlocks()
    for (const left of [100, 300, 500, 700, 900]) blocks.add(left, left + 50)
    expect(told(blocks)).toEqual([
      [900, 950],
      [700, 750],
      [500, 550],
      [300, 350],
    ])
    expect(told(blocks, 3)).toHaveLength(3)
  })

  it('a segment that joins two makes one block, in front', () => {
    const blocks = new SackBlocks()
    blocks.add(100, 200)
    blocks.add(500, 600)
    blocks.add(300, 400)
    blocks.add(200, 300)
    expect(told(blocks)).toEqual([
      [100, 400],
      [500, 600],
    ])
  })

  it('what is acknowledged is no longer told', () => {
    const blocks = new SackBlocks()
    blocks.add(100, 200)
    blocks.add(300, 400)
    blocks.onAdvance(200)
    expect(told(blocks)).toEqual([[300, 400]])
    blocks.onAdvance(350)
    expect(told(blocks)).toEqual([[350, 400]])
    blocks.onAdvance(400)
    expect(told(blocks)).toEqual([])
  })

  it('a duplicate comes first and once (RFC 2883)', () => {
    const blocks = new SackBlocks()
    blocks.add(100, 400)
    blocks.addDuplicate(150, 200)
    const wanted = [
      [150, 200],
      [100, 400],
    ]
    expect(told(blocks)).toEqual(wanted)
    // Refused by the device: it is told again.
    expect(told(blocks)).toEqual(wanted)
    blocks.onSent()
    expect(told(blocks)).toEqual([[100, 400]])
  })

  it('never tells of what did not come, and always of the last that did', () => {
    const range = fc.tuple(fc.nat(500), fc.integer({ min: 1, max: 50 }))
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 40 }), (ranges) => {
        const blocks = new SackBlocks()
        const held = new Set<number>()
        for (const [left, length] of ranges) {
          for (let i = left; i < left + length; i++) held.add(i)
          blocks.add(left, left + length)
          const now = told(blocks)
          for (const [l, r] of now) for (let i = l; i < r; i++) if (!held.has(i)) throw new Error(`${i} never came`)
          expect(now[0][0]).toBeLessThanOrEqual(left)
          expect(now[0][1]).toBeGreaterThanOrEqual(left + length)
        }
      }),
    )
  })
})
