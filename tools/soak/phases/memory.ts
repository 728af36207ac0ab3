// Far fewer pages than are asked for: the limits hold, those who want more wait, and nobody is cut off.

import { clamp, ofTraffic, type Phase, sampling } from './phase.ts'

const TRANSMIT = 64
const RECEIVE = 128
const BYTES = 512 * 1024

export const memory: Phase = {
  about: 'limits on memory',
  setup: () => ({ limits: { headerPages: 2048, transmitPages: TRANSMIT }, tap: { receivePages: RECEIVE } }),
  async run(ground) {
    const { seconds, seed } = ground
    const count = clamp(10, ground.options.connections / 500, 200)
    const [client, other] = await ground.clients(2)
    await client.ask({ kind: 'stall', readers: count, writers: 0, bytes: BYTES, seed })
    await ground.wait(500)
    const full = await ground.sample()
    const read = await client.ask({ kind: 'read-on' })
    const traffic = other.ask(
      {
        kind: 'traffic',
        seed,
        seconds,
        count: Number.MAX_SAFE_INTEGER,
        parallel: 32,
        mostBytes: 2 << 20,
        limit: 60_000,
        tolerate: [],
      },
      seconds + 120,
    )
    const { value, samples } = await sampling(ground, 100, false, traffic)
    const findings = ofTraffic(value)
    const { troubles } = findings
    const most = Math.max(full.transmitPages, ...samples.map((each) => each.transmitPages))
    const received = Math.max(full.receivePages, ...samples.map((each) => each.receivePages))
    if (read.failed > 0)
      troubles.push(`${read.failed} of ${count} slow readers went wrong: ${read.troubles.join('; ')}`)
    if (most > TRANSMIT) troubles.push(`${most} transmit pages were out, of ${TRANSMIT}`)
    if (received > RECEIVE) troubles.push(`${received} receive pages were out, of ${RECEIVE}`)
    return {
      troubles,
      figures: {
        'transmit pages': `${most} of ${TRANSMIT}`,
        'receive pages': `${received} of ${RECEIVE}`,
        'slow readers': read.done,
        ...findings.figures,
      },
    }
  },
}
