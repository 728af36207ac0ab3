// Virtual time: the order of events, polls and deadlines, the bounds, and Node's queues between two instants.

import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { Pollable } from '../../../drivers/reactor.ts'
import { plainMemory, Simulation, SimulationError } from '../../../drivers/wire/index.ts'

class Probe implements Pollable {
  deadline = Number.POSITIVE_INFINITY
  more = 0
  readonly name: string
  readonly log: string[]
  readonly simulation: Simulation

  constructor(name: string, log: string[], simulation: Simulation) {
    this.name = name
    this.log = log
    this.simulation = simulation
  }

  poll(): boolean {
    this.log.push(`${this.simulation.now} ${this.name}`)
    if (this.deadline <= this.simulation.now) this.deadline = Number.POSITIVE_INFINITY
    return this.more-- > 0
  }

  nextDeadline(): number {
    return this.deadline
  }
}

function setup() {
  const simulation = new Simulation()
  const log: string[] = []
  const probe = (name: string) => {
    const pollable = new Probe(name, log, simulation)
    return { pollable, handle: simulation.attach(pollable) }
  }
  return { simulation, log, probe }
}

describe('order', () => {
  test('events run by time, and at one time in the order of asking', () => {
    const { simulation, log } = setup()
    for (const [time, name] of [
      [30, 'd'],
      [10, 'a'],
      [10, 'b'],
      [20, 'c'],
    ] as const) {
      simulation.at(time, () => log.push(`${simulation.now} ${name}`))
    }
    simulation.runSync()
    expect(log).toEqual(['10 a', '10 b', '20 c', '30 d'])
    expect(simulation.now).toBe(30)
  })

  test('at one instant: events, then requested polls in their order, then deadlines', () => {
    const { simulation, log, probe } = setup()
    const a = probe('poll a')
    const b = probe('poll b')
    const c = probe('deadline c')
    c.pollable.deadline = 5
    simulation.at(5, () => {
      log.push('5 event')
      b.handle.requestPoll()
      a.handle.requestPoll()
      b.handle.requestPoll()
    })
    simulation.runSync()
    expect(log).toEqual(['5 event', '5 poll b', '5 poll a', '5 deadline c'])
  })

  test('a poll that has more to do is polled again, after the others', () => {
    const { simulation, log, probe } = setup()
    const a = probe('a')
    const b = probe('b')
    a.pollable.more = 2
    a.handle.requestPoll()
    b.handle.requestPoll()
    simulation.runSync()
    expect(log).toEqual(['0 a', '0 b', '0 a', '0 a'])
  })

  test('many events at random times come out sorted; cancelled ones do not come', () => {
    const { simulation } = setup()
    const random = simulation.random('events')
    const seen: number[] = []
    const events = Array.from({ length: 2000 }, () => {
      const time = random.below(500)
      return simulation.at(time, () => seen.push(simulation.now))
    })
    for (let i = 0; i < events.length; i += 3) events[i].cancel()
    simulation.runSync()
    expect(seen).toHaveLength(2000 - Math.ceil(2000 / 3))
    expect(seen).toEqual([...seen].sort((x, y) => x - y))
  })

  test('an event in the past happens now; a time that is no number is refused', () => {
    const { simulation, log } = setup()
    simulation.runSync({ until: 100 })
    simulation.at(50, () => log.push(String(simulation.now)))
    simulation.runSync()
    expect(log).toEqual(['100'])
    expect(() => simulation.at(Number.NaN, () => {})).toThrow(RangeError)
  })

  test('fractions are rounded up: time is integer microseconds', () => {
    const { simulation, log } = setup()
    simulation.at(10.2, () => log.push(String(simulation.now)))
    simulation.runSync()
    expect(log).toEqual(['11'])
  })
})

describe('the end of a run', () => {
  test('until: what is due then is done, the clock stands there, the rest waits', () => {
    const { simulation, log } = setup()
    for (const time of [10, 20, 30]) simulation.at(time, () => log.push(String(time)))
    simulation.runSync({ until: 20 })
    expect(log).toEqual(['10', '20'])
    simulation.runSync({ forMicroseconds: 5 })
    expect([simulation.now, log.length]).toEqual([25, 2])
    simulation.runSync()
    expect([simulation.now, log.length]).toEqual([30, 3])
  })

  test('condition: stops as soon as it holds, throws when it never does', () => {
    const { simulation } = setup()
    let hits = 0
    for (const time of [10, 20, 30]) simulation.at(time, () => hits++)
    simulation.runSync({ condition: () => hits === 2 })
    expect(simulation.now).toBe(20)
    expect(() => simulation.runSync({ condition: () => hits === 9 })).toThrow(SimulationError)
    expect(() => simulation.runSync({ condition: () => false, until: 50 })).toThrow(/the end was 50 us/)
  })

  test('a deadline that is unref-ed does not keep a run going, but comes when others do', () => {
    const { simulation, log, probe } = setup()
    const a = probe('a')
    a.pollable.deadline = 100
    a.handle.unref()
    simulation.runSync()
    expect(log).toEqual([])
    expect(simulation.idle).toBe(true)
    simulation.at(200, () => log.push('200 event'))
    simulation.runSync()
    expect(log).toEqual(['100 a', '200 event'])
  })

  test('a detached pollable is never polled again', () => {
    const { simulation, log, probe } = setup()
    const a = probe('a')
    a.handle.requestPoll()
    a.pollable.deadline = 3
    a.handle.detach()
    a.handle.requestPoll()
    simulation.runSync()
    expect(log).toEqual([])
  })
})

