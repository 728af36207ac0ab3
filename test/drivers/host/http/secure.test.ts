// What Node builds on top of sockets: TLS (with a pre-shared key, so that no certificate is needed), https and its agent,
// HTTP/2 over TCP and over TLS, each over our sockets on both ends.

import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import tls from 'node:tls'
import { afterEach, expect, it } from 'vitest'
import { pattern } from '../../../support/pattern.ts'
import { NO_LEAKS, SimulatedArena } from '../arenas.ts'
import { told } from '../net/recorder.ts'

let arena: SimulatedArena
afterEach(async () => {
  expect(await arena.close()).toEqual(NO_LEAKS)
})

const key = Buffer.from('d731ef57be09e5204f0b205b60627028', 'hex')
const ciphers = 'PSK-AES128-GCM-SHA256'
const serverSide = { ciphers, pskCallback: () => key, maxVersion: 'TLSv1.2' } as const
const clientSide = {
  ciphers,
  pskCallback: () => ({ psk: key, identity: 'client' }),
  checkServerIdentity: () => undefined,
  maxVersion: 'TLSv1.2',
} as const

it('a megabyte through TLS, both ways', async () => {
  arena = await SimulatedArena.make({ wire: { loss: 0.01, seed: 3 } })
  const content = Buffer.from(pattern(0, 1_000_000))
  const server = tls.createServer({ ...serverSide, allowHalfOpen: true }, (peer) => peer.pipe(peer))
  arena.a.listen(server, 443)
  const run = async () => {
    const socket = tls.connect({ ...clientSide, socket: arena.client.connect(443, arena.address) as never })
    await once(socket, 'secureConnect')
    expect(socket.getCipher().name).toBe(ciphers)
    const pieces: Buffer[] = []
    socket.on('data', (piece) => pieces.push(piece))
    socket.end(content)
    await once(socket, 'end')
    return Buffer.concat(pieces)
  }
  expect((await arena.settle(run())).equals(content)).toBe(true)
  await arena.settle(new Promise((resolve) => server.close(resolve)))
})

it('https with the host’s agent, which keeps its connection', async () => {
  arena = await SimulatedArena.make()
  let connections = 0
  const server = https.createServer(serverSide, (request, response) => response.end(`secret ${request.url}`))
  server.on('connection', () => connections++)
  arena.a.listen(server, 443)
  const agent = arena.b.secureAgent({ keepAlive: true, ...clientSide })
  const get = async (path: string) => {
    const request = https.get({ host: arena.address, path, agent })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    let text = ''
    for await (const piece of response) text += piece
    await arena.arrival()
    return text
  }
  expect(await arena.settle(get('/1'))).toBe('secret /1')
  expect(await arena.settle(get('/2'))).toBe('secret /2')
  expect(connections).toBe(1)
  agent.destroy()
  await arena.settle(new Promise((resolve) => server.close(resolve)))
})

it('a TLS client whose server is none is told so', async () => {
  arena = await SimulatedArena.make()
  const server = arena.server.createServer((peer) => peer.end('not TLS at all')).listen(443)
  const socket = tls.connect({ ...clientSide, socket: arena.client.connect(443, arena.address) as never })
  const [error] = await arena.settle(told(socket, 'error'))
  expect((error as NodeJS.ErrnoException).code).toMatch(/^ERR_SSL_|^EPROTO/)
  await arena.settle(arena.arrival())
  server.close()
})

it('HTTP/2 streams in parallel', async () => {
  arena = await SimulatedArena.make()
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    stream.respond({ ':status': 200 })
    stream.end(`${headers[':path']} `.repeat(5000))
  })
  arena.a.listen(server, 80)
  const run = async () => {
    const client = http2.connect(`http://${arena.address}`, {
      createConnection: () => arena.client.connect(80, arena.address),
    })
    const fetch = async (path: string) => {
      const stream = client.request({ ':path': path })
      stream.setEncoding('utf8')
      let text = ''
      for await (const piece of stream) text += piece
      return text === `${path} `.repeat(5000)
    }
    const all = await Promise.all(['/1', '/2', '/3', '/4'].map(fetch))
    client.close()
    await once(client, 'close')
    return all
  }
  expect(await arena.settle(run())).toEqual([true, true, true, true])
  await arena.settle(new Promise((resolve) => server.close(resolve)))
})
