// The page at `/`: the state of the stack for people. Rendered here, in one place; the script in it fetches the page
// anew every second, puts the parts marked `data-live` in the place of the old ones, and draws the two charts from the
// figures that are embedded.

import { humanSize } from './listing.ts'
import { embedJson, escapeHtml, page } from './page.ts'
import type { ConnectionStatus, InterfaceStatus, Status } from './status.ts'

/** More rows than this are not drawn. */
const CONNECTION_ROWS = 50

export function statusPage(status: Status): string {
  const first = status.interfaces[0]
  const address = first?.addresses[0] ?? ''
  const body = `<header>
<p class="brand">pagewire</p>
<h1>${escapeHtml(address.split('/')[0] || status.name)}</h1>
<p class="pulse" id="pulse"><i></i><span data-live id="uptime">${escapeHtml(status.name)}, up ${duration(status.uptime)}</span></p>
</header>
<main class="grid">
${rateCard('out', 'Sending', 'tx')}
${rateCard('in', 'Receiving', 'rx')}
<dl class="tiles twelve" data-live id="tiles">${tiles(status)}</dl>
<section class="card four" data-live id="interfaces"><h2>Interface</h2>${facts([...status.interfaces.flatMap(interfaceFacts), ...driverFacts(status)])}</section>
<section class="card four" data-live id="features"><h2>Features</h2>${status.interfaces.map(featureList).join('')}</section>
<section class="card four" data-live id="ladder"><h2>Who did the work</h2>${ladder(status.nic)}</section>
<section class="card twelve" data-live id="connections"><h2>Connections</h2>${connectionTable(status)}</section>
${tryCard(status)}
<section class="card twelve" data-live id="nic"><h2>Card</h2>${counterColumns(status.nic)}</section>
<section class="card twelve" data-live id="counters"><h2>Protocol counters</h2>${counterColumns(status.counters)}</section>
</main>
<footer>pagewire ${escapeHtml(status.version)}, process ${status.pid}. The same as <a href="/.pagewire/status.json">JSON</a>.</footer>
<script type="application/json" id="status">${embedJson({ at: Date.now(), ...status.figures })}</script>`
  return page(address || status.name, body, SCRIPT)
}

