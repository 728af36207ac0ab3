import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import { plainMemory } from '../../../drivers/wire/memory.ts'
import { DeadlineHeap } from '../../../stack/base/deadlines.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { type Frame, FramePool } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import type { StackContext } from '../../../stack/context.ts'
import { Counters } from '../../../stack/counters.ts'
import type { Neighbour } from '../../../stack/link/neighbour.ts'
import { NeighbourCache, type NeighbourOptions, type NeighbourProtocol } from '../../../stack/link/neighbour-cache.ts'
import { VALID } from '../../../stack/link/neighbour-state.ts'

/** A cache for any family, with a protocol that only notes what it is asked to do. */
class Bench implements NeighbourProtocol {
  now = 0
  room = true
  readonly asked: { address: string; unicast: boolean; at: number }[] = []
  readonly released: Frame[] = []
  readonly frames: FramePool
  readonly pages: PagePool
  readonly context: StackContext
  readonly cache: NeighbourCache

  constructor(options?: Partial<NeighbourOptions>) {
    const headers = new PagePool(plainMemory(), { pageSize: 256, slab: 64, limit: 4096 })
    this.pages = headers
    this.frames = new FramePool(headers)
    const bench = this
    this.context = {
      environment: { clock: { now: () => this.now }, random: seededRandom('cache'), log: () => {} },
      heap: new DeadlineHeap(),
      frames: this.frames,
      pages: headers,
      counters: new Counters(),
      behind: false,
      get now() {
        return bench.now
      },
      requestPoll() {},
    }
    this.cache = new NeighbourCache(this.context, this, 'bench', options)
  }

  solicit(neighbour: Neighbour, unicast: boolean): void {
    this.asked.push({ address: String(neighbour.address), unicast, at: this.now })
  }

  release(_neighbour: Neighbour, frame: Frame): boolean {
    if (!this.room) return false
    this.released.push(frame)
    frame.release()
    return true
  }

  frame(): Frame {
    const frame = this.frames.allocate(64)
    if (!frame) throw new Error('out of frames')
    return frame
  }

  advance(to: number): void {
    for (let next = this.context.heap.next(); next <= to; next = this.context.heap.next()) {
      this.now = Math.max(next, this.now)
      this.context.heap.expire(this.now)
    }
    this.now = to
  }
}

describe('the neighbour cache', () => {
  it('serves IPv6 as it serves IPv4, also addresses that share a hash', () => {
    const bench = new Bench()
    const first = new IpAddress(6, 0, 0, 1, 0)
    const second = new IpAddress(6, 0, 0, 0, 31)
    expect(first.hash()).toBe(second.hash())
    const a = bench.cache.resolve(first)
    const b = bench.cache.resolve(second)
    expect(a).not.toBe(b)
    expect(bench.cache.find(first)).toBe(a)
    expect(bench.cache.find(second)).toBe(b)
    bench.cache.remove(a as Neighbour, 0)
    expect(bench.cache.find(first)).toBe(null)
    expect(bench.cache.find(second)).toBe(b)
    expect(bench.cache.size).toBe(1)
  })

  it('tells the owners of frames that waited in vain, once each, after the frame is gone', () => {
    const bench = new Bench()
    const neighbour = bench.cache.resolve(IpAddress.from('fe80::1')) as Neighbour
    const told: number[] = []
    for (let i = 0; i < 3; i++) {
      const frame = bench.frame()
      frame.owner = { onTransmitError: (errno) => told.push(errno) }
      expect(bench.cache.use(neighbour, frame, bench.now)).toBe(false)
    }
    bench.advance(3_000_000)
    expect(told).toEqual([113, 113, 113])
    expect(bench.frames.outstanding).toBe(0)
    expect(bench.asked.map(({ at }) => at)).toEqual([0, 1_000_000, 2_000_000])
  })

  it('an owner may try again from within', () => {
    const bench = new Bench()
    const neighbour = bench.cache.resolve(IpAddress.from('192.0.2.1')) as Neighbour
    let tries = 0
    const owner = {
      onTransmitError: () => {
        tries++
        if (tries < 3) send()
      },
    }
    const send = () => {
      const frame = bench.frame()
      frame.owner = owner
      bench.cache.use(neighbour, frame, bench.now)
    }
    send()
    bench.advance(20_000_000)
    expect(tries).toBe(3)
    expect(bench.asked.length).toBe(9)
    expect(bench.frames.outstanding).toBe(0)
  })

  it('holds its bounds and leaks nothing, whatever happens in whatever order', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('use' as const), host: fc.nat(9) }),
      fc.record({ kind: fc.constant('answer' as const), host: fc.nat(9), mac: fc.nat(3), ours: fc.boolean() }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(40_000) }),
      fc.record({ kind: fc.constant('confirm' as const), host: fc.nat(9) }),
      fc.record({ kind: fc.constant('room' as const), room: fc.boolean() }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bench = new Bench({ unresolvedBytes: 1000, gcThresholds: [2, 4, 6] })
        let used = 0
        let sentAtOnce = 0
        for (const action of steps) {
          const address = 'host' in action ? IpAddress.v4(0xc0000200 + action.host) : null
          if (action.kind === 'use' && address) {
            const neighbour = bench.cache.resolve(address)
            if (!neighbour) continue
            used++
            const frame = bench.frame()
            neighbour.used = bench.now
            if (bench.cache.use(neighbour, frame, bench.now)) {
              expect(neighbour.state & VALID).not.toBe(0)
              frame.release()
              sentAtOnce++
            }
          } else if (action.kind === 'answer' && address) {
            const known = bench.cache.learn(address)
            if (known) bench.cache.update(known, 2, action.mac, action.ours, true, bench.now)
          } else if (action.kind === 'wait') bench.advance(bench.now + action.ms * 1000)
          else if (action.kind === 'confirm' && address) bench.cache.find(address)?.confirm(bench.now)
          else if (action.kind === 'room') {
            bench.room = action.room
            if (bench.room) bench.cache.onWritable()
          }
          expect(bench.cache.size).toBeLessThanOrEqual(6)
          for (const neighbour of bench.cache.list()) expect(neighbour.pendingBytes).toBeLessThanOrEqual(1000)
          for (const neighbour of bench.cache.list()) {
            if (bench.room && (neighbour.state & VALID) !== 0) expect(neighbour.pending.length).toBe(0)
          }
        }
        expect(sentAtOnce + bench.released.length).toBeLessThanOrEqual(used)
        bench.cache.clear(0, false)
        expect(bench.frames.outstanding).toBe(0)
        expect(bench.pages.outstanding).toBe(0)
        expect(bench.context.heap.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
