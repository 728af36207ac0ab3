// A flood of SYNs from addresses that nobody has, forwarded by the kernel, while honest clients come and go: one that the
// stack gets to know, and one that it never saw.

import { writeFileSync } from 'node:fs'
import { CommandError } from '../../cli/errors.ts'
import type { Ground } from '../ground.ts'
import { FLOOD_TAP, TAP, type VisitTally } from '../messages.ts'
import type { Findings, Phase } from './phase.ts'

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
/** One comes again and again, the other each time from an address where nobody was for long. */
const WHO = ['regulars', 'strangers'] as const
const STRANGER = 1
const STRANGERS = '10.77.4'

export const flood: Phase = {
  about: 'a flood of SYNs, and honest clients',
  setup: () => ({}),
  async run(ground, before) {
    const flooder = await ground.flooder()
    route(ground)
    ground.ip(`route add local ${STRANGERS}.0/24 dev lo`)
    const clients = await ground.clients(WHO.length)
    const { seconds, seed } = ground
    const cookies = before.counters['TcpExtSyncookiesSent'] !== undefined
    const rate = ground.options.floodRate ?? (cookies ? 0 : Math.ceil(HALF_OPEN / seconds))
    const droppedBefore = ground.dropped(TAP)
    await flooder({ kind: 'start', seed, rate })
    const honest = await Promise.all(
      clients.map((client, i) => {
        const addresses = i === STRANGER ? Array.from({ length: 254 }, (_, n) => `${STRANGERS}.${n + 1}`) : []
        return client.ask({ kind: 'honest', seconds, limit: PATIENCE, seed, addresses }, seconds + 60)
      }),
    )
    const sent = await flooder({ kind: 'stop' })
    const dropped = ground.dropped(TAP) - droppedBefore
    const after = await ground.sample()
    const counted = (name: string) => (after.counters[name] ?? 0) - (before.counters[name] ?? 0)
    const came = counted('TcpInSegs')
    const troubles = honest.flatMap((tally, i) => keptOut(WHO[i], tally))
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
        'cookies sent': cookies ? counted('TcpExtSyncookiesSent') : 'none: the stack has no SYN cookies',
        'dropped, queue full': counted('TcpExtTCPReqQFullDrop'),
        'honest connections': honest.reduce((sum, { done }) => sum + done, 0),
        ...figuresOf(WHO[0], honest[0]),
        ...figuresOf(WHO[1], honest[1]),
      },
    }
  },
}

function keptOut(who: string, { done, failed, troubles }: VisitTally): string[] {
  const share = done / (done + failed)
  return share >= HONEST_SHARE ? [] : [`${who} got in ${percent(share)} of the time: ${troubles.join(', ')}`]
}

function figuresOf(who: string, { done, failed, atOnce, median, worst }: VisitTally): Findings['figures'] {
  return {
    [`${who} in`]: `${percent(done / (done + failed))} of ${done + failed}`,
    [`${who} at once`]: percent(atOnce / (done + failed)),
    [`${who} median ms`]: Number(median.toFixed(2)),
    [`${who} worst ms`]: Math.round(worst),
  }
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
