// One row of a table of states x segments: the segment that comes, what answers it, and the state afterwards.

import { expect, test } from 'vitest'
import type { Expected, Sent } from '../../../support/flow.ts'
import { type Reachable, type Reached, reach } from './reach.ts'

export type Row = [
  state: Reachable,
  what: string,
  segment: (world: Reached) => Sent,
  answer: ((world: Reached) => Expected) | null,
  after: string,
]

/** An ACK that says where the stack stands: the answer to what is not acceptable. */
export const ackOfNow = ({ snd, rcv }: Reached): Expected => ({ flags: '.', seq: snd, ack: rcv, length: 0 })

export const SYNCHRONIZED: Reachable[] = [
  'ESTABLISHED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'CLOSE-WAIT',
  'CLOSING',
  'LAST-ACK',
]

export function each(states: Reachable[], row: (state: Reachable) => Row): Row[] {
  return states.map(row)
}

export function replay(rows: Row[]): void {
  test.each(rows)('%s: %s', (state, _what, segment, answer, after) => {
    const world = reach(state)
    world.peer.sends(segment(world))
    if (answer) world.peer.expects(answer(world))
    world.peer.expectsNothing()
    expect(world.state()).toBe(after)
  })
}
