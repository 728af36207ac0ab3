import { describe, expect, it } from 'vitest'
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EINVAL,
  ENOTCONN,
  EPIPE,
} from '../../../stack/base/errno.ts'
import {
  ACKNOWLEDGED,
  ERROR,
  HANGUP,
  READ_HANGUP,
  READABLE,
  type TcpEndpoint,
  type TcpListener,
  type TcpState,
  WRITABLE,
} from '../../../stack/tcp/index.ts'
import { FIN, RST } from '../../../stack/wire/tcp.ts'
import { pattern } from '../../support/pattern.ts'
import { ADDRESS_A, ADDRESS_B, Link, type LinkOptions } from './support/link.ts'
import { emptyRef } from './support/pools.ts'

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
  link.runFor(10_000)
  const server = listener.accept()
  if (!server) throw new Error('not connected')
  return { link, client, server, listener }
}

const send = (endpoint: TcpEndpoint, length: number): number => endpoint.send(pattern(0, length), 0, length)

/** What is still out when both stacks are closed. */
function leftBehind(link: Link): number {
  link.a.tcp.shutdown(0)
  link.b.tcp.shutdown(0)
  link.run()
  return link.outstanding
}

/** Brings the client into a state, with data under way and unread in both directions where that can be. */
const WAYS: Record<Exclude<TcpState, 'CLOSED' | 'LISTEN' | 'SYN-RECEIVED'>, () => Pair> = {
  'SYN-SENT': () => {
    const link = new Link({ filter: () => false })
    const client = link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint
    link.runFor(10_000)
    return { link, client, server: client, listener: link.b.tcp.listen({ address: null, port: 80 }) as TcpListener }
  },
  ESTABLISHED: () => {
    const pair = connected()
    send(pair.client, 300_000)
    send(pair.server, 300_000)
    pair.link.runFor(1500)
    return pair
  },
  'FIN-WAIT-1': () => {
    let lost = false
    const pair = connected({ filter: () => (lost ? false : undefined) })
    lost = true
    send(pair.client, 5000)
    pair.client.shutdown('write')
    pair.link.runFor(5000)
    return pair
  },
  'FIN-WAIT-2': () => {
    const pair = connected()
    send(pair.server, 100_000)
    pair.client.shutdown('write')
    pair.link.runFor(50_000)
    return pair
  },
  'CLOSE-WAIT': () => {
    const pair = connected()
    send(pair.server, 100_000)
    pair.server.shutdown('write')
    pair.link.runFor(50_000)
    send(pair.client, 100_000)
    return pair
  },
  CLOSING: () => {
    // Both FINs cross; the acknowledgment of ours is lost.
    let lost = false
    const pair = connected({
      filter: ({ from, flags }) => (lost && from === 'b' && (flags & FIN) === 0 ? false : undefined),
    })
    lost = true
    pair.client.shutdown('write')
    pair.server.shutdown('write')
    pair.link.runFor(3000)
    return pair
  },
  'LAST-ACK': () => {
    let lost = false
    const pair = connected({ filter: () => (lost ? false : undefined) })
    pair.server.shutdown('write')
    pair.link.runFor(50_000)
    lost = true
    send(pair.client, 1000)
    pair.client.shutdown('write')
    pair.link.runFor(5000)
    return pair
  },
  'TIME-WAIT': () => {
    const pair = connected()
    send(pair.server, 1000)
    pair.client.shutdown('write')
    pair.link.runFor(50_000)
    pair.server.shutdown('write')
    pair.link.runFor(50_000)
    return pair
  },
}

