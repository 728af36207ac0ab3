// Peers that do not read, and applications that do not: thousands of full windows at once, both ways, while others are
// served; then all read, and every byte is there.

import { clamp, type Phase } from './phase.ts'

const BYTES = 192 * 1024

export const slow: Phase = {
  about: 'slow readers and closed windows',
  setup: () => ({ tcp: { sendBuffer: 65_536, receiveBuffer: 65_536 } }),
  async run(ground) {
    const count = clamp(10, ground.options.connections / 100, 1000)
    const [client, other] = await ground.clients(2)
    const { seconds, seed } = ground
    const stalled = await client.ask({ kind: 'stall', readers: count, writers: count, bytes: BYTES, seed })
    await ground.wait(1000)
    const full = await ground.sample()
    const honest = await other.ask({ kind: 'honest', seconds: Math.min(seconds, 10), limit: 5000, seed })
    await ground.askStack({ kind: 'listen-up' })
    const read = await client.ask({ kind: 'read-on' })
    const troubles: string[] = []
    if (read.failed > 0) troubles.push(`${read.failed} of ${stalled} went wrong: ${read.troubles.join('; ')}`)
    if (honest.failed > 0) troubles.push(`others were not served meanwhile: ${honest.troubles.join(', ')}`)
    if (full.endpoints < 2 * count) troubles.push(`only ${full.endpoints} of ${2 * count} were held`)
    return {
      troubles,
      figures: {
        'slow readers': count,
        'deaf servers': count,
        'windows closed': full.counters['TcpExtTCPToZeroWindowAdv'],
        'pages held': full.transmitPages + full.receivePages,
        'served meanwhile': honest.done,
        'worst ms': Math.round(honest.worst),
        'MiB exact': Math.round((read.bytes + count * BYTES) / 2 ** 20),
      },
    }
  },
}
