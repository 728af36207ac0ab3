// A flood of SYNs from addresses that nobody has, forwarded by the kernel, while an honest client comes and goes.

import { writeFileSync } from 'node:fs'
import { CommandError } from '../../cli/errors.ts'
import type { Ground } from '../ground.ts'
import { FLOOD_TAP } from '../messages.ts'
import type { Phase } from './phase.ts'

/** Of its connections. */
const HONEST_SHARE = 0.99
const FORWARD = '/proc/sys/net/ipv4/ip_forward'
/** Without SYN cookies a listener's queue is what a flood must not fill: this many, of the 4096 that it takes. */
const HALF_OPEN = 3000
/** Milliseconds that the honest client gives each connection. */
const PATIENCE = 5000

export const flood: Phase = {
  about: 'a flood of SYNs, and an honest client',
  setup: () => ({}),
  async run(ground, before) {
    const ask = await ground.flooder()
    route(ground)
    const client = await ground.client()
    const { seconds, seed } = ground
    const cookies = before.counters['TcpExtSyncookiesSent'] !== undefined
    const rate = ground.options.floodRate ?? (cookies ? 0 : Math.ceil(HALF_OPEN / seconds))
    await ask({ kind: 'start', seed, rate })
    const honest = await client.ask({ kind: 'honest', seconds, limit: PATIENCE, seed }, seconds + 60)
    const sent = await ask({ kind: 'stop' })
    const after = await ground.sample()
    const share = honest.done / (honest.done + honest.failed)
    const troubles: string[] = []
    if (!(share >= HONEST_SHARE)) {
      troubles.push(`the honest client got in ${(100 * share).toFixed(1)} % of the time: ${honest.troubles.join(', ')}`)
    }
    const came = after.counters['TcpInSegs'] - before.counters['TcpInSegs']
    if (came < sent.sent * 0.01) troubles.push(`of ${sent.sent} SYNs only ${came} segments came to the stack`)
    return {
      troubles,
      figures: {
        'SYNs per second': Math.round(sent.sent / sent.seconds),
        'segments taken per second': Math.round(came / sent.seconds),
        'honest connections': honest.done,
        'got in': `${(100 * share).toFixed(2)} %`,
        'median ms': Number(honest.median.toFixed(2)),
        'worst ms': Math.round(honest.worst),
        'cookies sent': cookies ? after.counters['TcpExtSyncookiesSent'] : 'none: the stack has no SYN cookies',
        'dropped, queue full': after.counters['TcpExtTCPReqQFullDrop'] ?? 0,
      },
    }
  },
}

/** The answers to the flood go where it came from, and nobody is asked for an address there. */
function route(ground: Ground): void {
  ground.ip(`neigh replace 10.78.0.9 lladdr 02:00:5e:10:00:99 nud permanent dev ${FLOOD_TAP}`)
  ground.ip('route replace 198.18.0.0/15 via 10.78.0.9')
  try {
    writeFileSync(FORWARD, '1')
  } catch {
    throw new CommandError(
      `${FORWARD} cannot be written, so that no flood can be led to the stack; leave it out with --phases`,
    )
  }
}
