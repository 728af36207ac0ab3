// Mixed traffic over a wire that loses, reorders, duplicates, corrupts and delays, for as long as one likes: every byte
// exact, memory flat.

import { growth } from '../verdict.ts'
import { ofTraffic, type Phase, sampling, sum } from './phase.ts'

const RATES = { loss: 0.005, reorder: 0.005, duplicate: 0.005, corrupt: 0.001, jitter: 100 }
const CLIENTS = 2
const LOOKS = 30
/** Milliseconds between two looks at memory, at least and at most. */
const LEAST = 250
const MOST = 60_000

export const faults: Phase = {
  about: 'mixed traffic over a bad wire',
  // A reset that is lost is not sent again: who has nothing to say learns of it by asking.
  setup: () => ({ faults: RATES, tcp: { keepAlive: true, keepIdle: 3_000_000, keepInterval: 1_000_000 } }),
  async run(ground) {
    const { seconds, seed } = ground
    const clients = await ground.clients(CLIENTS)
    const traffic = Promise.all(
      clients.map((client, i) =>
        client.ask(
          {
            kind: 'traffic',
            seed: `${seed} ${i}`,
            seconds,
            count: Number.MAX_SAFE_INTEGER,
            parallel: 12,
            mostBytes: 1 << 20,
            limit: 120_000,
            tolerate: [],
          },
          seconds + 180,
        ),
      ),
    )
    const pause = Math.max(LEAST, Math.min(MOST, (seconds * 1000) / LOOKS))
    const { value, samples } = await sampling(ground, pause, true, traffic)
    const findings = ofTraffic(sum(value))
    const { card, counters } = await ground.sample()
    const grown = growth(samples)
    if (grown !== '') findings.troubles.push(`memory is not flat: ${grown}`)
    const harmed = (what: string) => (card[`fault_tx_${what}`] ?? 0) + (card[`fault_rx_${what}`] ?? 0)
    const figures: Record<string, number> = {}
    for (const what of ['lost', 'reordered', 'duplicated', 'corrupted']) figures[`frames ${what}`] = harmed(what)
    if (harmed('lost') + harmed('reordered') === 0)
      findings.troubles.push('the wire did no harm, so that nothing was tried')
    const heaps = samples.map(({ heap }) => heap / 2 ** 20)
    if (heaps.length > 0) figures['heap MiB, least'] = Math.round(Math.min(...heaps))
    if (heaps.length > 0) figures['heap MiB, most'] = Math.round(Math.max(...heaps))
    return { ...findings, figures: { ...findings.figures, ...figures, retransmitted: counters['TcpRetransSegs'] } }
  },
}
