import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import type { TcpEndpoint, TcpListener, TcpOptions } from '../../../stack/tcp/index.ts'
import { pattern, patternMismatch } from '../../support/pattern.ts'
import { ADDRESS_B, Link } from './support/link.ts'
import { emptyRef } from './support/pools.ts'

/** What an application may do to one of its endpoints at any time. */
const action = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('send' as const), n: fc.integer({ min: 1, max: 100_000 }) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('send' as const), n: fc.integer({ min: 1, max: 900 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('sendPage' as const), n: fc.integer({ min: 1, max: 60_000 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('receive' as const), n: fc.integer({ min: 1, max: 200_000 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('shutdown' as const), n: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), n: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const), n: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('option' as const), n: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('room' as const), n: fc.nat(5) }) },
)

const OPTIONS: [keyof TcpOptions, TcpOptions[keyof TcpOptions]][] = [
  ['noDelay', true],
  ['cork', true],
  ['cork', false],
  ['linger', 0],
  ['linger', 2_000_000],
  ['receiveBuffer', 4096],
  ['receiveBuffer', 1 << 20],
  ['maxSegment', 500],
  ['congestion', 'reno'],
  ['noDelay', true],
]

const step = fc.record({
  side: fc.nat(1),
  which: fc.nat(3),
  wait: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2_000_000 })),
  action,
})

/** An endpoint and what its application knows of its streams. */
class Life {
  readonly endpoint: TcpEndpoint
  sent = 0
  received = 0
  /** The application let go of it, or shut a direction. */
  ended = false

  constructor(endpoint: TcpEndpoint) {
    this.endpoint = endpoint
  }

  act(link: Link, side: 'a' | 'b', what: string, n: number): void {
    const { endpoint } = this
    const host = link[side]
    if (what === 'send') {
      const taken = endpoint.send(pattern(this.sent, n), 0, n)
      if (taken > 0) this.sent += taken
    } else if (what === 'sendPage') {
      const page = host.pages.allocate()
      if (!page) return
      page.bytes.set(pattern(this.sent, n))
      if (endpoint.sendPage(page, 0, n) === n) this.sent += n
      else page.release()
    } else if (what === 'receive') {
      this.receive(n)
    } else if (what === 'shutdown') {
      this.ended = true
      endpoint.shutdown((['read', 'write', 'both'] as const)[n])
    } else if (what === 'close') {
      this.ended = true
      endpoint.close()
    } else if (what === 'abort') {
      this.ended = true
      endpoint.abort()
    } else if (what === 'option') {
      const [name, value] = OPTIONS[n]
      expect(endpoint.setOption(name, value as never)).toBe(0)
    } else {
      host.room = n === 0 ? null : n
      host.tcp.onWritable()
    }
  }

  /** Takes at most `n` bytes and checks them. How many. */
  receive(n: number): number {
    const out = emptyRef()
    const taken = this.endpoint.receive(n, out)
    if (taken <= 0) return 0
    const wrong = patternMismatch(out.page.bytes.subarray(out.offset, out.offset + taken), this.received)
    out.page.release()
    if (wrong >= 0) throw new Error(`byte ${wrong} is wrong`)
    this.received += taken
    return taken
  }
}

/** Both ends of connections that nobody ended get all that was sent, in the end. */
function expectDelivered(link: Link, lives: [Life[], Life[]]): number {
  const whole: [Life, Life][] = []
  for (const client of lives[0]) {
    const server = lives[1].find(({ endpoint }) => endpoint.remotePort === client.endpoint.localPort)
    if (server && !server.ended && !client.ended && client.endpoint.state === 'ESTABLISHED')
      whole.push([client, server])
  }
  for (let i = 0; i < 400; i++) {
    for (const life of whole.flat()) while (life.receive(1 << 20) > 0);
    link.runFor(1_000_000)
  }
  let delivered = 0
  for (const [client, server] of whole) {
    // A cork may hold what is less than a segment for as long as 200 ms, not longer.
    if (client.endpoint.state !== 'ESTABLISHED' || server.endpoint.state !== 'ESTABLISHED') continue
    expect([server.received, client.received]).toEqual([client.sent, server.sent])
    delivered++
  }
  return delivered
}

describe('whatever applications do and the network does', () => {
  it('every byte is right, nothing is thrown, everything ends, and nothing is left', () => {
    let delivered = 0
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 5, maxLength: 60 }),
        fc.integer({ min: 0, max: 30 }),
        fc.boolean(),
        fc.boolean(),
        fc.nat(),
        (steps, loss, cut, sack, seed) => {
          const random = seededRandom(seed)
          const link = new Link({
            cut,
            a: { sack, retries: 15, synRetries: 6 },
            b: { timestamps: sack },
            filter: () => {
              if (random.below(100) < loss) return false
              if (random.below(30) === 0) return 'double'
              return random.below(20) === 0 ? random.below(20_000) : undefined
            },
          })
          const listener = link.b.tcp.listen({ address: null, port: 80, backlog: 2 }) as TcpListener
          const lives: [Life[], Life[]] = [[], []]
          for (let i = 0; i < 3; i++) lives[0].push(new Life(link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint))
          for (const { side, which, wait, action: what } of steps) {
            link.runFor(wait)
            for (let next = listener.accept(); next !== null; next = listener.accept()) lives[1].push(new Life(next))
            lives[side][which]?.act(link, side === 0 ? 'a' : 'b', what.do, what.n)
          }
          link.a.room = null
          link.b.room = null
          link.a.tcp.onWritable()
          link.b.tcp.onWritable()
          delivered += expectDelivered(link, lives)
          listener.close()
          for (const life of lives.flat()) life.endpoint.close()
          // Longer than any retransmission and TIME-WAIT of these options.
          link.runFor(2 * 3600 * 1_000_000)
          expect([...link.a.tcp.endpoints(), ...link.b.tcp.endpoints()]).toEqual([])
          expect([link.a.tcp.timeWaits, link.b.tcp.timeWaits]).toEqual([0, 0])
          expect([link.a.counters.TcpCurrEstab, link.b.counters.TcpCurrEstab]).toEqual([0, 0])
          expect(link.outstanding).toBe(0)
        },
      ),
      { numRuns: 150, seed: 20 },
    )
    expect(delivered).toBeGreaterThan(30)
  }, 120_000)
})
