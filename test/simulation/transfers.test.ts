// Bulk transfers over loss x delay x reordering x buffer in virtual time. Every byte is checked; what it took is printed as a
// table and kept as a golden file, so that a change in congestion control or recovery shows as a diff.

import { expect, test } from 'vitest'
import { openTransfer, transfer } from '../support/transfer.ts'
import { twoHosts } from '../support/worlds.ts'

const MEGABYTE = 1 << 20

interface Cell {
  /** Of each way. */
  loss: number
  /** One way, milliseconds. */
  delay: number
  /** Chance of a frame to be held back by a millisecond. */
  reorder: number
  /** Of the bottleneck, frames. */
  queue: number
}

function cells(): Cell[] {
  const out: Cell[] = []
  for (const queue of [30, 300]) {
    for (const reorder of [0, 0.02]) {
      for (const delay of [1, 10, 50]) {
        for (const loss of [0, 0.002, 0.01, 0.05]) out.push({ loss, delay, reorder, queue })
      }
    }
  }
  return out
}

const HEADER = 'queue reorder delay  loss |    time  retrans  timeouts  fast  lost dropped | goodput'
const UNITS = 'frames      %    ms     % |       s segments               frames  frames |  Mbit/s'

/** One line of the table: `bytes` sent from a to b at 100 Mbit/s. */
function line(cell: Cell, bytes: number): string {
  const { loss, delay, reorder, queue } = cell
  const { simulation, wire, a, b } = twoHosts({
    rate: 100e6,
    delay: delay * 1000,
    loss,
    queue,
    reorder: { chance: reorder, delay: 1000 },
    seed: 'table',
  })
  const { time } = transfer(simulation, a, b, '192.0.2.2', { up: bytes })
  const { TcpRetransSegs, TcpExtTCPTimeouts, TcpExtTCPFastRetrans } = a.stack.counters
  const { lost, queueDropped } = wire.statistics.a
  const columns: [string | number, number][] = [
    [queue, 6],
    [(reorder * 100).toFixed(1), 7],
    [delay, 6],
    [(loss * 100).toFixed(1), 6],
    ['|', 2],
    [(time / 1e6).toFixed(3), 8],
    [TcpRetransSegs, 9],
    [TcpExtTCPTimeouts, 10],
    [TcpExtTCPFastRetrans, 6],
    [lost, 6],
    [queueDropped, 8],
    ['|', 2],
    [((bytes * 8) / time).toFixed(2), 8],
  ]
  return columns.map(([value, width]) => String(value).padStart(width)).join('')
}

test('the table of transfers', async () => {
  const rows = cells().map((cell) => line(cell, 2 * MEGABYTE))
  const table = ['2 MiB at 100 Mbit/s, CUBIC, SACK, timestamps', '', HEADER, UNITS, ...rows, ''].join('\n')
  await expect(table).toMatchFileSnapshot('../golden/transfers.txt')
}, 60_000)

test('a transfer without loss, with room in the queue, sends nothing twice', () => {
  const { simulation, wire, a, b } = twoHosts({ rate: 1e9, delay: 500 })
  const { time } = transfer(simulation, a, b, '192.0.2.2', { up: 8 * MEGABYTE })
  expect(a.stack.counters.TcpRetransSegs + b.stack.counters.TcpRetransSegs).toBe(0)
  expect(wire.statistics.a.lost + wire.statistics.a.queueDropped).toBe(0)
  // 8 MiB at 1 Gbit/s are 67 ms on the line; the start takes some round trips of 1 ms.
  expect(time).toBeLessThan(110_000)
})

test('a long fat pipe is filled: window scaling works', () => {
  const { simulation, a, b } = twoHosts({ rate: 100e6, delay: 100_000, queue: 5000 })
  const { time } = transfer(simulation, a, b, '192.0.2.2', { up: 20 * MEGABYTE })
  // 64 KiB per 200 ms would take 64 s; the line alone takes 1.7 s.
  expect(time).toBeLessThan(10e6)
}, 20_000)

test.each([
  { queue: 30, loss: 0 },
  { queue: 30, loss: 0.05 },
  { queue: 300, loss: 0.02 },
])('the window never more than doubles in a round trip, whatever an ACK covers: %j', ({ queue, loss }) => {
  const { simulation, a, b } = twoHosts({ rate: 100e6, delay: 1000, queue, loss, seed: 'table' })
  const { pipes, isDone } = openTransfer(a, b, '192.0.2.2', { up: 2 * MEGABYTE })
  let before = 10
  while (!isDone()) {
    simulation.runSync({ forMicroseconds: 2000 })
    const { cwnd } = pipes.client.endpoint.info()
    expect(cwnd).toBeLessThanOrEqual(2 * before + 10)
    before = cwnd
  }
})
