// Bytes in bulk between two hosts: exact in both directions over a bad wire, memory bounded when a reader is slow, and
// thousands of connections that come and go. Pools are empty at the end.

import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { Server, Socket } from '../../../../drivers/host/index.ts'
import { pattern, patternMismatch } from '../../../support/pattern.ts'
import { NO_LEAKS, SimulatedArena, type SimulatedArenaOptions } from '../arenas.ts'
import { told } from './recorder.ts'

let arena: SimulatedArena
afterEach(async () => {
  expect(await arena.close()).toEqual(NO_LEAKS)
})

async function pair(options: SimulatedArenaOptions = {}, socketOptions = {}) {
  arena = await SimulatedArena.make(options)
  return arena.settle(connectPair(socketOptions))
}

async function connectPair(socketOptions = {}): Promise<{ server: Server; socket: Socket; peer: Socket }> {
  const server = arena.server.createServer(socketOptions)
  server.listen(0)
  await once(server, 'listening')
  const accepted = told(server, 'connection')
  const socket = arena.client.connect({ port: server.address()?.port as number, host: arena.address, ...socketOptions })
  const [peer] = (await accepted) as [Socket]
  if (socket.connecting) await once(socket, 'connect')
  return { server, socket, peer }
}

/** The pattern's first bytes as a stream, in pieces of all sizes. */
function source(length: number): Readable {
  let at = 0
  return Readable.from(
    (function* () {
      while (at < length) {
        const size = Math.min(length - at, 1 + ((at * 7919) % 90_000))
        yield Buffer.from(pattern(at, size))
        at += size
      }
    })(),
    { objectMode: true },
  )
}

/** Reads to the end and checks every byte; how many there were. */
async function check(stream: AsyncIterable<Buffer>): Promise<number> {
  let at = 0
  for await (const piece of stream) {
    const wrong = patternMismatch(piece, at)
    if (wrong >= 0) throw new Error(`byte ${wrong} is wrong`)
    at += piece.length
  }
  return at
}

describe('bulk', () => {
  it.each([
    ['a clean wire', {}],
    ['a wire with offloads', { offload: true }],
    ['a small MTU', { mtu: 576 }],
    ['loss, reordering and duplicates', { loss: 0.02, reorder: 0.02, duplicate: 0.02, seed: 7 }],
    ['corruption', { corrupt: 0.02, seed: 8 }],
    ['a narrow pipe', { rate: 50_000_000, queue: 50 }],
  ])('both ways at once over %s', async (_name, wire) => {
    const length = 2_000_000
    const { server, socket, peer } = await pair({ wire })
    const work = Promise.all([
      check(socket),
      check(peer),
      pipeline(source(length), socket, { end: true }),
      pipeline(source(length), peer, { end: true }),
    ])
    const [atClient, atServer] = await arena.settle(work)
    expect([atClient, atServer]).toEqual([length, length])
    expect([socket.bytesRead, socket.bytesWritten, peer.bytesRead, peer.bytesWritten]).toEqual(Array(4).fill(length))
    server.close()
  })

  it('hands large payloads over with their pages, when the wire brings super-frames', async () => {
    const { server, socket, peer } = await pair({ wire: { offload: true } })
    const content = Buffer.from(pattern(0, 1_000_000))
    const pieces: Buffer[] = []
    socket.on('data', (piece) => pieces.push(piece))
    peer.end(content)
    await arena.settle(told(socket, 'close'))
    expect(Buffer.concat(pieces).equals(content)).toBe(true)
    // A view of a received page begins behind the headers; a copy begins where its memory does.
    const views = pieces.filter((piece) => piece.byteOffset > 0 && piece.buffer.byteLength > 60_000)
    expect(views.length).toBeGreaterThan(5)
    server.close()
  })

  it('stops a writer whose reader does not read, at bounded memory', async () => {
    const tcp = { sendBuffer: 256 * 1024, receiveBuffer: 256 * 1024 }
    const { server, socket, peer } = await pair({ a: { tcp }, b: { tcp } })
    peer.pause()
    let written = 0
    let stopped = false
    const piece = Buffer.alloc(16 * 1024)
    const fill = () => {
      while (written < 100_000_000) {
        written += piece.length
        if (!socket.write(piece)) {
          socket.once('drain', fill)
          return
        }
      }
    }
    fill()
    await arena.simulation.run({ forMicroseconds: 60_000_000, condition: undefined })
    expect(written).toBeGreaterThan(300_000)
    expect(written).toBeLessThan(700_000)
    expect(peer.bytesRead).toBeLessThanOrEqual(128 * 1024)
    expect(socket.writableNeedDrain).toBe(true)
    socket.on('drain', () => {
      stopped = true
    })
    socket.off('drain', fill)
    peer.resume()
    await arena.settle(told(socket, 'drain'))
    expect(stopped).toBe(true)
    socket.end()
    await arena.settle(Promise.all([told(socket, 'close'), told(peer, 'close')]))
    expect(peer.bytesRead).toBe(written)
    server.close()
  })

  it('makes one segment of many small writes', async () => {
    const { server, socket, peer } = await pair()
    peer.resume()
    const before = arena.b.counters.TcpOutSegs
    const frames: number[] = []
    const stop = arena.wire.observe((end, bytes) => {
      if (end === 'b') frames.push(bytes.length)
    })
    for (let i = 0; i < 50; i++) socket.write(`line ${i}\n`)
    await arena.settle(told(peer, 'data'))
    stop()
    expect(frames.filter((length) => length > 66)).toHaveLength(1)
    expect(arena.b.counters.TcpOutSegs - before).toBeLessThanOrEqual(2)
    socket.destroy()
    await arena.settle(told(peer, 'close'))
    server.close()
  })
})

describe('many connections', () => {
  it('2000, each with a question and an answer', async () => {
    arena = await SimulatedArena.make({ wire: { delay: 200 } })
    const count = 2000
    const server = arena.server.createServer((peer) => {
      peer.on('data', (piece) => peer.end(`you said ${piece}`))
    })
    server.listen({ port: 7, backlog: 4096 })
    let wrong = 0
    const one = async (i: number) => {
      const socket = arena.client.connect(7, arena.address)
      socket.setEncoding('utf8')
      socket.write(`${i}`)
      let text = ''
      for await (const piece of socket) text += piece
      if (text !== `you said ${i}`) wrong++
    }
    await arena.settle(Promise.all(Array.from({ length: count }, (_, i) => one(i))))
    expect(wrong).toBe(0)
    await arena.settle(new Promise((resolve) => server.close(resolve)))
    expect(arena.a.connections()).toEqual([])
    expect(arena.a.counters.TcpPassiveOpens).toBe(count)
  })

  it('one after the other on the same port', async () => {
    arena = await SimulatedArena.make({ wire: { delay: 100 } })
    const server = arena.server.createServer((peer) => peer.end('bye').resume())
    server.listen(7)
    const run = async () => {
      for (let i = 0; i < 200; i++) {
        const socket = arena.client.connect(7, arena.address)
        socket.resume()
        await once(socket, 'close')
      }
    }
    await arena.settle(run())
    server.close()
    await arena.settle(arena.arrival())
    expect(arena.b.connections()).toEqual([])
  })
})
