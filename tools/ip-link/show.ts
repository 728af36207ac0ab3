// `ip link show`: which cards, and in which form.

import type { LinkAnswer, LinkState } from './messages.ts'
import { doesNotExist, garbage, HELP, INCOMPLETE, matches, type Output, said } from './output.ts'
import type { Ask, Call } from './run.ts'
import { formatLink, formatLinksJson } from './text.ts'

export async function showLinks({ words, options, cards }: Call): Promise<Output> {
  let device: string | null = null
  for (let at = 0; at < words.length; at++) {
    // Whoever runs is switched on, whether its carrier is there or not.
    if (words[at] === 'up') continue
    if (words[at] === 'dev' && ++at === words.length) return INCOMPLETE
    else if (matches(words[at], 'help')) return HELP
    if (device !== null) return garbage(words[at])
    device = words[at]
  }
  const asks = device === null ? await cards.all(options.netns) : [cards.named(device, options.netns)]
  const links = (await Promise.all(asks.map(stateOf))).flatMap((link) => (link ? [link] : []))
  if (device !== null && links.length === 0) return doesNotExist(device)
  if (options.json) return said(formatLinksJson(links, options))
  return said(links.map((link) => formatLink(link, options)).join(''))
}

async function stateOf(ask: Ask): Promise<LinkState | undefined> {
  const answer: LinkAnswer | null = await ask({ query: 'show', gsoIpv4MaxSize: 0 })
  return answer?.link
}