describe('nothing is left behind', () => {
  for (const [state, reach] of Object.entries(WAYS)) {
    for (const how of ['close', 'abort', 'left to the stack'] as const) {
      it(`${state}, ${how}`, () => {
        const { link, client } = reach()
        expect(client.state).toBe(state)
        if (how === 'close') client.close()
        else if (how === 'abort') client.abort()
        link.runFor(1_000_000)
        expect(leftBehind(link)).toBe(0)
        expect([...link.a.tcp.endpoints()]).toEqual([])
        expect(link.a.counters.TcpCurrEstab).toBe(0)
        expect(link.a.tcp.timeWaits).toBe(0)
        expect(link.a.heap.next()).toBe(Number.POSITIVE_INFINITY)
      })
    }
  }

  it('of what waits in an accept queue, half-open or whole', () => {
    const link = new Link({ filter: ({ from, flags }) => (from === 'b' && flags & FIN ? undefined : undefined) })
    const listener = link.b.tcp.listen({ address: null, port: 80, backlog: 2 }) as TcpListener
    const clients = Array.from({ length: 5 }, () => link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint)
    link.runFor(10_000)
    for (const client of clients) send(client, 1000)
    link.runFor(10_000)
    expect([listener.acceptQueue, listener.synQueue]).toEqual([3, 2])
    listener.close()
    link.runFor(10_000)
    expect(clients.map((client) => client.takeError())).toEqual(Array(5).fill(ECONNRESET))
    expect(leftBehind(link)).toBe(0)
  })
})

describe('calls', () => {
  it('answer by the state', () => {
    const { link, client, server } = connected()
    const bytes = new Uint8Array(10)
    const out = emptyRef()
    expect([client.receive(100, out), client.receiveInto(bytes, 0, 10)]).toEqual([-EAGAIN, -EAGAIN])
    expect(client.shutdown('write')).toBe(0)
    expect(send(client, 10)).toBe(-EPIPE)
    link.runFor(10_000)
    expect(server.receive(100, out)).toBe(0)
    server.abort()
    link.runFor(10_000)
    expect(client.state).toBe('CLOSED')
    expect(client.readiness()).toBe(READABLE | WRITABLE | ERROR | HANGUP | READ_HANGUP)
    expect(client.receive(100, out)).toBe(-ECONNRESET)
    expect([client.receive(100, out), client.takeError(), send(client, 1)]).toEqual([0, 0, -EPIPE])
    expect(client.shutdown('both')).toBe(-ENOTCONN)
    expect(leftBehind(link)).toBe(0)
  })

  it('throw at misuse', () => {
    const { link, client } = connected()
    const bytes = new Uint8Array(10)
    expect(() => client.send(bytes, 5, 6)).toThrow(RangeError)
    expect(() => client.send(bytes, -1, 1)).toThrow(RangeError)
    expect(() => client.receiveInto(bytes, 0, 11)).toThrow(RangeError)
    expect(() => client.receive(0, emptyRef())).toThrow(RangeError)
    expect(client.setOption('ttl', 300)).toBe(-EINVAL)
    expect(leftBehind(link)).toBe(0)
  })

  it('connect and listen say what is wrong', () => {
    const link = new Link()
    const { tcp } = link.a
    expect(tcp.connect(ADDRESS_B, 0)).toBe(-EINVAL)
    expect(tcp.connect(ADDRESS_B, 65536)).toBe(-EINVAL)
    expect(tcp.connect(ADDRESS_B, 80, { options: { keepCount: 0 } })).toBe(-EINVAL)
    const first = tcp.connect(ADDRESS_B, 80, { localPort: 5000 }) as TcpEndpoint
    expect(first.localPort).toBe(5000)
    expect(tcp.connect(ADDRESS_B, 80, { localPort: 5000 })).toBe(-EADDRINUSE)
    expect(typeof tcp.connect(ADDRESS_B, 81, { localPort: 5000 })).toBe('object')
    expect(tcp.listen({ address: ADDRESS_B, port: 80 })).toBe(-EADDRNOTAVAIL)
    expect(tcp.listen({ address: null, port: 80, backlog: 0 })).toBe(-EINVAL)
    expect(tcp.listen({ address: null, port: -1 })).toBe(-EINVAL)
    const listener = tcp.listen({ address: ADDRESS_A, port: 80 }) as TcpListener
    expect(tcp.listen({ address: ADDRESS_A, port: 80 })).toBe(-EADDRINUSE)
    expect(tcp.listen({ address: null, port: 80 })).toBe(-EADDRINUSE)
    const anywhere = tcp.listen({ address: null, port: 0 }) as TcpListener
    expect(anywhere.localPort).toBeGreaterThanOrEqual(32768)
    expect([...tcp.listeners()]).toEqual([listener, anywhere])
    listener.close()
    expect(typeof tcp.listen({ address: null, port: 80 })).toBe('object')
    expect(leftBehind(link)).toBe(0)
  })

  it('a refused connection says so', () => {
    const link = new Link()
    const client = link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint
    const told: number[] = []
    client.onReadiness = (events) => told.push(events)
    link.runFor(10_000)
    expect([client.state, client.takeError()]).toEqual(['CLOSED', ECONNREFUSED])
    expect(told).toEqual([READABLE | WRITABLE | ERROR | HANGUP | READ_HANGUP])
    expect(link.a.counters).toMatchObject({ TcpAttemptFails: 1, TcpActiveOpens: 1 })
    expect(leftBehind(link)).toBe(0)
  })

  it('an unreachable neighbour ends an attempt, and is soft on a connection', () => {
    const { link, client } = connected()
    ;(client as unknown as { onTransmitError(errno: number): void }).onTransmitError(EHOSTUNREACH)
    expect([client.state, client.takeError()]).toEqual(['ESTABLISHED', 0])
    const attempt = link.a.tcp.connect(ADDRESS_B, 81) as TcpEndpoint
    ;(attempt as unknown as { onTransmitError(errno: number): void }).onTransmitError(EHOSTUNREACH)
    expect([attempt.state, attempt.takeError()]).toEqual(['CLOSED', EHOSTUNREACH])
    expect(leftBehind(link)).toBe(0)
  })
})

