// The smallest ring and a TAP that soon pushes back: bursts meet a full ring or EAGAIN, and go on later. The kernel takes
// frames from a TAP at once, whatever its send buffer, unless something behind it holds them: an ifb with a rate does.

import { spawnSync } from 'node:child_process'
import type { Ground } from '../ground.ts'
import { TAP } from '../messages.ts'
import { ofTraffic, type Phase } from './phase.ts'

export const ring: Phase = {
  about: 'a full ring and EAGAIN',
  setup: () => ({ tap: { ringSize: 32, sendBuffer: 8192 } }),
  async run(ground) {
    const { seconds, seed } = ground
    const slowed = slowDown(ground)
    const client = await ground.client()
    const findings = ofTraffic(
      await client.ask(
        {
          kind: 'traffic',
          seed,
          seconds,
          count: Number.MAX_SAFE_INTEGER,
          parallel: 8,
          mostBytes: 4 << 20,
          limit: 60_000,
          tolerate: [],
        },
        seconds + 120,
      ),
    )
    const { card } = await ground.sample()
    const waited = card['tap_tx_eagain'] ?? 0
    const full = card['tx_stop'] ?? 0
    if (slowed && waited === 0) findings.troubles.push('the TAP never pushed back, so that nothing was tried')
    if (full === 0) findings.troubles.push('the ring was never full, so that nothing was tried')
    const eagain = slowed ? waited : 'not provoked: no tc(8) with ifb, tbf and u32 here'
    return { ...findings, figures: { EAGAIN: eagain, 'ring full': full, ...findings.figures } }
  },
}

/** What the stack sent waits a moment behind the TAP. False where the machine has not what it takes. */
function slowDown(ground: Ground): boolean {
  try {
    ground.ip('link add pwifb0 type ifb')
    ground.ip('link set pwifb0 up txqueuelen 10000')
  } catch {
    return false
  }
  return [
    'qdisc add dev pwifb0 root tbf rate 2gbit burst 200k limit 8m',
    `qdisc add dev ${TAP} ingress`,
    `filter add dev ${TAP} parent ffff: protocol all u32 match u32 0 0 action mirred egress redirect dev pwifb0`,
  ].every((words) => spawnSync('tc', words.split(' '), { stdio: 'ignore' }).status === 0)
}
