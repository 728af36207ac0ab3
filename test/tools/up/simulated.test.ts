// `pagewire up` on a simulated wire, as a newcomer without a TAP meets it: Node's own client through the bridged loopback
// port to the stack and back, and what the control socket answers about it. Everything real but the wire.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost, createWire, type Host } from '../../../drivers/index.ts'
import { PcapngReader } from '../../../drivers/pcap/index.ts'
import { cidr } from '../../../tools/cli/validators.ts'
import type { PingEvent } from '../../../tools/control/messages.ts'
import type { Channel } from '../../../tools/control/server.ts'
import { query } from '../../../tools/ethtool/messages.ts'
import type { Status } from '../../../tools/serve/status.ts'
import { pattern } from '../../../tools/services/chargen.ts'
import { type Service, serveClassics } from '../../../tools/services/index.ts'
import { createHandlers } from '../../../tools/up/control-handlers.ts'
import { type OpenStack, openOnWire } from '../../../tools/up/open-stack.ts'
import { completeOptions, type UpOptions } from '../../../tools/up/options.ts'
import { RealTimeSimulation } from '../../../tools/up/real-time.ts'
import { openFiles, serveAll, socketsOf } from '../../../tools/up/serve-all.ts'
import { statusOf } from '../../../tools/up/status.ts'

let folder: string
let options: UpOptions
let open: OpenStack
let service: Service
let status: () => Status
let url: string

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pagewire-wire-')))
  writeFileSync(join(folder, 'large.bin'), randomBytes(5_000_000))
  options = completeOptions({
    tap: 'pw0',
    address: cidr('192.0.2.2/24'),
    vnetHdr: true,
    port: 80,
    services: true,
    ftp: true,
    root: folder,
    writable: true,
    bridgePort: 0,
  })
  open = await openOnWire(options, () => {})
  const facts = { driver: open.driver, checksumEngine: open.checksumEngine, addresses: ['192.0.2.2/24'], started: 0 }
  status = () => statusOf(open.host, { ...facts, commands: [], files: true, uploads: true })
  service = await serveAll(open, options, await openFiles(options), status)
  url = `http://127.0.0.1:${open.bridge?.port}`
})

afterEach(async () => {
  service.close()
  await open.close()
  expect(open.host.leaks()).toEqual({ frames: 0, transmitPages: 0 })
  rmSync(folder, { recursive: true })
})

const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

async function get(path: string, headers: Record<string, string> = {}) {
  const answer = await fetch(url + path, { headers: { connection: 'close', ...headers } })
  return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) }
}

