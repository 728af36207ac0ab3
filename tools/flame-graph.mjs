// Turns a V8 profile (`node --cpu-prof`) into a flame graph: one SVG that needs no script, reads on light and on dark ground,
// and names no place of the machine it was made on. Calls are merged by function; what V8 calls idle is left out; our own
// rooms have a colour each, Node and native code are grey. Plain Node, so that it runs without a build:
//   node tools/flame-graph.mjs FILE.cpuprofile [--title TEXT] [--note TEXT] [--skip MS] [--take MS] > OUT.svg
// --skip leaves out the beginning (loading and compiling), --take what comes so many milliseconds later (closing).

import { readFileSync } from 'node:fs'

const WIDTH = 1200
const ROW = 17
const MARGIN = 8
const CHARACTER = 6.7
/** Narrower than that nobody sees, pixels. */
const LEAST = 0.7
const ROOMS = { stack: '#f0a24b', nic: '#6fb3ea', drivers: '#58c08d', tools: '#d993c3' }
const GREY = '#b6bcc3'
/** Readable on white and on black. */
const TEXT = '#7a828b'
const OURS = /\/(?:dist\/)?(stack|nic|drivers|tools)\/((?:[\w.-]+\/)*[\w.-]+)\.[jt]s$/

const { file, title, note, skip, take } = readArguments(process.argv.slice(2))
const root = merge(JSON.parse(readFileSync(file, 'utf8')), skip * 1000, (skip + take) * 1000)
process.stdout.write(draw(root, title, note))

function readArguments(args) {
  const named = { '--title': '', '--note': '', '--skip': '0', '--take': 'Infinity' }
  let input
  for (let i = 0; i < args.length; i++) {
    if (args[i] in named) named[args[i]] = args[++i] ?? ''
    else input = args[i]
  }
  const skip = Number(named['--skip'])
  const take = Number(named['--take'])
  if (input === undefined || !(skip >= 0) || !(take > 0)) {
    process.stderr.write(
      'usage: node tools/flame-graph.mjs FILE.cpuprofile [--title TEXT] [--note TEXT] [--skip MS] [--take MS]\n',
    )
    process.exit(2)
  }
  return { file: input, title: named['--title'], note: named['--note'], skip, take }
}

/** The tree of calls, with the microseconds of each, itself and in all. */
function merge(profile, from, until) {
  const { nodes, samples, timeDeltas } = profile
  const own = new Map()
  let at = 0
  samples.forEach((id, i) => {
    at += timeDeltas[i]
    if (at > from && at <= until) own.set(id, (own.get(id) ?? 0) + Math.max(timeDeltas[i], 0))
  })
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const tree = frameOf('(all)', '')
  const add = (node, into) => {
    const { functionName, url } = node.callFrame
    if (functionName === '(idle)') return 0
    const self = own.get(node.id) ?? 0
    const base = functionName === '(root)'
    const frame = base ? tree : childOf(into, functionName, url)
    let total = self
    for (const id of node.children ?? []) total += add(byId.get(id), frame)
    frame.self += self
    frame.total += total
    return total
  }
  add(nodes[0], tree)
  return tree
}

function frameOf(name, url) {
  const ours = OURS.exec(url)
  const room = ours?.[1] ?? ''
  const place = ours
    ? `${room}/${ours[2]}.ts`
    : url.startsWith('node:')
      ? url
      : name.startsWith('(')
        ? ''
        : 'native code'
  const label =
    name === '' ? `(anonymous, ${ours ? ours[2].split('/').pop() : url.startsWith('node:') ? url : 'script'})` : name
  return { label, place, room, self: 0, total: 0, children: new Map() }
}

function childOf(parent, name, url) {
  const key = `${name} ${url}`
  let child = parent.children.get(key)
  if (!child) {
    child = frameOf(name, url)
    parent.children.set(key, child)
  }
  return child
}

function draw(tree, title, note) {
  const scale = (WIDTH - 2 * MARGIN) / Math.max(tree.total, 1)
  const boxes = []
  let depth = 0
  const place = (frame, x, level) => {
    const width = frame.total * scale
    if (width < LEAST) return
    depth = Math.max(depth, level)
    boxes.push({ frame, x, level, width })
    let from = x
    // Alphabetical, as flame graphs are: the width says how much.
    for (const child of [...frame.children.values()].sort((a, b) => (a.label < b.label ? -1 : 1))) {
      place(child, from, level + 1)
      from += child.total * scale
    }
  }
  place(tree, MARGIN, 0)
  const top = note === '' ? 44 : 62
  const height = top + (depth + 1) * ROW + MARGIN
  const lines = boxes.map((box) => rectangle(box, top + (depth - box.level) * ROW, tree.total))
  const style = `text{font:11px ui-monospace,Menlo,Consolas,monospace;fill:#16191d}.k{fill:${TEXT}}.t{font-size:13px}`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeXml(title || 'flame graph')}">
<style>${style}</style>
<text class="k t" x="${MARGIN}" y="16">${escapeXml(title)}</text>
${legend(tree)}${note === '' ? '' : `\n<text class="k" x="${MARGIN}" y="53">${escapeXml(note)}</text>`}
${lines.join('\n')}
</svg>
`
}

function rectangle({ frame, x, width }, y, all) {
  const percent = (time) => `${((100 * time) / all).toFixed(1)} %`
  const where = frame.place === '' ? '' : `, ${frame.place}`
  const tip = `${frame.label}${where}: ${percent(frame.total)}, itself ${percent(frame.self)}`
  const fits = Math.floor((width - 4) / CHARACTER)
  const text = frame.label.length <= fits ? frame.label : fits >= 4 ? `${frame.label.slice(0, fits - 1)}…` : ''
  const label = text === '' ? '' : `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escapeXml(text)}</text>`
  const fill = ROOMS[frame.room] ?? GREY
  // Half a pixel stays free, so that neighbours can be told apart on any ground.
  const size = `x="${x.toFixed(1)}" y="${y}" width="${Math.max(width - 0.5, 0.3).toFixed(1)}" height="${ROW - 1}"`
  return `<g><title>${escapeXml(tip)}</title><rect ${size} fill="${fill}"/>${label}</g>`
}

/** Each room's share of the time that is spent in its own functions. */
function legend(tree) {
  const shares = new Map()
  const visit = (frame) => {
    const room = frame.room || 'Node, native'
    shares.set(room, (shares.get(room) ?? 0) + frame.self)
    for (const child of frame.children.values()) visit(child)
  }
  visit(tree)
  let x = MARGIN
  const parts = [...Object.keys(ROOMS), 'Node, native'].map((room) => {
    const text = `${room} ${((100 * (shares.get(room) ?? 0)) / Math.max(tree.total, 1)).toFixed(0)} %`
    const part = `<rect x="${x}" y="25" width="11" height="11" fill="${ROOMS[room] ?? GREY}"/><text class="k" x="${x + 16}" y="35">${text}</text>`
    x += 40 + Math.ceil(text.length * CHARACTER)
    return part
  })
  return parts.join('')
}

function escapeXml(text) {
  return text.replace(/[&<>"]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[sign])
}
