// Transfers under every kind of trouble that a wire can make, with every combination of options and offloads: the bytes
// are right at both ends, nothing leaks, nothing throws.

import { describe, expect, test } from 'vitest'
import type { WireOptions } from '../../drivers/wire/index.ts'
import type { TcpOptions } from '../../stack/tcp/contract.ts'
import { openTransfer, transfer } from '../support/transfer.ts'
import { expectNothingHeld, twoHosts } from '../support/worlds.ts'

const SIZE = 400_000

const TROUBLE: Record<string, WireOptions> = {
  nothing: {},
  loss: { loss: 0.03, delay: 2000 },
  'loss of ACKs only': { b: { loss: 0.3 }, delay: 2000 },
  duplication: { duplicate: 0.1, delay: 2000 },
  reordering: { reorder: { chance: 0.2, delay: 3000 }, delay: 2000 },
  corruption: { corrupt: 0.02, delay: 2000 },
  'a tiny queue': { rate: 20e6, queue: 4, delay: 5000 },
  'a tiny ring': { a: { ringSize: 18, lineRate: 50e6 }, b: { ringSize: 18, lineRate: 50e6 }, delay: 1000 },
  padding: { pad: true, delay: 100 },
  'jumbo frames': { mtu: 9000, delay: 500, loss: 0.02 },
  'small frames': { mtu: 576, delay: 500, loss: 0.01 },
  everything: {
    loss: 0.02,
    duplicate: 0.02,
    corrupt: 0.02,
    reorder: { chance: 0.05, delay: 4000 },
    rate: 50e6,
    queue: 50,
    delay: 3000,
    pad: true,
  },
}

const OPTIONS: Record<string, Partial<TcpOptions>> = {
  'all options': {},
  'no options': { timestamps: false, sack: false, windowScaling: false },
  'no SACK': { sack: false },
  'small buffers': { sendBuffer: 20_000, receiveBuffer: 16_000 },
  reno: { congestion: 'reno', timestamps: false },
}

describe.each(Object.entries(TROUBLE))('%s', (_name, wireOptions) => {
  test.each(Object.entries(OPTIONS))('%s, both directions at once', (_what, options) => {
    const { simulation, a, b } = twoHosts({ seed: 5, ...wireOptions })
    const shared = { options, serverOptions: options }
    const result = transfer(simulation, a, b, '192.0.2.2', { up: SIZE, down: SIZE / 2, ...shared })
    expect(result.client.sink.read).toBe(SIZE / 2)
    expect(result.server.sink.read).toBe(SIZE)
  })
})

describe('offloads', () => {
  test.each([true, { scatterGather: true }, { txChecksum: true }, { scatterGather: true, txChecksum: true }])(
    'a wire that offers %j carries the same bytes',
    (offload) => {
      const { simulation, a, b } = twoHosts({ offload, delay: 1000, loss: 0.01, corrupt: 0.01 })
      transfer(simulation, a, b, '192.0.2.2', { up: SIZE, down: SIZE })
    },
  )

  test('super-frames pass a wire that offers them, and not one that does not', () => {
    const frames = (offload: boolean) => {
      const { simulation, wire, a, b } = twoHosts({ offload, delay: 100 })
      transfer(simulation, a, b, '192.0.2.2', { up: SIZE })
      return wire.statistics.a.sent
    }
    const without = frames(false)
    expect(without).toBeGreaterThan(SIZE / 1460)
    expect(frames(true)).toBeLessThan(without / 3)
  })

  test('features are switched while traffic runs', () => {
    const { simulation, a, b } = twoHosts({ offload: true, delay: 1000, rate: 100e6 })
    const random = simulation.random('switches')
    const names = ['tso', 'sg', 'tx', 'rx', 'gso'] as const
    for (let i = 1; i < 40; i++) {
      simulation.at(i * 2000, () => {
        const host = random.below(2) === 0 ? a : b
        host.nic?.features.set({ [names[random.below(names.length)]]: random.below(2) === 0 })
      })
    }
    transfer(simulation, a, b, '192.0.2.2', { up: 2 * SIZE, down: SIZE })
  })
})

test('the carrier goes and comes back: connections survive', () => {
  const { simulation, wire, a, b } = twoHosts({ delay: 1000, rate: 20e6 })
  for (const [down, up] of [
    [30_000, 100_000],
    [400_000, 1_900_000],
  ]) {
    simulation.at(down, () => wire.setLink(false))
    simulation.at(up, () => wire.setLink(true))
  }
  const { time } = transfer(simulation, a, b, '192.0.2.2', { up: 2 * SIZE })
  expect(time).toBeGreaterThan(100_000)
})

test('many connections share a bottleneck: all of them finish', () => {
  const { simulation, a, b } = twoHosts({ delay: 5000, rate: 50e6, queue: 100 })
  const open = Array.from({ length: 40 }, (_, i) =>
    openTransfer(a, b, '192.0.2.2', { port: 1000 + i, up: 100_000, down: 1000 }),
  )
  simulation.runSync({ condition: () => open.every(({ isDone }) => isDone()), forMicroseconds: 600e6 })
  for (const { pipes } of open) {
    expect(pipes.server?.sink.read).toBe(100_000)
    expect(pipes.client.sink.read).toBe(1000)
    expect(pipes.client.sink.error).toBe('')
  }
})

test('a reader that is slow holds the sender back, and loses nothing', () => {
  const { simulation, a, b } = twoHosts({ delay: 1000 })
  const { pipes, isDone } = openTransfer(a, b, '192.0.2.2', {
    up: 300_000,
    options: { sendBuffer: 30_000 },
    serverOptions: { receiveBuffer: 20_000 },
  })
  simulation.runSync({ condition: () => pipes.server !== null })
  const server = pipes.server
  if (!server) throw new Error('no connection')
  server.endpoint.onReadiness = null
  let highest = 0
  const readSlowly = () => {
    highest = Math.max(highest, server.endpoint.receiveQueued)
    server.pump()
    simulation.after(20_000, readSlowly)
  }
  readSlowly()
  simulation.runSync({ condition: isDone, forMicroseconds: 600e6 })
  expect(server.sink.read).toBe(300_000)
  expect(highest).toBeGreaterThan(5000)
  expect(highest).toBeLessThanOrEqual(20_000)
  expect(a.stack.counters.TcpRetransSegs).toBe(0)
})

test('both ends die in the middle of everything: nothing is left behind', () => {
  const { simulation, a, b } = twoHosts({ delay: 2000, loss: 0.05, rate: 50e6 })
  const open = Array.from({ length: 10 }, (_, i) =>
    openTransfer(a, b, '192.0.2.2', { port: 2000 + i, up: 1e6, down: 1e6 }),
  )
  simulation.runSync({ forMicroseconds: 200_000 })
  for (const [i, { pipes, listener }] of open.entries()) {
    if (i % 2 === 0) pipes.client.endpoint.abort()
    else pipes.server?.endpoint.abort()
    listener.close()
  }
  simulation.runSync({ forMicroseconds: 2e6 })
  for (const { pipes } of open) {
    pipes.client.endpoint.close()
    pipes.server?.endpoint.close()
  }
  simulation.runSync({ forMicroseconds: 3000e6 })
  for (const host of [a, b]) {
    expect([...host.stack.tcp.endpoints()]).toEqual([])
    expectNothingHeld(host)
  }
})
