// The forms of `ip link show`: text and JSON of a card. Those of iproute2 (ipaddress.c) without what a card of ours does not have:
// no queueing discipline, no group, no queue length.

import type { LinkCounts, LinkState } from './messages.ts'
import type { Options } from './run.ts'

const BROADCAST = 'ff:ff:ff:ff:ff:ff'

export function formatLink(link: LinkState, { details, statistics, oneline }: Options): string {
  const more = detailsOf(link).map(([, name, value]) => `${name} ${value} `)
  const lines = [
    `${link.index}: ${link.name}: <${flagsOf(link).join(',')}> mtu ${link.mtu} state ${stateOf(link)}`,
    `    link/ether ${link.address} brd ${BROADCAST}${details ? ` ${more.join('')}` : ''}`,
    ...(statistics ? statisticsLines(link) : []),
  ]
  return `${lines.join(oneline ? '\\' : '\n')}\n`
}

export function formatLinksJson(links: readonly LinkState[], { details, statistics, pretty }: Options): string {
  const out = links.map((link) => ({
    ifindex: link.index,
    ifname: link.name,
    flags: flagsOf(link),
    mtu: link.mtu,
    operstate: stateOf(link),
    link_type: 'ether',
    address: link.address,
    broadcast: BROADCAST,
    ...(details ? Object.fromEntries(detailsOf(link).map(([key, , value]) => [key, value])) : {}),
    ...(statistics ? { stats64: { rx: countsOf(link.received), tx: sentOf(link) } } : {}),
  }))
  return `${pretty ? prettyJson(out) : JSON.stringify(out)}\n`
}

function flagsOf({ up }: LinkState): string[] {
  return up ? ['BROADCAST', 'UP', 'LOWER_UP'] : ['NO-CARRIER', 'BROADCAST', 'UP']
}

function stateOf({ up }: LinkState): string {
  return up ? 'UP' : 'DOWN'
}

/** Key in JSON, word in text, value. */
function detailsOf({ tsoMaxSize, gsoIpv4MaxSize }: LinkState): [string, string, number][] {
  return [
    ['num_tx_queues', 'numtxqueues', 1],
    ['num_rx_queues', 'numrxqueues', 1],
    ['tso_max_size', 'tso_max_size', tsoMaxSize],
    ['gso_ipv4_max_size', 'gso_ipv4_max_size', gsoIpv4MaxSize],
  ]
}

function countsOf({ bytes, packets, errors, dropped }: LinkCounts): Record<string, number> {
  return { bytes, packets, errors, dropped }
}

function sentOf({ sent }: LinkState): Record<string, number> {
  return { ...countsOf(sent), carrier_errors: sent.carrierErrors }
}

/** Columns are as wide as the widest of both directions. */
function statisticsLines(link: LinkState): string[] {
  const received = Object.values(countsOf(link.received))
  const sent = Object.values(sentOf(link))
  const least = ['*X errors:', 'packets', 'errors', 'dropped', 'carrier'].map((head) => head.length)
  const widths = least.map((width, i) => Math.max(width, ...[received, sent].map((row) => String(row[i] ?? '').length)))
  const row = (cells: readonly (string | number)[]) =>
    cells.map((cell, i) => String(cell).padStart(widths[i])).join(' ')
  const heads = (direction: string, names: readonly string[]) => `    ${direction}: ${row(names).slice(4)}`
  return [
    heads('RX', ['bytes', 'packets', 'errors', 'dropped']),
    `    ${row(received)} `,
    heads('TX', ['bytes', 'packets', 'errors', 'dropped', 'carrier']),
    `    ${row(sent)} `,
  ]
}

/** As `ip -j -p`: objects one member to a line, lists of words in one. */
function prettyJson(links: readonly object[]): string {
  const objects = links.map((link) => {
    const text = JSON.stringify(link, null, 4).replace(/\[\s+("[^\]]*")\s+\]/g, (_, words: string) => {
      return `[ ${words.replace(/,\s+/g, ',')} ]`
    })
    return text
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n')
      .trimStart()
  })
  return `[ ${objects.join(',')} ]`
}