describe('callbacks', () => {
  it('come from dispatch only, with the bits that are new', () => {
    const { link, client, server } = connected()
    const told: number[] = []
    client.onReadiness = (events) => told.push(events)
    link.runFor(1)
    told.length = 0
    send(server, 100)
    expect(told).toEqual([])
    link.runFor(10_000)
    expect(told).toEqual([READABLE])
    send(client, 100)
    link.runFor(10_000)
    expect(told).toEqual([READABLE, ACKNOWLEDGED])
    server.shutdown('write')
    link.runFor(10_000)
    expect(told.slice(2)).toEqual([READABLE | READ_HANGUP])
    expect(leftBehind(link)).toBe(0)
  })

  it('what happened before somebody listened is told then', () => {
    const { link, client, server } = connected()
    send(client, 100)
    link.runFor(10_000)
    const told: number[] = []
    server.onReadiness = (events) => told.push(events)
    expect(told).toEqual([])
    link.runFor(1)
    expect(told).toHaveLength(1)
    expect(told[0] & READABLE).toBe(READABLE)
    expect(leftBehind(link)).toBe(0)
  })

  it('an exception in one reaches the poller after all others were told', () => {
    const { link, client, server } = connected()
    const second = link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint
    link.runFor(10_000)
    const told: string[] = []
    client.onReadiness = () => {
      throw new Error('from the first')
    }
    second.onReadiness = () => told.push('second')
    expect(() => link.a.poll()).toThrow('from the first')
    expect(told).toEqual(['second'])
    server.abort()
    client.onReadiness = null
    expect(leftBehind(link)).toBe(0)
  })

  it('none comes after close', () => {
    const { link, client, server } = connected()
    let told = 0
    client.onReadiness = () => told++
    link.runFor(1)
    told = 0
    send(server, 100)
    client.close()
    link.runFor(1_000_000)
    expect(told).toBe(0)
    expect(leftBehind(link)).toBe(0)
  })

  it('a writer that found the buffer full is told when a third is free', () => {
    const { link, client } = connected({ a: { sendBuffer: 30_000 } })
    const told: number[] = []
    client.onReadiness = (events) => told.push(events & WRITABLE)
    link.runFor(1)
    told.length = 0
    expect(send(client, 40_000)).toBe(30_000)
    expect([send(client, 1), client.sendSpace]).toEqual([-EAGAIN, 0])
    link.runFor(20_000)
    expect(told.filter((bit) => bit !== 0)).toHaveLength(1)
    expect(client.sendSpace).toBeGreaterThanOrEqual(10_000)
    expect(leftBehind(link)).toBe(0)
  })

  it('a writer that found no page is told when there is one', () => {
    const { link, client } = connected({ pages: 2, cut: true })
    const told: number[] = []
    expect(send(client, 200_000)).toBe(131_072)
    expect(send(client, 10)).toBe(-EAGAIN)
    client.onReadiness = (events) => told.push(events & WRITABLE)
    link.runFor(100_000)
    expect(told.some((bit) => bit !== 0)).toBe(true)
    expect(send(client, 10)).toBe(10)
    link.runFor(100_000)
    expect(leftBehind(link)).toBe(0)
  })
})

