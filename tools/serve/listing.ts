// A folder as a page for people, as lines for terminals (`Accept: text/plain`) and as JSON for programs.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { answerDocument, wants } from './answers.ts'
import type { ListingEntry } from './file-root.ts'
import { escapeHtml, page } from './page.ts'
import { formatPath } from './request-path.ts'

export function answerListing(
  request: IncomingMessage,
  response: ServerResponse,
  names: readonly string[],
  entries: readonly ListingEntry[],
  complete: boolean,
): void {
  const headers = { Vary: 'Accept' }
  if (wants(request, 'application/json')) {
    const body = entries.map((entry) => ({ ...entry, modified: new Date(entry.modified).toISOString() }))
    answerDocument(
      response,
      'application/json',
      `${JSON.stringify({ path: formatPath(names, true), complete, entries: body })}\n`,
      headers,
    )
  } else if (wants(request, 'text/plain')) {
    const body = entries.map((entry) => `${entry.name}${entry.directory ? '/' : ''}\n`).join('')
    answerDocument(response, 'text/plain; charset=utf-8', body, headers)
  } else {
    answerDocument(response, 'text/html; charset=utf-8', listingPage(names, entries, complete), headers)
  }
}

/** Bytes as a person reads them: `1.4 MiB`. */
export function humanSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes
  let unit = -1
  do {
    value /= 1024
    unit++
  } while (value >= 1023.95 && unit < 5)
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'][unit]}`
}

function listingPage(names: readonly string[], entries: readonly ListingEntry[], complete: boolean): string {
  const title = formatPath(names, true)
  const rows = entries.map((entry) => {
    const href = escapeHtml(formatPath([...names, entry.name], entry.directory))
    const size = entry.directory ? '' : humanSize(entry.size)
    const date = new Date(entry.modified).toISOString().slice(0, 16).replace('T', ' ')
    return `<tr><td><a href="${href}">${escapeHtml(entry.name)}${entry.directory ? '/' : ''}</a></td><td class="n">${size}</td><td class="n d">${date}</td></tr>`
  })
  const up = names.length > 0 ? `<tr><td><a href="../">../</a></td><td></td><td></td></tr>` : ''
  const note = complete ? '' : '<p class="dim">This folder has more entries than are shown.</p>'
  const empty = entries.length === 0 && names.length === 0 ? '<p class="dim">This folder is empty.</p>' : ''
  return page(
    title,
    `<header><p class="brand"><a href="/">pagewire</a></p><h1>${breadcrumbs(names)}</h1></header>
<main><section class="card"><table class="files"><thead><tr><th>Name</th><th class="n">Size</th><th class="n d">Modified (UTC)</th></tr></thead>
<tbody>${up}${rows.join('\n')}</tbody></table>${empty}${note}</section></main>`,
  )
}

function breadcrumbs(names: readonly string[]): string {
  const parts = names.map(
    (name, at) => `<a href="${escapeHtml(formatPath(names.slice(0, at + 1), true))}">${escapeHtml(name)}</a>`,
  )
  return `<a href="/.pagewire/files/">files</a> / ${parts.join(' / ')}`
}
