// Cards without stacks, for `ip link` as a function.
import { EINVAL } from '../../../stack/base/errno.ts'
import type { LinkRequest, LinkState } from '../../../tools/ip-link/messages.ts'
import type { Output } from '../../../tools/ip-link/output.ts'
import { type Ask, type Cards, runIp } from '../../../tools/ip-link/run.ts'

export function link(changes: Partial<LinkState> = {}): LinkState {
  return {
    index: 1,
    name: 'pw0',
    up: true,
    mtu: 1500,
    address: '02:00:5e:10:00:02',
    tsoMaxSize: 524_280,
    gsoIpv4MaxSize: 262_080,
    received: { bytes: 0, packets: 0, errors: 0, dropped: 0 },
    sent: { bytes: 0, packets: 0, errors: 0, dropped: 0, carrierErrors: 0 },
    ...changes,
  }
}

/** `ip` over these cards, which are changed; sizes below `least` are refused. */
export function ipOver(links: LinkState[], least = 576): (...words: string[]) => Promise<Output> {
  const way = (of: LinkState): Ask => {
    return async ({ query, gsoIpv4MaxSize }: LinkRequest) => {
      if (query === 'show') return { link: of }
      if (gsoIpv4MaxSize < least || gsoIpv4MaxSize > of.tsoMaxSize) return { errno: EINVAL }
      of.gsoIpv4MaxSize = gsoIpv4MaxSize
      return { errno: 0 }
    }
  }
  const cards: Cards = {
    isNamespace: (name) => name === 'here',
    named: (device) => {
      const found = links.find(({ name }) => name === device)
      return found ? way(found) : async () => null
    },
    all: async () => links.map(way),
  }
  return (...words) => runIp(words, cards)
}
