// Whole hosts in virtual time: Node's http, its streams and files on our sockets, over a wire that loses frames. What takes
// minutes takes milliseconds, and the same seed gives the same capture, byte for byte, although Node's queues lie in between.

import { createReadStream } from 'node:fs'
import http from 'node:http'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { createHost } from '../../drivers/host/index.ts'
import { createWire, Simulation } from '../../drivers/wire/index.ts'
import { concat } from '../support/bytes.ts'

const FILE = fileURLToPath(new URL('../../package-lock.json', import.meta.url))

async function record(seed: number) {
  const simulation = new Simulation({ seed })
  const wire = createWire(simulation, { delay: 5000, rate: 20e6, queue: 50, loss: 0.02, seed })
  const { environment } = simulation
  const host = (name: 'a' | 'b', address: string) =>
    createHost({
      device: wire[name],
      addresses: [address],
      environment: { ...environment, random: simulation.random(name) },
      reactor: simulation,
    })
  const a = await host('a', '192.0.2.1/24')
  const b = await host('b', '192.0.2.2/24')
  const parts: Uint8Array[] = []
  const stop = b.capture({ write: (bytes: Uint8Array) => parts.push(bytes.slice()) })
  const server = http.createServer((_request, response) => {
    // The date is the machine's, not the simulation's.
    response.sendDate = false
    pipeline(createReadStream(FILE, { highWaterMark: 10_000 }), response).catch(() => {})
  })
  a.listen(server, 80)
  const bodies = await simulation.settle(Promise.all([1, 2, 3].map((n) => get(b.agent(), `/${n}`))))
  const time = simulation.now
  stop()
  server.close()
  await simulation.settle(Promise.all([a.close(), b.close()]))
  expect([a.leaks(), b.leaks(), wire.outstandingPages]).toEqual([
    { frames: 0, transmitPages: 0 },
    { frames: 0, transmitPages: 0 },
    0,
  ])
  return { file: concat(...parts), bodies, time }
}

function get(agent: http.Agent, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '192.0.2.1', port: 80, path, agent }, (response) => {
      let body = ''
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(body))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

test('three downloads over http: the same seed gives the same capture', async () => {
  const first = await record(1)
  const second = await record(1)
  expect(first.bodies[0].length).toBeGreaterThan(50_000)
  expect(new Set(first.bodies).size).toBe(1)
  expect(second.time).toBe(first.time)
  expect(second.file.length).toBe(first.file.length)
  expect(second.file.findIndex((byte, at) => byte !== first.file[at])).toBe(-1)
  const other = await record(2)
  expect(other.bodies).toEqual(first.bodies)
  expect(other.time).not.toBe(first.time)
})