/** `1 h 02 min`, `4 min 10 s`, `9 s`. */
export function duration(seconds: number): string {
  const s = Math.floor(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`
}

/** A count with thin spaces between groups of three digits. */
export function grouped(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

function rateCard(tone: 'in' | 'out', title: string, key: 'rx' | 'tx'): string {
  return `<section class="card six ${tone}"><h2>${title}</h2>
<div class="rate"><b id="${key}-rate">0<small>bit/s</small></b><span class="dim" id="${key}-packets"></span></div>
<svg class="chart" id="${key}-chart" viewBox="1 0 59 100" preserveAspectRatio="none" role="img" aria-label="${title}, last minute"><path class="area"></path><path class="edge"></path></svg></section>`
}

function tiles({ figures, timeWaits }: Status): string {
  const perByte = (bytes: number) => {
    const moved = figures.txBytes + figures.rxBytes
    return moved === 0 ? '0' : (bytes / moved).toFixed(2)
  }
  const tile = (name: string, value: string, unit = '') =>
    `<div><dt>${name}</dt><dd>${value}</dd><dd class="dim">${unit || '&nbsp;'}</dd></div>`
  return [
    tile('Connections', grouped(figures.connections), timeWaits ? `and ${grouped(timeWaits)} in TIME-WAIT` : ''),
    tile('Sent', humanSize(figures.txBytes), `${grouped(figures.txPackets)} packets`),
    tile('Received', humanSize(figures.rxBytes), `${grouped(figures.rxPackets)} packets`),
    tile('Copied', humanSize(figures.copiedBytes), `${perByte(figures.copiedBytes)} per byte moved`),
    tile('Summed', humanSize(figures.summedBytes), `${perByte(figures.summedBytes)} per byte moved`),
    tile('Retransmitted', grouped(figures.retransmissions), 'segments'),
  ].join('')
}

function interfaceFacts(one: InterfaceStatus): [string, string][] {
  return [
    ['Name', one.name],
    ['Addresses', one.addresses.join(', ')],
    ['Ethernet', one.mac],
    ['MTU', String(one.mtu)],
    ['Link', one.up ? 'up' : 'down'],
  ]
}

function driverFacts(status: Status): [string, string][] {
  return [
    ['Driver', status.driver],
    ['Checksums', status.checksumEngine],
    ['Started', status.started.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')],
  ]
}

/** The rungs of the ladder: which counters say that the hardware did it, and which that the processor did. */
const RUNGS: readonly (readonly [title: string, hardware: readonly string[], software: readonly string[]])[] = [
  ['Segmentation', ['tx_gso_hw_bytes'], ['tx_gso_sw_bytes', 'tx_nogso_bytes']],
  ['Gathering', ['tx_sg_hw_bytes'], ['tx_linearized_bytes']],
  ['Checksums sent', ['tx_csum_hw_bytes'], ['tx_csum_sw_bytes']],
  ['Checksums received', ['rx_csum_partial_bytes', 'rx_csum_hw_bytes'], ['rx_csum_sw_bytes']],
]

function ladder(nic: Record<string, number>): string {
  const sum = (names: readonly string[]) => names.reduce((total, name) => total + (nic[name] ?? 0), 0)
  const rungs = RUNGS.map(([title, hardware, software]) => {
    const card = sum(hardware)
    const processor = sum(software)
    const share = card + processor === 0 ? 0 : (card / (card + processor)) * 100
    const bar = card + processor === 0 ? '' : `<i style="width:${share.toFixed(2)}%"></i>`
    return `<p><span>${title}</span></p><div class="bar${card + processor === 0 ? ' idle' : ''}">${bar}</div><p class="dim"><span>card ${humanSize(card)}</span><span>processor ${humanSize(processor)}</span></p>`
  })
  return `<div class="ladder">${rungs.join('')}</div>`
}

function facts(rows: [string, string][]): string {
  const cells = rows.map(([name, value]) => `<dt>${name}</dt><dd class="mono">${escapeHtml(value)}</dd>`)
  return `<dl class="facts">${cells.join('')}</dl>`
}

function featureList(one: InterfaceStatus): string {
  const items = one.features.map(({ name, state }) => {
    const tone = state.startsWith('on') ? 'on' : 'off'
    return `<li><span>${escapeHtml(name)}</span><span class="${tone}">${escapeHtml(state)}</span></li>`
  })
  return `<ul class="features">${items.join('')}</ul>`
}

function connectionTable(status: Status): string {
  const { connections } = status
  if (connections.length === 0) return '<p class="dim">None at the moment.</p>'
  const more = connections.length - CONNECTION_ROWS
  return `<div class="scroll"><table><thead><tr><th>State</th><th>Local</th><th>Remote</th><th class="n">Sent</th><th class="n">Received</th><th class="n">Queued</th><th class="n">Round trip</th><th class="n">Window</th><th class="n">Resent</th></tr></thead>
<tbody>${connections.slice(0, CONNECTION_ROWS).map(connectionRow).join('\n')}</tbody></table></div>${more > 0 ? `<p class="dim">and ${grouped(more)} more</p>` : ''}`
}

function connectionRow(one: ConnectionStatus): string {
  const cells = [
    humanSize(one.bytesAcknowledged),
    humanSize(one.bytesReceived),
    humanSize(one.sendQueue + one.receiveQueue),
    one.rtt > 0 ? `${(one.rtt / 1000).toFixed(one.rtt < 10_000 ? 2 : 0)} ms` : '',
    grouped(one.congestionWindow),
    grouped(one.retransmitted),
  ]
  const ends = `<td class="mono">${escapeHtml(one.local)}</td><td class="mono">${escapeHtml(one.remote)}</td>`
  return `<tr><td>${escapeHtml(one.state)}</td>${ends}${cells.map((cell) => `<td class="n">${cell}</td>`).join('')}</tr>`
}

function tryCard(status: Status): string {
  const files = status.files ? '<p style="margin-top:.8rem"><a href="/.pagewire/files/">Browse the files</a></p>' : ''
  if (status.commands.length === 0 && !files) return ''
  return `<section class="card twelve"><h2>Try it</h2><pre>${status.commands.map(escapeHtml).join('\n')}</pre>${files}</section>`
}

function counterColumns(counters: Record<string, number>): string {
  const names = Object.keys(counters)
  if (names.length === 0) return '<p class="dim">Nothing was counted yet.</p>'
  const rows = names.map((name) => `<p><span>${escapeHtml(name)}</span><span>${grouped(counters[name])}</span></p>`)
  return `<div class="counters mono">${rows.join('')}</div>`
}

const SCRIPT = `
const history = { tx: [], rx: [] }
let last = read(document)
const pulse = document.getElementById('pulse')
function read(tree) { return JSON.parse(tree.getElementById('status').textContent) }
function scaled(value, units) {
  let at = 0
  while (value >= 999.5 && at < units.length - 1) { value /= 1000; at++ }
  return [value === 0 ? '0' : value.toPrecision(3).includes('e') ? Math.round(value) : value.toPrecision(3), units[at]]
}
function draw(key, seconds, now) {
  const bits = Math.max(0, now[key + 'Bytes'] - last[key + 'Bytes']) * 8 / seconds
  const packets = Math.max(0, now[key + 'Packets'] - last[key + 'Packets']) / seconds
  const [figure, unit] = scaled(bits, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'])
  const rate = document.getElementById(key + '-rate')
  rate.firstChild.data = figure
  rate.lastChild.textContent = unit
  document.getElementById(key + '-packets').textContent = scaled(packets, ['', ' k', ' M']).join('') + ' packets/s'
  const points = history[key]
  points.push(bits)
  if (points.length > 60) points.shift()
  const top = Math.max(...points, 1)
  const line = points.map((value, at) => (61 - points.length + at) + ' ' + (97 - 94 * value / top).toFixed(1))
  const [area, edge] = document.getElementById(key + '-chart').children
  edge.setAttribute('d', 'M' + line.join('L'))
  area.setAttribute('d', 'M' + (61 - points.length) + ' 100L' + line.join('L') + 'L60 100Z')
}
async function refresh() {
  try {
    const answer = await fetch('/', { cache: 'no-store', headers: { accept: 'text/html' }, signal: AbortSignal.timeout(5000) })
    const tree = new DOMParser().parseFromString(await answer.text(), 'text/html')
    const now = read(tree)
    const seconds = (now.at - last.at) / 1000
    if (seconds > 0) { draw('tx', seconds, now); draw('rx', seconds, now) }
    last = now
    for (const part of tree.querySelectorAll('[data-live]')) {
      const old = document.getElementById(part.id)
      if (old && old.innerHTML !== part.innerHTML && !old.contains(getSelection()?.anchorNode)) old.innerHTML = part.innerHTML
    }
    pulse.classList.remove('lost')
  } catch {
    pulse.classList.add('lost')
    document.getElementById('uptime').textContent = 'no answer'
  }
  setTimeout(refresh, document.hidden ? 5000 : 1000)
}
setTimeout(refresh, 1000)
`
