// What a running stack answers to `pagewire ip link` about its card.

import type { Host } from '../../drivers/index.ts'
import type { LinkAnswer, LinkRequest, LinkState } from '../ip-link/messages.ts'

export function answerLink(nic: Host['nic'], { query, gsoIpv4MaxSize }: LinkRequest): LinkAnswer {
  return query === 'set' ? { errno: nic.setGsoMaxSize(gsoIpv4MaxSize) } : { link: stateOf(nic) }
}

function stateOf(nic: Host['nic']): LinkState {
  const { counters } = nic
  return {
    // A stack of `pagewire up` has one card.
    index: 1,
    name: nic.name,
    up: nic.up,
    mtu: nic.mtu,
    address: nic.address.toString(),
    tsoMaxSize: nic.tsoMaxSize,
    gsoIpv4MaxSize: nic.wantedGsoMaxSize,
    received: {
      bytes: counters.rx_bytes,
      packets: counters.rx_packets,
      errors: counters.rx_length_errors,
      dropped: counters.rx_dropped,
    },
    sent: {
      bytes: counters.tx_bytes,
      packets: counters.tx_packets,
      errors: counters.tx_errors,
      dropped: counters.tx_dropped,
      carrierErrors: counters.tx_carrier_errors,
    },
  }
}
