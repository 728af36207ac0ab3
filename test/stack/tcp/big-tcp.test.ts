// Super-frames above 64 KiB on a connection: used where the device takes them, watched until the first has arrived, and given up
// on a way that loses them.

import { describe, expect, it } from 'vitest'
import { advance } from '../../../stack/base/sequence.ts'
import type { TcpEndpoint, TcpListener } from '../../../stack/tcp/index.ts'
import { SegmentSize } from '../../../stack/tcp/segment-size.ts'
import { pattern } from '../../support/pattern.ts'
import { ADDRESS_B, Link, type LinkOptions } from './support/link.ts'

const MEGABYTES = 8 << 20
const LARGE = 262_144

/** Sends so many bytes from a to b, which reads them at once; gives the link, quiet again. */
function send(options: LinkOptions, total = MEGABYTES): { link: Link; largest: number; received: number } {
  const link = new Link({ delay: 200, ...options })
  const listener = link.b.tcp.listen({ address: null, port: 80 }) as TcpListener
  const client = link.a.tcp.connect(ADDRESS_B, 80) as TcpEndpoint
  const into = new Uint8Array(1 << 20)
  let received = 0
  let server: TcpEndpoint | null = null
  listener.onReadiness = () => {
    server = listener.accept() as TcpEndpoint
    server.onReadiness = () => {
      for (let n = 1; n > 0; ) {
        n = (server as TcpEndpoint).receiveInto(into, 0, into.length)
        if (n > 0) received += n
      }
    }
  }
  const bytes = pattern(0, 1 << 20)
  let sent = 0
  const push = () => {
    for (let n = 1; sent < total && n > 0; ) {
      n = client.send(bytes, 0, Math.min(bytes.length, total - sent))
      if (n > 0) sent += n
    }
    if (sent === total) client.shutdown('write')
  }
  client.onReadiness = push
  push()
  link.run(link.now + 60_000_000)
  client.close()
  ;(server as TcpEndpoint | null)?.close()
  listener.close()
  const largest = Math.max(...link.log.map(({ payload }) => payload))
  return { link, largest, received }
}

describe('a connection over a device that takes more than 64 KiB', () => {
  it('sends such super-frames, in whole segments, and loses none of its bytes', () => {
    const { link, largest, received } = send({ gsoMaxSize: LARGE })
    expect(received).toBe(MEGABYTES)
    expect(largest).toBeGreaterThan(200_000)
    expect(largest + 52).toBeLessThanOrEqual(LARGE)
    expect(largest % 1448).toBe(0)
    expect([link.a.counters.TcpRetransSegs, link.a.counters.TcpPagewireBigTcpLost]).toEqual([0, 0])
    expect(link.outstanding).toBe(0)
  })

  it('sends none of them over one that does not', () => {
    const { largest, received } = send({})
    expect(received).toBe(MEGABYTES)
    expect(largest).toBeGreaterThan(60_000)
    expect(largest + 52).toBeLessThanOrEqual(65535)
  })

  it('one segment fits however little the device takes', () => {
    const { largest, received } = send({ gsoMaxSize: 576 }, 100_000)
    expect([largest, received]).toEqual([1448, 100_000])
  })

  it('gives them up when the first is lost without a word, and gets everything across', () => {
    let lost = 0
    const { link, largest, received } = send({
      gsoMaxSize: LARGE,
      filter: ({ payload }) => {
        if (payload <= 65_483) return undefined
        lost++
        return false
      },
    })
    expect(received).toBe(MEGABYTES)
    expect(link.a.counters.TcpPagewireBigTcpLost).toBe(1)
    expect(largest).toBeGreaterThan(65_483)
    // Those that left before the loss was known.
    expect(lost).toBeLessThan(8)
    expect(link.outstanding).toBe(0)
  })

  it('keeps them when a later one is lost: that was not the size', () => {
    let large = 0
    const { link, received } = send({
      gsoMaxSize: LARGE,
      filter: ({ payload }) => (payload > 65_483 && ++large === 20 ? false : undefined),
    })
    expect(received).toBe(MEGABYTES)
    expect(large).toBeGreaterThan(22)
    expect(link.a.counters.TcpPagewireBigTcpLost).toBe(0)
  })
})

describe('a way that changes', () => {
  it('and swallows them from then on is noticed at the next timeout', () => {
    let large = 0
    let lost = 0
    const { link, received } = send(
      {
        gsoMaxSize: LARGE,
        filter: ({ payload }) => {
          if (payload <= 65_483 || ++large < 8) return undefined
          lost++
          return false
        },
      },
      4 * MEGABYTES,
    )
    expect(received).toBe(4 * MEGABYTES)
    expect(lost).toBeLessThan(16)
    expect(link.a.counters.TcpPagewireBigTcpLost).toBe(1)
  })
})

describe('what is known of large super-frames', () => {
  it('a loss before any was sent, or after one arrived, says nothing', () => {
    const size = new SegmentSize()
    expect(size.onLoss()).toBe(false)
    size.onSuperFrame(65535, 1000)
    expect(size.onLoss()).toBe(false)
    size.onSuperFrame(65536, 100_000)
    size.onAcknowledged(100_000)
    expect([size.onLoss(), size.superFrame(LARGE)]).toEqual([false, LARGE])
  })

  it('a loss in between does, across the wrap of sequence numbers', () => {
    const size = new SegmentSize()
    const end = advance(0x7fff_ff00, 70_000)
    size.onSuperFrame(70_000, end)
    size.onAcknowledged(advance(end, -1))
    expect([size.onLoss(), size.superFrame(LARGE), size.superFrame(9000)]).toEqual([true, 65535, 9000])
    // Once is enough.
    size.onSuperFrame(70_000, advance(end, 70_000))
    expect(size.onLoss()).toBe(false)
  })
})
