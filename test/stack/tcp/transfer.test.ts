import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../../drivers/random.ts'
import type { PageRef } from '../../../stack/buffer/page.ts'
import {
  HANGUP,
  READABLE,
  type Readiness,
  type TcpEndpoint,
  type TcpListener,
  WRITABLE,
} from '../../../stack/tcp/index.ts'
import { pattern, patternMismatch } from '../../support/pattern.ts'
import { ADDRESS_B, Link, type LinkOptions } from './support/link.ts'

interface Pair {
  link: Link
  client: TcpEndpoint
  server: TcpEndpoint
  listener: TcpListener
}

function connected(options: LinkOptions = {}): Pair {
  const link = new Link(options)
  const listener = link.b.tcp.listen({ address: null, port: 80 }) as TcpListener
  const client = link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint
  let server: TcpEndpoint | null = null
  listener.onReadiness = () => {
    server = listener.accept()
  }
  link.run(link.now + 10_000_000)
  if (!server) throw new Error('not connected')
  return { link, client, server, listener }
}

/** Sends `total` bytes of the pattern as fast as the endpoint takes them, then shuts down. */
function pump(endpoint: TcpEndpoint, total: number, chunk = 65536): void {
  let sent = 0
  const push = (): void => {
    while (sent < total) {
      const bytes = pattern(sent, Math.min(chunk, total - sent))
      const n = endpoint.send(bytes, 0, bytes.length)
      if (n < 0) return
      sent += n
    }
    endpoint.shutdown('write')
  }
  endpoint.onReadiness = (events) => {
    if (events & WRITABLE && sent < total) push()
  }
  push()
}

/** Reads everything and checks it against the pattern. */
function sink(endpoint: TcpEndpoint): { received: number; ended: boolean; wrong: number } {
  const state = { received: 0, ended: false, wrong: -1 }
  const out: PageRef = { page: null as never, offset: 0, length: 0 }
  const drain = (): void => {
    for (;;) {
      const n = endpoint.receive(1 << 20, out)
      if (n <= 0) {
        if (n === 0) state.ended = true
        return
      }
      const wrong = patternMismatch(out.page.bytes.subarray(out.offset, out.offset + n), state.received)
      if (wrong >= 0 && state.wrong < 0) state.wrong = wrong
      state.received += n
      out.page.release()
    }
  }
  endpoint.onReadiness = (events) => {
    if (events & READABLE) drain()
  }
  drain()
  return state
}

function finish(pair: Pair): void {
  pair.client.close()
  pair.server.close()
  pair.listener.close()
  pair.link.run()
  pair.link.a.tcp.shutdown(0)
  pair.link.b.tcp.shutdown(0)
  pair.link.run()
  expect(pair.link.outstanding).toBe(0)
}

describe('a transfer between two layers', () => {
  it('connects, and both ends agree on everything', () => {
    const pair = connected()
    expect(pair.client.state).toBe('ESTABLISHED')
    expect(pair.server.state).toBe('ESTABLISHED')
    const info = pair.client.info()
    expect(info).toMatchObject({ sndMss: 1448, timestamps: true, sack: true, rcvScale: 7, sndScale: 7, cwnd: 10 })
    finish(pair)
  })

  for (const cut of [false, true]) {
    it(`carries 4 MiB in ${cut ? 'segments' : 'super-frames'} without a retransmission`, () => {
      const pair = connected({ cut })
      const total = 4 << 20
      const state = sink(pair.server)
      pump(pair.client, total)
      pair.link.run(pair.link.now + 60_000_000)
      expect(state).toEqual({ received: total, ended: true, wrong: -1 })
      expect(pair.link.a.counters.TcpRetransSegs).toBe(0)
      expect(pair.link.b.counters.TcpExtTCPOFOQueue).toBe(0)
      finish(pair)
    })
  }

  for (const loss of [0.01, 0.05, 0.2]) {
    for (const sack of [true, false]) {
      it(`carries 1 MiB through ${loss * 100} % loss and reordering ${sack ? 'with' : 'without'} SACK`, () => {
        const random = seededRandom(7)
        const pair = connected({
          cut: true,
          a: { sack },
          filter: () => {
            if (random.below(1000) < loss * 1000) return false
            if (random.below(100) === 0) return 'double'
            return random.below(50) === 0 ? 3000 : undefined
          },
        })
        const total = 1 << 20
        const state = sink(pair.server)
        pump(pair.client, total)
        pair.link.run(pair.link.now + 3600_000_000)
        expect(state).toEqual({ received: total, ended: true, wrong: -1 })
        finish(pair)
      })
    }
  }

  it('sends both ways at once and closes both', () => {
    const pair = connected({ cut: true })
    const total = 1 << 20
    const there = sink(pair.server)
    const back = sink(pair.client)
    pumpBoth(pair.client, there, total)
    pumpBoth(pair.server, back, total)
    pair.link.run(pair.link.now + 30_000_000)
    expect(there).toEqual({ received: total, ended: true, wrong: -1 })
    expect(back).toEqual({ received: total, ended: true, wrong: -1 })
    expect(pair.client.readiness() & HANGUP).toBe(HANGUP)
    expect(pair.server.readiness() & HANGUP).toBe(HANGUP)
    finish(pair)
  })

  it('holds back when nobody reads, and goes on when somebody does', () => {
    const pair = connected()
    const total = 16 << 20
    pump(pair.client, total)
    pair.link.run(pair.link.now + 5_000_000)
    // To a unit of the window's scale.
    expect(pair.server.receiveQueued - (6 << 20)).toBeLessThan(128)
    expect(pair.server.receiveQueued).toBeGreaterThanOrEqual(6 << 20)
    expect(pair.client.info().limitedBy).toBe('receive-window')
    const state = sink(pair.server)
    pair.link.run(pair.link.now + 30_000_000)
    expect(state).toEqual({ received: total, ended: true, wrong: -1 })
    finish(pair)
  })

  it('waits for a device without room and goes on when it has some', () => {
    const pair = connected()
    const total = 1 << 20
    const state = sink(pair.server)
    pair.link.a.room = 3
    pump(pair.client, total)
    pair.link.run(pair.link.now + 100_000)
    expect(state.received).toBeLessThan(total)
    expect(pair.client.info().limitedBy).toBe('device')
    pair.link.a.room = null
    pair.link.a.tcp.onWritable()
    pair.link.run(pair.link.now + 30_000_000)
    expect(state).toEqual({ received: total, ended: true, wrong: -1 })
    finish(pair)
  })
})

function tell(readiness: Readiness | null, events: number): void {
  if (typeof readiness === 'function') readiness(events)
  else readiness?.onReadiness(events)
}

function pumpBoth(endpoint: TcpEndpoint, other: { received: number }, total: number): void {
  const read = endpoint.onReadiness
  pump(endpoint, total)
  const write = endpoint.onReadiness
  endpoint.onReadiness = (events) => {
    tell(write, events)
    tell(read, events)
  }
  expect(other.received).toBeLessThanOrEqual(total)
}
