// What a running stack answers to `pagewire ethtool` about its card.

import type { Host } from '../../drivers/index.ts'
import { VERSION } from '../cli/version.ts'
import type { EthtoolAnswer, EthtoolQuery, EthtoolRequest } from '../ethtool/messages.ts'

/** `bus`: how frames leave the process. */
export function answerEthtool(nic: Host['nic'], bus: string, request: EthtoolRequest): EthtoolAnswer {
  return ANSWERS[request.query](nic, bus, request)
}

const ANSWERS: Record<EthtoolQuery, (nic: Host['nic'], bus: string, request: EthtoolRequest) => EthtoolAnswer> = {
  features: (nic) => ({ features: nic.features.list() }),
  change: (nic, _, { changes }) => ({ change: nic.features.change(changes) }),
  statistics: (nic) => ({ statistics: nic.statistics() }),
  rings: (nic) => (nic.rings ? { rings: nic.rings } : {}),
  resize: (nic, _, { transmit, receive }) => ({ errno: nic.setRings({ transmit, receive }) }),
  coalesce: (nic) => ({ coalesce: nic.coalesce }),
  moderate: (nic, _, { transmit, receive }) => ({
    errno: nic.setCoalesce({ txFrames: transmit, rxFrames: receive }),
  }),
  driver: (_, bus) => ({ driver: { version: VERSION, bus } }),
}
