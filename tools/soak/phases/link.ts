// The TAP goes down and up, again and again, under mixed traffic. What is open lives through it; what is on its way comes
// again; only what the kernel itself refuses while it is down is excused.

import { TAP } from '../messages.ts'
import { clamp, ofTraffic, type Phase } from './phase.ts'

const DOWN = 150
const UP = 850

export const link: Phase = {
  about: 'the TAP goes down and up',
  setup: () => ({}),
  async run(ground) {
    const { seconds, seed } = ground
    const [holder, client] = await ground.clients(2)
    const count = clamp(10, ground.options.connections / 1000, 100)
    await holder.ask({ kind: 'open', count, address: null, atOnce: 50 })
    const traffic = client.ask(
      {
        kind: 'traffic',
        seed,
        seconds,
        count: Number.MAX_SAFE_INTEGER,
        parallel: 8,
        mostBytes: 1 << 20,
        limit: 60_000,
        tolerate: ['ENETUNREACH', 'EHOSTUNREACH'],
      },
      seconds + 120,
    )
    traffic.catch(() => {})
    let times = 0
    for (const begun = performance.now(); performance.now() - begun < seconds * 1000; times++) {
      await ground.wait(UP)
      ground.ip(`link set ${TAP} down`)
      await ground.wait(DOWN)
      ground.ip(`link set ${TAP} up`)
    }
    const findings = ofTraffic(await traffic)
    const probed = await holder.ask({ kind: 'probe', atOnce: 50 })
    await holder.ask({ kind: 'close' })
    if (probed.done !== count) findings.troubles.push(`${count - probed.done} of ${count} did not live through it`)
    return { ...findings, figures: { 'down and up': times, 'lived through it': probed.done, ...findings.figures } }
  },
}
