// Bare acknowledgments that come in one burst: of those that a later one makes needless only the later goes up; whatever
// says something of its own goes up too, in its order.

import { describe, expect, it } from 'vitest'
import type { Frame } from '../../stack/buffer/frame.ts'
import { type Card, card, leaks } from './support/card.ts'
import { finish } from './support/oracle.ts'
import { bytesOf, PacketLab, type PacketShape } from './support/packets.ts'

const ACK = 0x10
const TIMESTAMPS = [1, 1, 8, 10]

interface Bare extends PacketShape {
  ack: number
  window?: number
  /** TSval; without it the segment has no options. */
  at?: number
  /** Other option bytes in the place of the timestamps'. */
  options?: number[]
}

/** A bare acknowledgment as bytes; `payload` makes it none. */
function bare({ ack, window = 500, at, options, ...shape }: Bare, payload = 0): Uint8Array {
  const lab = new PacketLab()
  const tcpOptions = options ? options.length : at === undefined ? 0 : 12
  const { frame, whole, layout } = lab.packet({
    partial: false,
    flags: ACK,
    tcpOptions,
    ...shape,
    pieces: payload ? [payload] : [],
  })
  frame.release()
  const view = new DataView(whole.buffer, whole.byteOffset)
  const tcp = layout.transportOffset
  view.setUint32(tcp + 8, ack)
  view.setUint16(tcp + 14, window)
  if (options) whole.set(options, tcp + 20)
  else if (at !== undefined) {
    whole.set(TIMESTAMPS, tcp + 20)
    view.setUint32(tcp + 24, at)
  }
  return finish(whole, layout)
}

function pass(world: Card, frames: Uint8Array[]): Frame[] {
  world.port.arrive(...frames.map((bytes) => world.lab.received(bytes)))
  world.nic.poll(frames.length + 1, 1)
  return world.receiver.frames.splice(0)
}

/** Which of the frames went up. */
function survivors(frames: Uint8Array[]): number[] {
  const world = card()
  const up = pass(world, frames)
  const hex = frames.map((bytes) => Buffer.from(bytes).toString('hex'))
  const out = up.map((frame) => {
    const at = hex.indexOf(Buffer.from(bytesOf(frame)).toString('hex'))
    // The next one that looks the same is another.
    hex[at] = ''
    return at
  })
  // Each is counted once, wherever it went.
  expect(up.reduce((sum, frame) => sum + frame.segments, 0)).toBe(frames.length)
  expect(world.nic.counters.rx_gro_sw_acks).toBe(frames.length - up.length)
  for (const frame of up) frame.release()
  expect(leaks(world)).toBe(0)
  return out
}

describe.each([
  ['without options', {}],
  ['with timestamps', { at: 7000 }],
  ['over IPv6', { at: 7000, version: 6 as const }],
])('bare acknowledgments in a row, %s', (_name, shape) => {
  it('become the last of them', () => {
    expect(survivors([1000, 2000, 3000, 4500].map((ack) => bare({ ack, ...shape })))).toEqual([3])
  })

  it('do so across the wrap of sequence numbers', () => {
    expect(survivors([0xffff_ff00, 0xffff_fff0, 16].map((ack) => bare({ ack, ...shape })))).toEqual([2])
  })

  it('all go up when they repeat or go back: duplicates and reordering mean something', () => {
    expect(survivors([2000, 2000, 2000].map((ack) => bare({ ack, ...shape })))).toEqual([0, 1, 2])
    expect(survivors([2000, 1000].map((ack) => bare({ ack, ...shape })))).toEqual([0, 1])
  })
})

describe('what is not thinned', () => {
  const first = bare({ ack: 1000, at: 7000 })

  it.each([
    ['a window update alone', bare({ ack: 1000, at: 7000, window: 700 })],
    ['another sequence number, as a keep-alive has', bare({ ack: 2000, at: 7000, sequence: 41 })],
    ['timestamps that go back', bare({ ack: 2000, at: 6999 })],
    ['a flag more', bare({ ack: 2000, at: 7000, flags: ACK | 0x40 })],
    ['a FIN', bare({ ack: 2000, at: 7000, flags: ACK | 1 })],
    ['SACK in the place of timestamps', bare({ ack: 2000, options: [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2] })],
    ['no options', bare({ ack: 2000 })],
    ['data', bare({ ack: 2000, at: 7000 }, 100)],
  ])('%s', (_name, second) => {
    expect(survivors([first, second])).toEqual([0, 1])
  })

  it('another congestion mark', () => {
    const marked = first.slice()
    marked[15] = 3
    const layout = { networkOffset: 14, transportOffset: 34, headerLength: 66, protocol: 'tcp' as const }
    const second = bare({ ack: 2000, at: 7000 })
    expect(survivors([finish(marked, layout), second])).toEqual([0, 1])
  })

  it('anything in a later burst, or with GRO off', () => {
    const world = card()
    const frames = [1000, 2000].map((ack) => bare({ ack }))
    const apart = [...pass(world, frames.slice(0, 1)), ...pass(world, frames.slice(1))]
    expect(apart).toHaveLength(2)
    world.nic.features.change({ gro: false })
    const off = pass(world, frames)
    expect(off).toHaveLength(2)
    for (const frame of [...apart, ...off]) frame.release()
    expect(leaks(world)).toBe(0)
  })
})
