import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeadlineHeap, Deadlines, NEVER } from '../../../stack/base/deadlines.ts'

const SLOTS = 3

/** The naive version: a list that is searched from end to end. */
class Model {
  readonly at = new Map<string, number>()

  next(): number {
    return Math.min(NEVER, ...this.at.values())
  }

  /** What is due, as `owner.slot`, sorted by name within one moment of firing. */
  expire(now: number): string[] {
    const due = [...this.at].filter(([, at]) => at <= now).map(([name]) => name)
    for (const name of due) this.at.delete(name)
    return due.sort()
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), owner: fc.nat(7), slot: fc.nat(SLOTS - 1), after: fc.nat(1000) }),
  fc.record({
    kind: fc.constant('setEarlier' as const),
    owner: fc.nat(7),
    slot: fc.nat(SLOTS - 1),
    after: fc.nat(1000),
  }),
  fc.record({ kind: fc.constant('clear' as const), owner: fc.nat(7), slot: fc.nat(SLOTS - 1) }),
  fc.record({ kind: fc.constant('clearAll' as const), owner: fc.nat(7) }),
  fc.record({ kind: fc.constant('wait' as const), time: fc.nat(400) }),
)

describe('deadlines', () => {
  it('fire as the naive model says, whatever is set, moved and cleared', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DeadlineHeap()
        const model = new Model()
        let now = 0
        let fired: string[] = []
        const tables = Array.from({ length: 8 }, (_, owner) => {
          return new Deadlines(heap, { onDeadline: (slot) => fired.push(`${owner}.${slot}`) }, SLOTS)
        })
        for (const action of steps) {
          if (action.kind === 'wait') {
            now += action.time
            fired = []
            heap.expire(now)
            expect(fired.sort()).toEqual(model.expire(now))
          } else if (action.kind === 'clearAll') {
            tables[action.owner].clearAll()
            for (let slot = 0; slot < SLOTS; slot++) model.at.delete(`${action.owner}.${slot}`)
          } else {
            const name = `${action.owner}.${action.slot}`
            const table = tables[action.owner]
            if (action.kind === 'clear') {
              table.clear(action.slot)
              model.at.delete(name)
            } else {
              const at = now + action.after
              table[action.kind](action.slot, at)
              const stands = model.at.get(name) ?? NEVER
              model.at.set(name, action.kind === 'set' ? at : Math.min(stands, at))
            }
            expect(table.get(action.slot)).toBe(model.at.get(name) ?? NEVER)
            expect(table.isSet(action.slot)).toBe(model.at.has(name))
          }
          expect(heap.next()).toBe(model.next())
        }
      }),
      { numRuns: 500 },
    )
  })

  it('tables come up in the order of their times', () => {
    const heap = new DeadlineHeap()
    const order: number[] = []
    const times = [50, 10, 40, 20, 30, 5, 45]
    for (const time of times) new Deadlines(heap, { onDeadline: () => order.push(time) }, 1).set(0, time)
    heap.expire(100)
    expect(order).toEqual([...times].sort((a, b) => a - b))
    expect(heap.size).toBe(0)
  })

  it('a handler may set its own slot anew, earlier ones of others, and clear others', () => {
    const heap = new DeadlineHeap()
    const log: string[] = []
    const victim = new Deadlines(heap, { onDeadline: () => log.push('victim') }, 1)
    const late = new Deadlines(heap, { onDeadline: (_slot, now) => log.push(`late ${now}`) }, 1)
    const periodic: Deadlines = new Deadlines(
      heap,
      {
        onDeadline: (_slot, now) => {
          log.push(`tick ${now}`)
          victim.clear(0)
          late.set(0, now)
          if (now < 30) periodic.set(0, now + 10)
        },
      },
      1,
    )
    periodic.set(0, 10)
    victim.set(0, 11)
    late.set(0, 1000)
    for (const now of [10, 20, 30, 40]) heap.expire(now)
    expect(log).toEqual(['tick 10', 'late 10', 'tick 20', 'late 20', 'tick 30', 'late 30'])
    expect(heap.next()).toBe(NEVER)
  })

  it('a handler that clears everything of its own owner ends it', () => {
    const heap = new DeadlineHeap()
    const log: number[] = []
    const table: Deadlines = new Deadlines(
      heap,
      {
        onDeadline: (slot) => {
          log.push(slot)
          table.clearAll()
        },
      },
      SLOTS,
    )
    for (let slot = 0; slot < SLOTS; slot++) table.set(slot, 5)
    heap.expire(5)
    expect(log).toEqual([0])
    expect(heap.size).toBe(0)
    table.set(1, 7)
    expect(heap.next()).toBe(7)
  })

  it('moving a deadline later costs the heap nothing until it comes up', () => {
    const heap = new DeadlineHeap()
    const fired: number[] = []
    const table = new Deadlines(heap, { onDeadline: (_slot, now) => fired.push(now) }, 1)
    for (let at = 10; at <= 1000; at++) table.set(0, at)
    expect(table.filed).toBe(10)
    heap.expire(999)
    expect(fired).toEqual([])
    expect(heap.next()).toBe(1000)
    heap.expire(1000)
    expect(fired).toEqual([1000])
  })
})
