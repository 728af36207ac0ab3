// The same seed gives the same capture, byte for byte and microsecond for microsecond; another seed gives another.

import { describe, expect, test } from 'vitest'
import { capturePort } from '../../drivers/pcap/index.ts'
import { createWire, Simulation } from '../../drivers/wire/index.ts'
import { concat } from '../support/bytes.ts'
import { TestHost } from '../support/test-host.ts'
import { seconds } from '../support/time.ts'
import { transfer } from '../support/transfer.ts'

interface Recording {
  /** The pcapng file of end a. */
  file: Uint8Array
  /** Every frame with its time. */
  frames: string[]
  time: number
}

function record(seed: number, wireSeed = seed): Recording {
  const simulation = new Simulation({ seed })
  const wire = createWire(simulation, {
    delay: 3000,
    rate: 30e6,
    queue: 40,
    loss: 0.02,
    duplicate: 0.01,
    corrupt: 0.01,
    reorder: { chance: 0.03, delay: 2000 },
    seed: wireSeed,
  })
  const frames: string[] = []
  wire.observe((end, bytes, time) => frames.push(`${seconds(time)} ${end} ${hash(bytes)}`))
  const port = capturePort(wire.a)
  const parts: Uint8Array[] = []
  const stop = port.start({ write: (bytes: Uint8Array) => parts.push(bytes.slice()) }, { clock: simulation.clock })
  const a = new TestHost(simulation, port, { name: 'a', address: '192.0.2.1/24', mac: '02:00:00:00:00:01' })
  const b = new TestHost(simulation, wire.b, { name: 'b' })
  const { time } = transfer(simulation, a, b, '192.0.2.2', { up: 200_000, down: 100_000 })
  stop()
  a.close()
  b.close()
  wire.close()
  expect(wire.outstandingPages).toBe(0)
  return { file: concat(...parts), frames, time }
}

/** FNV-1a: enough to tell frames apart in a message. */
function hash(bytes: Uint8Array): string {
  let value = 0x811c9dc5
  for (const byte of bytes) value = Math.imul(value ^ byte, 0x01000193)
  return (value >>> 0).toString(16).padStart(8, '0')
}

describe('the same seed', () => {
  test('gives the same frames at the same microseconds', () => {
    const first = record(1)
    const second = record(1)
    expect(first.frames.length).toBeGreaterThan(300)
    expect(second.frames).toEqual(first.frames)
    expect(second.time).toBe(first.time)
  })

  test('gives the same capture file, byte for byte', () => {
    const first = record(2)
    const second = record(2)
    expect(first.file.length).toBeGreaterThan(100_000)
    expect(first.file.length).toBe(second.file.length)
    expect(first.file.findIndex((byte, at) => byte !== second.file[at])).toBe(-1)
  })
})

test('another seed gives another exchange, also when only the wire has it', () => {
  const first = record(1)
  expect(record(3).frames).not.toEqual(first.frames)
  const sameHosts = record(1, 4)
  expect(sameHosts.frames).not.toEqual(first.frames)
  // The hosts' own chance is the same: the first SYN is, whatever the wire does to it.
  const firstData = (frames: string[]) => frames.find((line) => line.includes(' a '))
  expect(firstData(sameHosts.frames)).toBe(firstData(first.frames))
})
