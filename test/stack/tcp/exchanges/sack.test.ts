// SACK on the receiving side (RFC 2018 4) and DSACK (RFC 2883): what is reported, in which order, in how much room.

import { describe, expect, test } from 'vitest'
import { established, LINUX_SYN } from '../../../support/worlds.ts'

const SACK = { syn: { mss: 1460, sackOK: true } }
const BOTH = { syn: LINUX_SYN }

/** Bytes [from, to) of the peer's stream as edges: its first byte is number 1. */
const bytes = (from: number, to: number): [number, number] => [1 + from, 1 + to]

type World = ReturnType<typeof established>

function sends({ peer }: World, from: number, to: number): void {
  peer.sends({ flags: '.', seq: 1 + from, ack: 1, length: to - from })
}

describe('SACK', () => {
  test('out-of-order data is acknowledged at once, each time, with the newest block first', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 1000, 2000)
    peer.expects({ flags: '.', ack: 1, optionOrder: 'nop,nop,sack', options: { sack: [bytes(1000, 2000)] } })
    sends(world, 3000, 4000)
    peer.expects({ flags: '.', ack: 1, options: { sack: [bytes(3000, 4000), bytes(1000, 2000)] } })
    sends(world, 5000, 6000)
    peer.expects({ ack: 1, options: { sack: [bytes(5000, 6000), bytes(3000, 4000), bytes(1000, 2000)] } })
    // An older block grows: it is the newest now.
    sends(world, 2000, 2500)
    peer.expects({ ack: 1, options: { sack: [bytes(1000, 2500), bytes(5000, 6000), bytes(3000, 4000)] } })
  })

  test('a hole that is filled between two blocks makes them one', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 1000, 2000)
    sends(world, 3000, 4000)
    peer.ignoreReceived()
    sends(world, 2000, 3000)
    peer.expects({ ack: 1, options: { sack: [bytes(1000, 4000)] } })
    sends(world, 0, 1000)
    peer.expects({ ack: 4001, options: { sack: null } })
    expect(world.connection.readAll()).toBe(4000)
  })

  test('a hole that is filled in part moves the left edge; the rest is still reported', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 1000, 2000)
    sends(world, 3000, 4000)
    peer.ignoreReceived()
    sends(world, 0, 1000)
    peer.expects({ ack: 2001, options: { sack: [bytes(3000, 4000)] } })
    sends(world, 2000, 3000)
    peer.expects({ ack: 4001, options: { sack: null } })
  })

  test('four blocks fit without timestamps, three with', () => {
    for (const [options, room] of [
      [SACK, 4],
      [BOTH, 3],
    ] as const) {
      const world = established(options)
      for (let n = 1; n <= 6; n++) sends(world, n * 2000, n * 2000 + 1000)
      const last = world.peer.ignoreReceived().at(-1)
      const newest = [6, 5, 4, 3].slice(0, room).map((n) => bytes(n * 2000, n * 2000 + 1000))
      expect(last?.options.sack).toEqual(newest)
      expect(last?.optionOrder).toBe(options === BOTH ? 'nop,nop,TS,nop,nop,sack' : 'nop,nop,sack')
    }
  })

  test('each block is reported at least as often as there is room for it', () => {
    const world = established(SACK)
    const reported = new Map<number, number>()
    for (let n = 1; n <= 12; n++) sends(world, n * 2000, n * 2000 + 1000)
    for (const { options } of world.peer.ignoreReceived()) {
      for (const [left] of options.sack ?? []) reported.set(left, (reported.get(left) ?? 0) + 1)
    }
    for (let n = 1; n <= 9; n++) expect(reported.get(1 + n * 2000)).toBeGreaterThanOrEqual(4)
  })

  test('data of ours carries the blocks too', () => {
    const world = established(SACK)
    sends(world, 1000, 2000)
    world.peer.ignoreReceived()
    world.connection.write(100)
    world.peer.expects({ seq: 1, length: 100, ack: 1, options: { sack: [bytes(1000, 2000)] } })
  })

  test('a full segment of ours with SACK blocks still fits the MTU', () => {
    const world = established(BOTH)
    for (let n = 1; n <= 3; n++) sends(world, n * 2000, n * 2000 + 1000)
    world.peer.ignoreReceived()
    world.connection.write(1460)
    const seen = world.peer.ignoreReceived()
    expect(seen.reduce((sum, { length }) => sum + length, 0)).toBe(1460)
    expect(world.wire.a.statistics.tx_errors).toBe(0)
  })

  test('without SACK-permitted there are no blocks', () => {
    const world = established()
    sends(world, 1000, 2000)
    world.peer.expects({ flags: '.', ack: 1, optionOrder: '' })
  })
})

describe('DSACK', () => {
  test('a segment that was had already', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 0, 1000)
    peer.ignoreReceived()
    sends(world, 0, 1000)
    peer.expects({ flags: '.', ack: 1001, options: { sack: [bytes(0, 1000)] } })
  })

  test('only once: the next ACK does not repeat it', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 0, 1000)
    sends(world, 0, 1000)
    peer.ignoreReceived()
    sends(world, 2000, 3000)
    peer.expects({ ack: 1001, options: { sack: [bytes(2000, 3000)] } })
  })

  test('a part that was had already', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 0, 1000)
    peer.ignoreReceived()
    sends(world, 500, 1500)
    const { options, ack } = peer.expectsWithin('40ms', { flags: '.' })
    expect(ack).toBe(1501)
    // Linux reports it, the RFC asks for it; the right edge is where the known part ends.
    expect(options.sack).toEqual([bytes(500, 1000)])
  })

  test('out of order: the duplicate comes first, then the block that holds it', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 1000, 2000)
    sends(world, 2000, 3000)
    peer.ignoreReceived()
    sends(world, 1500, 2200)
    peer.expects({ ack: 1, options: { sack: [bytes(1500, 2200), bytes(1000, 3000)] } })
  })

  test('the other blocks follow in their order', () => {
    const world = established(SACK)
    const { peer } = world
    sends(world, 0, 100)
    sends(world, 1000, 2000)
    sends(world, 3000, 4000)
    peer.ignoreReceived()
    sends(world, 0, 100)
    peer.expects({ ack: 101, options: { sack: [bytes(0, 100), bytes(3000, 4000), bytes(1000, 2000)] } })
  })
})
