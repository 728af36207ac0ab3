// One transfer to the kernel, by reference, in a process of its own, which may die of it: run by nothing-touched.test.ts in a
// network namespace, with what is to happen as JSON in its argument. Prints what came, and what was counted, as JSON. Runs
// from dist/, as it is the addon of a whole process that is chosen here.

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, realpathSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import http from 'node:http'
import net from 'node:net'
import { faultInjector } from '../../dist/drivers/fault-injector.js'
import { createHost } from '../../dist/drivers/host/index.js'
import { seededRandom } from '../../dist/drivers/random.js'
import { configureInterface, openTap } from '../../dist/drivers/tap/index.js'
import { loadAddon, useAddon } from '../../dist/native/index.js'
import { sendFile } from '../../dist/tools/serve/send-file.js'

const PORT = 7000
const ADDRESS = '192.0.2.2'
const { addon: binary, source, path, features, loss, touch } = JSON.parse(process.argv[2])

if (binary) useAddon(binary)
const addon = loadAddon()
if (addon instanceof Error) throw addon
if (Boolean(binary) !== 'guardPayload' in addon) throw new Error('the addon that was loaded is not the one asked for')

const port = openTap({ name: 'pw0' })
configureInterface(port.name, { address: '192.0.2.1/24', up: true })
const host = await createHost({
  device: faultInjector(port, { random: seededRandom(11), offload: true, transmit: { loss } }),
  addresses: [`${ADDRESS}/24`],
  files: { store: source === 'read' ? 'read' : 'mapped' },
})
host.nic.features.set(features)

/** Memory that is guarded, of sources that are not mapped files. */
const guarded = []
if (binary && source === 'read') guardReadPages(host.files.store)
const payload = source === 'memory' ? memory() : null
if (touch === 'capture') host.capture({ write: () => {} })

const sent = []
const received = createHash('sha256')
if (source === 'http') await overHttp()
else await overTcp()
if (touch === 'javascript') payload.at(-1)
const guardedBytes = payload || source === 'read' ? total(guarded) : noAccess()

const { tx_copied_bytes, tx_summed_bytes, capture_copied_bytes } = host.nic.counters.statistics()
const { TcpPagewireCopiedOut, TcpRetransSegs } = host.counters
await host.close()
for (const bytes of guarded) addon.unguardPayload(bytes)
console.log(
  JSON.stringify({
    digest: received.digest('hex'),
    start: payload?.byteOffset ?? 0,
    sent: (await Promise.all(sent))[0],
    guardedBytes,
    copiedOut: TcpPagewireCopiedOut,
    copied: tx_copied_bytes,
    summed: tx_summed_bytes,
    captured: capture_copied_bytes,
    retransmitted: TcpRetransSegs,
    leaks: host.leaks(),
  }),
)

async function overTcp() {
  const server = host.net.createServer((socket) => {
    sent.push(payload ? socket.writeZeroCopy(payload) : socket.sendFile(path))
    socket.end()
  })
  await once(server.listen(PORT), 'listening')
  for await (const chunk of net.connect(PORT, ADDRESS)) received.update(chunk)
}

/** As the file server does it. */
async function overHttp() {
  const { size } = statSync(path)
  const server = http.createServer(async (_, response) => {
    const handle = await open(path)
    response.writeHead(200, { 'Content-Length': size })
    if (!(await sendFile(response, handle, 0, size - 1))) throw new Error('not by reference')
    response.end()
    await handle.close()
  })
  host.listen(server, PORT)
  await once(server, 'listening')
  for await (const chunk of (await fetch(`http://${ADDRESS}:${PORT}/`)).body) received.update(chunk)
  sent.push(size)
  server.closeAllConnections()
}

/** The file's bytes in memory of the host: the whole pages of it, which are guarded from here on. */
function memory() {
  const bytes = readFileSync(path)
  const own = host.alloc(bytes.length)
  bytes.copy(own)
  if (!binary) return own
  const pages = addon.guardPayload(own)
  guarded.push(pages)
  return pages
}

/** Pages of the read store are guarded as soon as the kernel has filled them. */
function guardReadPages(store) {
  const openFile = store.open.bind(store)
  store.open = async (handle) => {
    const file = await openFile(handle)
    const load = file.load.bind(file)
    file.load = (offset, length, done) => {
      load(offset, length, (page, errno) => {
        if (page) guarded.push(addon.guardPayload(page.bytes))
        done(page, errno)
      })
    }
    return file
  }
}

function total(pieces) {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** Bytes of the file that are mapped without any access, as the kernel has it; -1 when some can be accessed. */
function noAccess() {
  const name = realpathSync(path)
  let bytes = 0
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    if (!line.endsWith(` ${name}`)) continue
    const [, from, to, access] = /^(\w+)-(\w+) (...)/.exec(line)
    if (access !== '---') return -1
    bytes += Number(`0x${to}`) - Number(`0x${from}`)
  }
  return bytes
}