describe('references', () => {
  it('are sent as they are and let go when acknowledged', () => {
    const { link, client, server } = connected()
    const page = link.a.pages.allocate()
    if (!page) throw new Error('no page')
    page.bytes.set(pattern(0, 50_000))
    expect(client.sendPage(page.retain(), 0, 50_000)).toBe(50_000)
    expect(client.bytesQueued).toBe(50_000)
    expect(page.count).toBeGreaterThan(1)
    link.runFor(100_000)
    expect([server.receiveQueued, client.bytesAcknowledged]).toEqual([50_000, 50_000])
    const bytes = new Uint8Array(50_000)
    expect(server.receiveInto(bytes, 0, 50_000)).toBe(50_000)
    expect(bytes).toEqual(pattern(0, 50_000))
    expect(page.count).toBe(1)
    expect(link.a.counters.TcpPagewireCopiedOut).toBe(0)
    page.release()
    expect(leftBehind(link)).toBe(0)
  })

  it('that do not fit stay the caller’s', () => {
    const { link, client } = connected({ a: { sendBuffer: 60_000 } })
    const page = link.a.pages.allocate()
    if (!page) throw new Error('no page')
    expect(client.sendPage(page.retain(), 0, 40_000)).toBe(40_000)
    expect(client.sendPage(page, 0, 40_000)).toBe(-EAGAIN)
    page.release()
    expect(leftBehind(link)).toBe(0)
  })

  it('many small ones leave in whole segments', () => {
    const { link, client, server } = connected({ a: { noDelay: true } })
    const page = link.a.pages.allocate()
    if (!page) throw new Error('no page')
    page.bytes.set(pattern(0, 60_000))
    // Backwards in the page, so that no two can be joined.
    for (let i = 0; i < 300; i++) client.sendPage(page.retain(), (i % 2) * 30_000 + i * 50, 50)
    page.release()
    const first = link.log.length
    link.runFor(100_000)
    expect(server.receiveQueued).toBe(15_000)
    const sizes = link.log.slice(first).filter(({ from, payload }) => from === 'a' && payload > 0)
    expect(Math.max(...sizes.map(({ payload }) => payload))).toBe(17 * 50)
    expect(leftBehind(link)).toBe(0)
  })
})

