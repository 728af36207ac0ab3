// Deadlines as a busy stack has them: a thousand connections with a few each.

import { bench } from '../../test/support/micro/bench.ts'
import { DeadlineHeap, Deadlines } from './deadlines.ts'

/** A time handed to a function that is not inlined: microseconds do not fit a small integer. */
const NUMBER = 16
const TABLES = 1024
const SLOTS = 6
const START = 4 * 3600 * 1_000_000

function world() {
  const heap = new DeadlineHeap()
  const owner = { fired: 0, onDeadline: () => void owner.fired++ }
  const tables = Array.from({ length: TABLES }, () => new Deadlines(heap, owner, SLOTS))
  for (let i = 0; i < TABLES; i++) tables[i].set(i % SLOTS, START + 200_000 + i)
  // A field and not a variable of the closure: that would be a new number on the heap each time.
  return { heap, tables, owner, time: { now: START } }
}

bench('a deadline is moved to later', { bytes: 0, nanoseconds: 12 }, () => {
  const { tables, time } = world()
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) tables[i & (TABLES - 1)].set(1, ++time.now + 400_000)
    },
  }
})

bench('a deadline is set and cleared', { bytes: 0, nanoseconds: 15 }, () => {
  const { tables, time } = world()
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) {
        const table = tables[i & (TABLES - 1)]
        table.setEarlier(2, ++time.now + 300_000)
        table.clear(2)
      }
    },
  }
})

bench('a deadline comes and is set anew', { bytes: 3 * NUMBER, nanoseconds: 400 }, () => {
  const { heap, tables, owner } = world()
  owner.onDeadline = () => void owner.fired++
  let at = 0
  return {
    run(operations) {
      for (let i = 0; i < operations; i++) {
        const due = heap.next()
        heap.expire(due)
        tables[at++ & (TABLES - 1)].set(3, due + 300_000)
      }
    },
    close() {
      if (owner.fired === 0) throw new Error('nothing came due')
    },
  }
})
