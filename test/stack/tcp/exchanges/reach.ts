// Leads a connection into each state by the shortest exchange, so that a table of states x events can be replayed. The
// numbers are the same everywhere: `snd` is what the stack sends next, `rcv` what it expects next, both relative.

import { expect } from 'vitest'
import type { App } from '../../../support/test-host.ts'
import { type OneHost, oneHost } from '../../../support/worlds.ts'

export type Reachable =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN-SENT'
  | 'SYN-RECEIVED'
  | 'ESTABLISHED'
  | 'FIN-WAIT-1'
  | 'FIN-WAIT-2'
  | 'CLOSE-WAIT'
  | 'CLOSING'
  | 'LAST-ACK'
  | 'TIME-WAIT'

export interface Reached extends OneHost {
  /** null before there is one. */
  connection: App | null
  /** The stack's next sequence number and the one it expects. */
  snd: number
  rcv: number
  /** The state now, as far as it can be seen from outside. */
  state(): string
}

const MSS = { options: { mss: 1460 } }

/** The steps into each state; each builds on the one before it. */
const STEPS: Record<Reachable, (world: Reached) => void> = {
  CLOSED: () => {},
  LISTEN: ({ host }) => {
    host.listen(80)
  },
  'SYN-SENT': (world) => {
    world.connection = world.host.connect(world.peer.address, world.peer.flow.port, { localPort: 80 })
    world.peer.expects({ flags: 'S', seq: 0 })
    world.snd = 1
  },
  'SYN-RECEIVED': (world) => {
    STEPS.LISTEN(world)
    world.peer.sends({ flags: 'S', seq: 0, ...MSS })
    world.peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    world.snd = 1
    world.rcv = 1
  },
  ESTABLISHED: (world) => {
    const listener = world.host.listen(80)
    world.peer.sends({ flags: 'S', seq: 0, ...MSS })
    world.peer.expects({ flags: 'S.', seq: 0, ack: 1 })
    world.peer.sends({ flags: '.', seq: 1, ack: 1 })
    world.connection = world.host.accept(listener)
    world.snd = 1
    world.rcv = 1
  },
  'FIN-WAIT-1': (world) => {
    STEPS.ESTABLISHED(world)
    world.connection?.shutdown()
    world.peer.expects({ flags: 'F.', seq: 1, ack: 1 })
    world.snd = 2
  },
  'FIN-WAIT-2': (world) => {
    STEPS['FIN-WAIT-1'](world)
    world.peer.sends({ flags: '.', seq: 1, ack: 2 })
    world.peer.expectsNothing()
  },
  'CLOSE-WAIT': (world) => {
    STEPS.ESTABLISHED(world)
    world.peer.sends({ flags: 'F.', seq: 1, ack: 1 })
    world.peer.expects({ flags: '.', seq: 1, ack: 2 })
    world.rcv = 2
  },
  CLOSING: (world) => {
    STEPS['FIN-WAIT-1'](world)
    world.peer.sends({ flags: 'F.', seq: 1, ack: 1 })
    world.peer.expects({ flags: '.', seq: 2, ack: 2 })
    world.rcv = 2
  },
  'LAST-ACK': (world) => {
    STEPS['CLOSE-WAIT'](world)
    world.connection?.shutdown()
    world.peer.expects({ flags: 'F.', seq: 1, ack: 2 })
    world.snd = 2
  },
  'TIME-WAIT': (world) => {
    STEPS['FIN-WAIT-2'](world)
    world.peer.sends({ flags: 'F.', seq: 1, ack: 2 })
    world.peer.expects({ flags: '.', seq: 2, ack: 2 })
    world.rcv = 2
  },
}

export function reach(state: Reachable): Reached {
  const world: Reached = { ...oneHost(), connection: null, snd: 0, rcv: 0, state: () => stateOf(world) }
  STEPS[state](world)
  expect(world.state()).toBe(state)
  return world
}

/** A half-open connection and a TIME-WAIT record are no endpoints: they show in what the layer counts. */
function stateOf({ host, connection, peer }: Reached): string {
  const { tcp } = host.stack
  if (tcp.timeWaits > 0) return 'TIME-WAIT'
  if (connection) return connection.state
  for (const endpoint of tcp.endpoints()) if (endpoint.remotePort === peer.flow.port) return endpoint.state
  for (const listener of tcp.listeners()) return listener.synQueue > 0 ? 'SYN-RECEIVED' : 'LISTEN'
  return 'CLOSED'
}
