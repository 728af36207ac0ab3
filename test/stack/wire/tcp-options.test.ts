import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { emitOptions, optionsLength, parseOptions, TcpOptions } from '../../../stack/wire/tcp.ts'

const i32 = fc.integer({ min: -0x80000000, max: 0x7fffffff })

const generated = fc
  .record({
    mss: fc.oneof(fc.constant(-1), fc.nat(0xffff)),
    windowScale: fc.oneof(fc.constant(-1), fc.nat(255)),
    sackPermitted: fc.boolean(),
    timestamps: fc.boolean(),
    tsVal: i32,
    tsEcr: i32,
    edges: fc.array(i32, { maxLength: 8 }),
  })
  .map((fields) => {
    const options = new TcpOptions()
    const { edges, ...rest } = fields
    Object.assign(options, rest)
    if (!rest.timestamps) Object.assign(options, { tsVal: 0, tsEcr: 0 })
    options.sackBlocks = edges.length >> 1
    options.sack.set(edges.slice(0, 2 * options.sackBlocks))
    return options
  })

function emitted(options: TcpOptions): Uint8Array {
  const bytes = new Uint8Array(60).fill(0xa5)
  const length = emitOptions(options, new DataView(bytes.buffer), 0)
  expect(length).toBe(optionsLength(options))
  expect(bytes.subarray(length).every((byte) => byte === 0xa5)).toBe(true)
  return bytes.slice(0, length)
}

function options(fields: Partial<TcpOptions>, edges: number[] = []): TcpOptions {
  const out = Object.assign(new TcpOptions(), fields)
  out.sack.set(edges)
  out.sackBlocks = edges.length / 2
  return out
}

function parsed(list: number[]): { fine: boolean; out: TcpOptions } {
  const bytes = Uint8Array.from(list)
  const out = new TcpOptions()
  return { fine: parseOptions(new DataView(bytes.buffer), 0, bytes.length, out), out }
}

describe('tcp options', () => {
  it('parse(emit(x)) = x, as far as 40 bytes go; SACK blocks give way', () => {
    fc.assert(
      fc.property(generated, (original) => {
        const bytes = emitted(original)
        expect(bytes.length % 4).toBe(0)
        expect(bytes.length).toBeLessThanOrEqual(40)
        const out = new TcpOptions()
        expect(parseOptions(new DataView(bytes.buffer), 0, bytes.length, out)).toBe(true)
        expect(out.mss).toBe(original.mss)
        expect(out.windowScale).toBe(original.windowScale)
        expect(out.sackPermitted).toBe(original.sackPermitted)
        expect(out.timestamps).toBe(original.timestamps)
        if (out.timestamps) expect([out.tsVal, out.tsEcr]).toEqual([original.tsVal, original.tsEcr])
        expect(out.sackBlocks).toBeLessThanOrEqual(original.sackBlocks)
        expect([...out.sack.subarray(0, 2 * out.sackBlocks)]).toEqual([
          ...original.sack.subarray(0, 2 * out.sackBlocks),
        ])
        const one = 8
        if (out.sackBlocks < original.sackBlocks)
          expect(bytes.length + one + (out.sackBlocks ? 0 : 4)).toBeGreaterThan(40)
      }),
    )
  })

  it('noise never throws, and never reads past its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const out = new TcpOptions()
        parseOptions(new DataView(bytes.slice().buffer), 0, bytes.length, out)
        expect(out.sackBlocks).toBeLessThanOrEqual(4)
      }),
      { numRuns: 2000 },
    )
  })

  it("writes Linux's order and padding", () => {
    const syn = { mss: 1460, sackPermitted: true, windowScale: 7 }
    const times = { timestamps: true, tsVal: 0x01020304, tsEcr: 0x05060708 }
    const ts = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8]
    expect([...emitted(options({ ...syn, ...times }))]).toEqual([2, 4, 5, 0xb4, 4, 2, ...ts, 1, 3, 3, 7])
    expect([...emitted(options(syn))]).toEqual([2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7])
    expect([...emitted(options({ mss: 1460 }))]).toEqual([2, 4, 5, 0xb4])
    expect([...emitted(options(times))]).toEqual([1, 1, ...ts])
    expect([...emitted(options({}, [1, 2]))]).toEqual([1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2])
    expect([...emitted(options(times, [1, 2, 3, 4, 5, 6, 7, 8]))]).toEqual([
      ...[1, 1, ...ts, 1, 1, 5, 26],
      ...[1, 2, 3, 4, 5, 6].flatMap((edge) => [0, 0, 0, edge]),
    ])
    expect(emitted(options({}, [1, 2, 3, 4, 5, 6, 7, 8])).length).toBe(36)
    expect([...emitted(options({}))]).toEqual([])
  })

  it.each([
    ['an end of list before rubbish', [0, 2, 0, 0], true, {}],
    ['an unknown option is skipped by its length', [253, 6, 1, 2, 3, 4, 2, 4, 5, 0xb4], true, { mss: 1460 }],
    ['a length of 0 ends the list', [2, 4, 5, 0xb4, 3, 0, 7, 1], false, { mss: 1460, windowScale: -1 }],
    ['a length of 1 ends the list', [3, 1, 7, 0], false, { windowScale: -1 }],
    ['a length past the end ends the list', [2, 4, 5, 0xb4, 8, 10, 1, 2], false, { mss: 1460, timestamps: false }],
    ['a kind at the very end has no length', [1, 1, 1, 2], false, { mss: -1 }],
    ['an MSS of a wrong length is skipped', [2, 3, 5, 3, 3, 7], true, { mss: -1, windowScale: 7 }],
    ['timestamps of a wrong length are skipped', [8, 6, 1, 2, 3, 4, 1, 1], true, { timestamps: false }],
    ['a SACK of half a block is skipped', [5, 6, 1, 2, 3, 4, 1, 1], true, { sackBlocks: 0 }],
    ['an empty SACK is skipped', [5, 2, 1, 1], true, { sackBlocks: 0 }],
    ['a window scale above 14 is reported as it is', [3, 3, 200, 1], true, { windowScale: 200 }],
    ['an MSS of 0 is reported as it is', [2, 4, 0, 0], true, { mss: 0 }],
    ['the last of two counts', [2, 4, 1, 0, 2, 4, 2, 0], true, { mss: 512 }],
  ])('%s', (_name, list, fine, expected) => {
    const result = parsed(list)
    expect(result.fine).toBe(fine)
    expect(result.out).toMatchObject(expected)
  })

  it('forgets what stood in the record before', () => {
    const out = options({ mss: 1, windowScale: 2, sackPermitted: true, timestamps: true }, [1, 2])
    const bytes = Uint8Array.of(1, 1, 1, 1)
    parseOptions(new DataView(bytes.buffer), 0, 4, out)
    expect(out).toMatchObject({ mss: -1, windowScale: -1, sackPermitted: false, timestamps: false, sackBlocks: 0 })
  })
})
