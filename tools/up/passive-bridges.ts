// The data ports of FTP on a simulated wire: a client comes to the port that it is told, so that the machine's loopback
// port has to have the same number as the stack's.

import type { Host } from '../../drivers/index.ts'
import { CommandError, codeOf } from '../cli/errors.ts'
import { PASSIVE_PORTS, type PortRange } from '../ftp/ftp-server.ts'
import { type Bridge, openBridge } from './bridge.ts'

/** How many data connections can be waited for at once. */
const COUNT = 16

export interface PassiveBridges {
  readonly range: PortRange
  readonly bridges: Bridge[]
}

/** Takes the first block of passive ports that the machine has free as a whole. */
export async function openPassiveBridges(from: Host, address: string): Promise<PassiveBridges> {
  for (let first = PASSIVE_PORTS.first; first + COUNT - 1 <= PASSIVE_PORTS.last; first += COUNT) {
    const bridges: Bridge[] = []
    try {
      for (let port = first; port < first + COUNT; port++) {
        bridges.push(await openBridge({ from, address, port, localPort: port, anyPort: false }))
      }
      return { range: { first, last: first + COUNT - 1 }, bridges }
    } catch (error) {
      for (const bridge of bridges) await bridge.close()
      if (codeOf(error) !== 'EADDRINUSE') throw error
    }
  }
  throw new CommandError(
    `no ${COUNT} ports of 127.0.0.1 from ${PASSIVE_PORTS.first} to ${PASSIVE_PORTS.last} are free for FTP's data; close something that has them`,
  )
}
