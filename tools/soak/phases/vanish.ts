// A peer that is gone without a word: its address is taken away and what goes to it is dropped in silence. Keep-alive finds
// out on connections that idle, the user timeout on those that have something to send.

import { outstanding } from '../verdict.ts'
import { clamp, type Phase } from './phase.ts'

const PEER = '198.51.100.1'
const SECOND = 1_000_000
/** Seconds within which all must be over: keep-alive needs 3, the user timeout 3 and up to one backed-off probe. */
const LIMIT = 20

const ENDS = ['ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH']

export const vanish: Phase = {
  about: 'a peer that vanishes',
  setup: () => ({
    tcp: { keepAlive: true, keepIdle: SECOND, keepInterval: SECOND, keepCount: 2, userTimeout: 3 * SECOND },
  }),
  async run(ground) {
    const count = clamp(10, ground.options.connections / 100, 500)
    ground.ip(`link set lo up`)
    ground.ip(`addr add ${PEER}/32 dev lo`)
    const client = await ground.client()
    await client.ask({ kind: 'hang', count, address: PEER, bytes: 8 * 1024 * 1024 })
    await ground.wait(300)
    const held = await ground.sample()
    ground.ip(`addr del ${PEER}/32 dev lo`)
    ground.ip(`route add blackhole ${PEER}/32`)
    await client.end()
    const begun = performance.now()
    let now = await ground.sample()
    while (outstanding(now) !== '' && performance.now() - begun < LIMIT * 1000) {
      await ground.wait(250)
      now = await ground.sample()
    }
    const seconds = (performance.now() - begun) / 1000
    ground.ip(`route del blackhole ${PEER}/32`)
    // Where a router said something meanwhile, that is the error in the end, as in Linux (sk_err_soft).
    const noticed = ENDS.reduce((sum, name) => sum + (now.errors[name] ?? 0), 0)
    const troubles: string[] = []
    if (held.endpoints !== count) troubles.push(`${held.endpoints} of ${count} were open`)
    if (noticed !== count) {
      troubles.push(`${noticed} of ${count} ended as they should; all errors: ${JSON.stringify(now.errors)}`)
    }
    return { troubles, figures: { connections: count, noticed, 'within s': Number(seconds.toFixed(1)) } }
  },
}
