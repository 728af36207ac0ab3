import { expect, it } from 'vitest'
import { RecordedPort } from '../../../drivers/recorded/index.ts'
import { plainMemory } from '../../../drivers/wire/index.ts'
import type { PortSink } from '../../../nic/port.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'

function world() {
  const memory = plainMemory()
  const sent: Uint8Array[] = []
  const port = new RecordedPort({ name: 'r', memory, mtu: 1500, onSent: (bytes) => sent.push(bytes) })
  const frames = new FramePool(new PagePool(memory, { pageSize: HEADER_PAGE, slab: 4, limit: 16 }))
  const came: Frame[] = []
  const results: number[] = []
  let rings = 0
  const sink: PortSink = {
    onFrame: (frame) => void came.push(frame),
    onComplete: (frame, errno) => {
      results.push(errno)
      frame.release()
    },
    onReadable: () => void rings++,
    onWritable() {},
    onLink() {},
  }
  port.attach(sink, frames)
  return { port, frames, sent, came, results, rings: () => rings }
}

it('hands up what it is given, super-frames too, within the budget', () => {
  const { port, frames, came, rings } = world()
  expect(port.deliver(new Uint8Array(60).fill(1))).toBe(true)
  expect(port.deliver(new Uint8Array(60_000).fill(2), 42)).toBe(true)
  expect(port.deliver(new Uint8Array(13))).toBe(false)
  expect(port.deliver(new Uint8Array(525_000))).toBe(false)
  expect(rings()).toBe(1)
  expect([port.receive(1), port.receive(5)]).toEqual([1, 1])
  expect(came.map(({ length, segments }) => [length, segments])).toEqual([
    [60, 1],
    [60_000, 42],
  ])
  expect(came[1].head.bytes[came[1].start]).toBe(2)
  expect(port.outstandingPages).toBe(2)
  for (const frame of came) frame.release()
  expect([port.outstandingPages, frames.outstanding]).toEqual([0, 0])
})

it('shows what is sent, and refuses what hardware without offloads cannot send', () => {
  const { port, frames, sent, results } = world()
  const frame = (length: number) => {
    const one = frames.allocate(20) as Frame
    one.end = one.start + length
    return one
  }
  const asking = frame(60)
  asking.csumStart = 34
  for (const each of [frame(60), asking]) expect(port.post(each)).toBe(true)
  port.doorbell()
  expect(results).toEqual([0, 22])
  expect(sent.map(({ length }) => length)).toEqual([60])
  port.close()
  const late = frame(60)
  expect([port.post(late), port.deliver(new Uint8Array(60))]).toEqual([false, false])
  late.release()
  expect([port.txRingFree, frames.outstanding]).toEqual([port.txRingSize, 0])
})