describe('bounds', () => {
  test('an endless loop at one instant throws', () => {
    const simulation = new Simulation({ stepsPerInstant: 1000 })
    const again = () => {
      simulation.after(0, again)
    }
    again()
    expect(() => simulation.runSync()).toThrow(/more than 1000 steps at 0 us/)
  })

  test('a deadline that its owner never clears throws', () => {
    const simulation = new Simulation({ stepsPerInstant: 1000 })
    simulation.attach({ poll: () => false, nextDeadline: () => 7 })
    expect(() => simulation.runSync()).toThrow(/at 7 us/)
  })

  test('a run that never ends throws at its limit', () => {
    const { simulation } = setup()
    const again = () => {
      simulation.after(1, again)
    }
    again()
    expect(() => simulation.runSync({ limit: 500 })).toThrow(SimulationError)
  })

  test('a run within a run is refused, and the simulation can be used after an exception', () => {
    const { simulation, log } = setup()
    simulation.at(1, () => simulation.runSync())
    expect(() => simulation.runSync()).toThrow(/runs already/)
    simulation.at(2, () => log.push('2'))
    simulation.runSync()
    expect(log).toEqual(['2'])
  })
})

describe("Node's queues", () => {
  test('promises, ticks and immediates of an event run before time moves', async () => {
    const { simulation, log } = setup()
    const say = (what: string) => log.push(`${simulation.now} ${what}`)
    simulation.at(10, () => {
      process.nextTick(() => say('tick'))
      queueMicrotask(() => say('microtask'))
      setImmediate(() => setImmediate(() => Promise.resolve().then(() => say('nested immediate'))))
    })
    simulation.at(11, () => say('event'))
    await simulation.run()
    expect(log.slice(0, 2).sort()).toEqual(['10 microtask', '10 tick'])
    expect(log.slice(2)).toEqual(['10 nested immediate', '11 event'])
  })

  test('what an immediate asks for at the same time happens at that time', async () => {
    const { simulation, log, probe } = setup()
    const a = probe('a')
    simulation.at(10, () => setImmediate(() => a.handle.requestPoll()))
    simulation.at(11, () => log.push('11 event'))
    await simulation.run()
    expect(log).toEqual(['10 a', '11 event'])
  })

  test('a file is read while time stands still', async () => {
    const { simulation, log } = setup()
    simulation.at(10, () => {
      readFile(new URL(import.meta.url)).then(() => log.push(`read at ${simulation.now}`))
    })
    simulation.at(11, () => log.push('event'))
    await simulation.run()
    expect(log).toEqual(['read at 10', 'event'])
  })

  test('a stream of Node moves its chunks in no time', async () => {
    const { simulation, log } = setup()
    const stream = new PassThrough()
    stream.on('data', (chunk) => log.push(`${simulation.now} ${chunk}`))
    simulation.at(10, () => stream.write('one'))
    simulation.at(20, () => stream.end('two'))
    stream.on('end', () => log.push(`${simulation.now} end`))
    await simulation.run({ until: 30 })
    expect(log).toEqual(['10 one', '20 two', '20 end'])
  })

  test('settle: runs until a promise has its value, or its error', async () => {
    const { simulation } = setup()
    const later = new Promise<string>((resolve) => simulation.at(1_000_000, () => resolve('done')))
    expect(await simulation.settle(later)).toBe('done')
    expect(simulation.now).toBe(1_000_000)
    const failing = new Promise((_, reject) => simulation.after(5, () => reject(new Error('no'))))
    await expect(simulation.settle(failing)).rejects.toThrow('no')
    await expect(simulation.settle(new Promise(() => {}))).rejects.toThrow(SimulationError)
  })
})

test('plain memory: a registry of regions with ids of its own', () => {
  const memory = plainMemory()
  const a = memory.allocate(100)
  const b = memory.allocate(50)
  expect(a.id).not.toBe(b.id)
  expect([memory.regions, memory.bytes]).toEqual([2, 150])
  expect(memory.covers(a.id, 0, 100)).toBe(true)
  expect(memory.covers(a.id, 1, 100)).toBe(false)
  expect(memory.covers(a.id, -1, 2)).toBe(false)
  memory.release(a)
  memory.release(a)
  expect([memory.regions, memory.bytes]).toEqual([1, 50])
  expect(memory.covers(a.id, 0, 1)).toBe(false)
  expect(a.buffer.byteLength).toBe(100)
})