describe('close', () => {
  it('with unread data resets', () => {
    const { link, client, server } = connected()
    send(server, 100)
    link.runFor(10_000)
    client.close()
    link.runFor(10_000)
    expect(link.log.at(-1)?.flags).toBe(RST | 0x10)
    expect([server.takeError(), link.a.counters.TcpExtTCPAbortOnClose]).toEqual([ECONNRESET, 1])
    expect(leftBehind(link)).toBe(0)
  })

  it('with linger 0 resets and drops what was queued', () => {
    const { link, client, server } = connected()
    client.setOption('linger', 0)
    send(client, 100)
    client.close()
    link.runFor(10_000)
    expect([server.receiveQueued, server.takeError()]).toEqual([0, ECONNRESET])
    expect(leftBehind(link)).toBe(0)
  })

  it('with linger n sends what it can in that time, then resets', () => {
    let lost = false
    const { link, client, server } = connected({
      filter: () => (lost ? false : undefined),
    })
    link.runFor(100_000_000)
    client.setOption('linger', 5_000_000)
    lost = true
    send(client, 100)
    client.close()
    link.runFor(4_900_000)
    expect(client.state).toBe('FIN-WAIT-1')
    // The RST is beyond what came: it is asked to prove itself, and does (RFC 5961).
    lost = false
    link.runFor(200_000)
    expect([client.state, server.takeError(), link.a.counters.TcpExtTCPAbortOnLinger]).toEqual([
      'CLOSED',
      ECONNRESET,
      1,
    ])
    expect(leftBehind(link)).toBe(0)
  })

  it('data that comes after it resets', () => {
    const { link, client, server } = connected()
    client.close()
    link.runFor(10_000)
    expect(server.state).toBe('CLOSE-WAIT')
    send(server, 100)
    link.runFor(10_000)
    expect([server.takeError(), link.a.counters.TcpExtTCPAbortOnData]).toEqual([EPIPE, 1])
    expect(leftBehind(link)).toBe(0)
  })

  it('an orphan in FIN-WAIT-2 is let go after its time', () => {
    const { link, client } = connected()
    client.setOption('finWait2', 10_000_000)
    client.close()
    link.runFor(9_000_000)
    expect(client.state).toBe('FIN-WAIT-2')
    link.runFor(2_000_000)
    expect([client.state, [...link.a.tcp.endpoints()].length]).toEqual(['CLOSED', 0])
    expect(leftBehind(link)).toBe(0)
  })

  it('what was received is there to be read after a reset', () => {
    const { link, client, server } = connected()
    send(server, 100)
    link.runFor(10_000)
    server.abort()
    link.runFor(10_000)
    const bytes = new Uint8Array(200)
    expect([client.receiveInto(bytes, 0, 200), client.receiveInto(bytes, 0, 200)]).toEqual([100, -ECONNRESET])
    expect(leftBehind(link)).toBe(0)
  })

  it('shutdown of reading throws away what comes, and the peer may go on', () => {
    const { link, client, server } = connected({ a: { receiveBuffer: 20_000 } })
    client.shutdown('read')
    for (let i = 0; i < 20; i++) {
      expect(send(server, 10_000)).toBe(10_000)
      link.runFor(50_000)
    }
    expect([server.bytesAcknowledged, client.receiveQueued, client.receive(1, emptyRef())]).toEqual([200_000, 0, 0])
    expect(leftBehind(link)).toBe(0)
  })
})

describe('options on a living connection', () => {
  it('noDelay and uncork push what Nagle and the cork hold', () => {
    const { link, client, server } = connected()
    send(client, 100)
    send(client, 0)
    link.runFor(100)
    send(client, 50)
    link.runFor(100)
    expect(client.info().notSent).toBe(50)
    client.setOption('noDelay', true)
    link.runFor(100)
    expect(client.info().notSent).toBe(0)
    client.setOption('cork', true)
    send(client, 10)
    link.runFor(50_000)
    expect(client.info().notSent).toBe(10)
    client.setOption('cork', false)
    link.runFor(10_000)
    expect(server.receiveQueued).toBe(160)
    client.setOption('cork', true)
    send(client, 10)
    link.runFor(199_000)
    expect(client.info().notSent).toBe(10)
    link.runFor(5000)
    expect(server.receiveQueued).toBe(170)
    expect(leftBehind(link)).toBe(0)
  })

  it('the choice of congestion control, the send buffer and the largest segment', () => {
    const { link, client } = connected()
    expect(client.info().congestion).toBe('cubic')
    client.setOption('congestion', 'reno')
    client.setOption('maxSegment', 1000)
    client.setOption('sendBuffer', 5000)
    expect(client.info()).toMatchObject({ congestion: 'reno', sndMss: 988 })
    expect([client.sendSpace, client.getOption('maxSegment'), send(client, 6000)]).toEqual([5000, 1000, 5000])
    expect(leftBehind(link)).toBe(0)
  })

  it('a user timeout ends a connection that takes nothing', () => {
    let lost = false
    const { link, client } = connected({ a: { userTimeout: 3_000_000 }, filter: () => (lost ? false : undefined) })
    link.runFor(60_000_000)
    lost = true
    send(client, 10)
    link.runFor(2_900_000)
    expect(client.state).toBe('ESTABLISHED')
    link.runFor(5_000_000)
    expect(client.state).toBe('CLOSED')
    expect(leftBehind(link)).toBe(0)
  })
})
