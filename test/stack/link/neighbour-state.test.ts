import { describe, expect, it } from 'vitest'
import { type NeighbourEvent, stateName, transition } from '../../../stack/link/neighbour-state.ts'

const STATES = [0, 1, 2, 4, 8, 16, 32, 64, 128]
const EVENTS: NeighbourEvent[] = ['use', 'answered', 'heard', 'confirmed', 'expired', 'idle', 'exhausted']

describe('the table of neighbour states', () => {
  // The whole table, so that a change in it shows as a change here. A dot: the state stays.
  it('is this one', () => {
    const rows = STATES.map((state) => {
      const cells = EVENTS.map((event) => {
        const next = transition(state, event)
        return (next === state ? '.' : stateName(next)).padEnd(10)
      })
      return `${stateName(state).padEnd(10)} | ${cells.join(' ')}`.trimEnd()
    })
    expect([`${''.padEnd(10)} | ${EVENTS.map((event) => event.padEnd(10)).join(' ')}`.trimEnd(), ...rows]).toEqual([
      '           | use        answered   heard      confirmed  expired    idle       exhausted',
      'NONE       | INCOMPLETE REACHABLE  STALE      .          .          .          .',
      'INCOMPLETE | .          REACHABLE  STALE      .          .          .          FAILED',
      'REACHABLE  | .          .          STALE      .          DELAY      STALE      .',
      'STALE      | DELAY      REACHABLE  .          .          .          .          .',
      'DELAY      | .          REACHABLE  STALE      REACHABLE  PROBE      PROBE      .',
      'PROBE      | .          REACHABLE  STALE      REACHABLE  .          .          FAILED',
      'FAILED     | INCOMPLETE REACHABLE  STALE      .          .          .          .',
      'NOARP      | .          .          .          .          .          .          .',
      'PERMANENT  | .          .          .          .          .          .          .',
    ])
  })
})
