// Idle connections by the hundred thousand, from several processes and addresses: what one costs, that all live, that they
// take no processor's time, and that mixed traffic goes on beside them.

import { openFilesPerProcess } from '../needs.ts'
import { ofTraffic, type Phase, sum } from './phase.ts'

const SPARE_FILES = 1000
/** V8's threads sweep this long, milliseconds, behind a collection of a large heap. */
const SWEEPING = 1500
/** Milliseconds of a tick in which processor time is told. */
const TICK = 10
/** Of one processor: more than the kernel's own frames to a device that is up make of it. */
const MOST_BUSY = 0.005

export const idle: Phase = {
  about: 'idle connections, and traffic beside them',
  patience: 60,
  setup: () => ({}),
  async run(ground, before) {
    const { connections } = ground.options
    const each = Math.min(20_000, openFilesPerProcess() - SPARE_FILES)
    const empty = ground.look()
    const clients = await ground.clients(Math.ceil(connections / each))
    const begun = performance.now()
    const opened = await Promise.all(
      clients.map((client, i) => {
        const count = Math.min(each, connections - i * each)
        return client.ask({ kind: 'open', count, address: ground.address(i), atOnce: 100 }, 600)
      }),
    )
    const seconds = (performance.now() - begun) / 1000
    const total = opened.reduce((all, { opened: count }) => all + count, 0)
    await ground.wait(1500)
    ground.undisturbed = true
    const full = await ground.settle()
    await ground.wait(SWEEPING)
    const held = ground.look()
    const restsFrom = performance.now()
    await ground.wait(clampMilliseconds(ground.seconds * 400))
    const busy = ((ground.look().ticks - held.ticks) * TICK) / (performance.now() - restsFrom)
    ground.undisturbed = false
    const other = await ground.client()
    const traffic = await other.ask({
      kind: 'traffic',
      seed: `${ground.seed} beside`,
      seconds: ground.seconds * 0.6,
      count: Number.MAX_SAFE_INTEGER,
      parallel: 4,
      mostBytes: 1 << 20,
      limit: 30_000,
      tolerate: [],
    })
    const probed = sum(await Promise.all(clients.map((client) => client.ask({ kind: 'probe', atOnce: 200 }, 300))))
    await Promise.all(clients.map((client) => client.ask({ kind: 'close' }, 300)))
    const { figures, troubles } = ofTraffic(traffic)
    const failed = opened.find(({ error }) => error !== '')
    if (total !== connections) troubles.push(`${connections - total} did not open: ${failed?.error}`)
    if (probed.done !== connections) troubles.push(`${connections - probed.done} did not live: ${probed.troubles[0]}`)
    if (busy > MOST_BUSY) troubles.push(`idle connections took ${percent(busy)} of a processor`)
    return {
      troubles,
      figures: {
        connections: total,
        'opened per second': Math.round(total / seconds),
        'bytes of memory each': Math.round((held.bytes - empty.bytes) / total),
        'of them heap': Math.round((full.heap - before.heap) / total),
        'processor while idle': percent(busy),
        alive: probed.done,
        ...figures,
      },
    }
  },
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

function clampMilliseconds(value: number): number {
  return Math.max(500, Math.min(10_000, value))
}
