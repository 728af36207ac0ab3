// A flood of SYNs from addresses that nobody has, forwarded by the kernel, while an honest client comes and goes.

import { writeFileSync } from 'node:fs'
import { CommandError } from '../../cli/errors.ts'
import type { Ground } from '../ground.ts'
import { FLOOD_TAP, TAP } from '../messages.ts'
import type { Phase } from './phase.ts'

/** Of its connections. */
const HONEST_SHARE = 0.99
const FORWARD = '/proc/sys/net/ipv4/ip_forward'
/** Without SYN cookies a listener's queue is what a flood must not fill: this many, of the 4096 that it takes. */
const HALF_OPEN = 3000
/**
 * Milliseconds that the honest client gives each connection, as an ordinary program does: the kernel repeats a SYN after 1 s, and
 * so on, and who is answered then has got in.
 */
const PATIENCE = 10_000

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
    const droppedBefore = ground.dropped(TAP)
    await ask({ kind: 'start', seed, rate })
    const honest = await client.ask({ kind: 'honest', seconds, limit: PATIENCE, seed }, seconds + 60)
    const sent = await ask({ kind: 'stop' })
    const dropped = ground.dropped(TAP) - droppedBefore
    const after = await ground.sample()
    const counted = (name: string) => (after.counters[name] ?? 0) - (before.counters[name] ?? 0)
    const visits = honest.done + honest.failed
    const share = honest.done / visits
    const troubles: string[] = []
    if (!(share >= HONEST_SHARE)) {
      troubles.push(`the honest client got in ${percent(share)} of the time: ${honest.troubles.join(', ')}`)
    }
    const came = counted('TcpInSegs')
    if (came < sent.sent * 0.01) troubles.push(`of ${sent.sent} SYNs only ${came} segments came to the stack`)
    const each = (count: number) => Math.round(count / sent.seconds)
    return {
      troubles,
      figures: {
        'SYNs per second': each(sent.sent),
        'taken per second': each(came),
        'answered per second': each(counted('TcpOutSegs')),
        'dropped by the TAP': percent(dropped / sent.sent),
        'put off by the stack': percent(counted('TcpPagewireSynPutOff') / sent.sent),
        'preferred SYNs': counted('TcpPagewireSynPreferred'),
        'honest connections': honest.done,
        'got in': percent(share),
        'at once': percent(honest.atOnce / visits),
        'median ms': Number(honest.median.toFixed(2)),
        'worst ms': Math.round(honest.worst),
        'cookies sent': cookies ? counted('TcpExtSyncookiesSent') : 'none: the stack has no SYN cookies',
        'dropped, queue full': counted('TcpExtTCPReqQFullDrop'),
      },
    }
  },
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
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