describe('through the bridge', () => {
  it('serves the page with the state of the stack', async () => {
    const { status: code, body } = await get('/')
    expect(code).toBe(200)
    expect(body.toString()).toContain('192.0.2.2/24')
    const json = JSON.parse((await get('/.pagewire/status.json')).body.toString()) as Status
    expect(json).toMatchObject({ name: 'pw0', driver: 'simulated wire' })
    expect(json.connections.some(({ state, local }) => state === 'ESTABLISHED' && local === '192.0.2.2:80')).toBe(true)
    expect(json.counters['TcpInSegs']).toBeGreaterThan(0)
    expect(json.figures.rxPackets).toBeGreaterThan(0)
    expect(json.interfaces[0].features.find(({ name }) => name === 'tcp-segmentation-offload')?.state).toBe('on')
  })

  it('serves a file byte-exact, whole and in pieces at the same time', async () => {
    const file = readFileSync(join(folder, 'large.bin'))
    const step = 625_000
    const ranges = Array.from({ length: 8 }, (_, i) =>
      get('/large.bin', { range: `bytes=${i * step}-${(i + 1) * step - 1}` }),
    )
    const [whole, ...pieces] = await Promise.all([get('/large.bin'), ...ranges])
    expect(sha(whole.body)).toBe(sha(file))
    expect(pieces.every((piece) => piece.status === 206)).toBe(true)
    expect(sha(Buffer.concat(pieces.map(({ body }) => body)))).toBe(sha(file))
  })

  it('takes an upload byte-exact', async () => {
    const body = randomBytes(3_000_000)
    const answer = await fetch(`${url}/upload/new.bin`, { method: 'PUT', body, headers: { connection: 'close' } })
    expect(answer.status).toBe(201)
    expect(sha(readFileSync(join(folder, 'new.bin')))).toBe(sha(body))
  })

  it('leaves nothing of an upload or a download that broke off', async () => {
    const upload = httpRequest(`${url}/upload/half`, { method: 'PUT', headers: { 'content-length': 1_000_000 } })
    upload.on('error', () => {})
    upload.write(Buffer.alloc(100_000))
    await expect.poll(() => readdirSync(folder).length).toBe(2)
    upload.destroy()
    const download = connect(open.bridge?.port ?? 0, '127.0.0.1')
    download.write('GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((first) => download.once('data', first))
    download.destroy()
    await expect.poll(() => readdirSync(folder)).toEqual(['large.bin'])
    await expect.poll(() => open.host.connections().filter(({ state }) => state === 'ESTABLISHED')).toEqual([])
  })
})

describe('over the control socket', () => {
  const identity = { tap: 'pw0', pid: 1, netns: '0', addresses: ['192.0.2.2/24'], driver: 'simulated wire' }

  function handlers() {
    return createHandlers({ host: open.host, identity, status, epochOffset: open.epochOffset })
  }

  function channel() {
    const sent: unknown[] = []
    const bytes: Uint8Array[] = []
    const controller = new AbortController()
    const end: Channel = {
      send: (event) => void sent.push(event),
      sendBytes: (piece) => void bytes.push(piece),
      waiting: 0,
      signal: controller.signal,
    }
    return { sent, bytes, controller, end }
  }

  const request = { address: '192.0.2.1', count: 5, interval: 0.001, timeout: 5, size: 56, ttl: 0 }

  it('pings the other end', async () => {
    const { sent, end } = channel()
    expect(await handlers().ping(request, end)).toEqual({ transmitted: 5 })
    const replies = (sent as PingEvent[]).filter((event) => event.ping === 'reply')
    expect(replies.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5])
    for (const reply of replies) expect(reply).toMatchObject({ from: '192.0.2.1', ttl: 64, bytes: 64 })
  })

  it('stops a ping without end when the client leaves', async () => {
    const { end, controller } = channel()
    const run = handlers().ping({ ...request, count: 0 }, end)
    controller.abort()
    expect(await run).toMatchObject({ transmitted: 1 })
  })

  it('records exactly as many frames as were asked for, of both directions, with the time of day', async () => {
    const { sent, bytes, end } = channel()
    const before = Date.now()
    const captured = handlers().capture({ snaplen: 100, count: 6 }, end)
    expect(sent).toEqual([{ capture: 'started' }])
    await get('/')
    expect(await captured).toEqual({ captured: 6, dropped: 0 })
    const packets = [...new PcapngReader(Buffer.concat(bytes)).packets()]
    expect(packets).toHaveLength(6)
    for (const packet of packets) expect(packet.bytes.length).toBeLessThanOrEqual(100)
    expect(new Set(packets.map(({ direction }) => direction)).size).toBe(2)
    for (const { time } of packets) expect(Math.abs(time / 1000 - before)).toBeLessThan(60_000)
  })

  it('switches a feature: the event is told, and the status page shows it', async () => {
    const heard: string[] = []
    const { end } = channel()
    const stop = open.host.nic.features.onChange(({ deltas }) => heard.push(...deltas.map(({ name }) => name)))
    const { change } = await handlers().ethtool(
      { ...query('change'), changes: { 'tx-generic-segmentation': false } },
      end,
    )
    stop()
    expect(change).toMatchObject({ ok: true, surprising: false })
    expect(heard).toEqual(['tx-generic-segmentation'])
    const shown = status().interfaces[0].features.find(({ name }) => name === 'generic-segmentation-offload')
    expect(shown?.state).toBe('off')
    const { statistics } = await handlers().ethtool(query('statistics'), end)
    expect(statistics).toHaveProperty('tx_packets')
    expect(await handlers().ethtool({ ...query('change'), changes: { bogus: true } }, end)).toMatchObject({
      change: { ok: false, unknown: ['bogus'] },
    })
  })

  it('answers nstat and ss', async () => {
    await get('/')
    const { end } = channel()
    const all = handlers()
    const counters = await all.nstat({ absolute: true, zeros: true, noUpdate: false }, end)
    expect(counters['TcpPassiveOpens']).toBeGreaterThan(0)
    expect(counters['TcpRetransSegs']).toBe(0)
    const sockets = await all.ss({ all: true }, end)
    expect(
      sockets
        .filter(({ state }) => state === 'LISTEN')
        .map(({ local }) => local)
        .sort(),
    ).toEqual(['*:19', '*:21', '*:7', '*:80', '*:9'])
    expect((await all.ss({ all: false }, end)).some(({ state }) => state === 'LISTEN')).toBe(false)
  })
})

describe('the classic services on two stacks', () => {
  let served: Host
  let client: Host
  let simulation: RealTimeSimulation
  let classics: Service

  beforeEach(async () => {
    simulation = new RealTimeSimulation()
    const wire = createWire(simulation)
    const drive = { reactor: simulation, environment: simulation.environment }
    served = await createHost({ ...drive, device: wire.a, addresses: ['192.0.2.2/24'] })
    client = await createHost({ ...drive, device: wire.b, addresses: ['192.0.2.1/24'] })
    classics = await serveClassics(socketsOf(served))
  })

  afterEach(async () => {
    classics.close()
    await client.close()
    await served.close()
    simulation.stop()
    expect([served.leaks(), client.leaks()]).toEqual(Array(2).fill({ frames: 0, transmitPages: 0 }))
  })

  function talk(port: number, bytes: Buffer, enough = Number.POSITIVE_INFINITY): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const socket = client.net.connect({ host: '192.0.2.2', port, allowHalfOpen: true })
      const chunks: Buffer[] = []
      let length = 0
      socket.on('error', reject)
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        length += chunk.length
        if (length >= enough) socket.destroy()
      })
      socket.on('close', () => resolve(Buffer.concat(chunks)))
      if (enough === Number.POSITIVE_INFINITY) socket.end(bytes)
    })
  }

  it('serves them over TCP', async () => {
    const megabyte = Buffer.alloc(1_000_000, 'pagewire')
    expect((await talk(7, megabyte)).equals(megabyte)).toBe(true)
    expect((await talk(9, megabyte)).length).toBe(0)
    const text = await talk(19, Buffer.alloc(0), 300_000)
    expect(text.equals(pattern(0, Math.ceil(text.length / 74)).subarray(0, text.length))).toBe(true)
  })

  it('serves them over UDP', async () => {
    const socket = client.dgram.createSocket('udp4')
    const next = () => new Promise<Buffer>((resolve) => socket.once('message', resolve))
    const echoed = next()
    socket.send('hello', 7, '192.0.2.2')
    expect((await echoed).toString()).toBe('hello')
    const generated = next()
    socket.send('x', 19, '192.0.2.2')
    const text = await generated
    expect(text.equals(pattern(0, 7).subarray(0, text.length))).toBe(true)
    socket.close()
  })
})
