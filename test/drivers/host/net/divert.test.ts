// A stretch of a stream that goes into buffers of the application's instead: exact in length, whatever follows it at once.

import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Socket } from '../../../../drivers/host/index.ts'
import { pattern } from '../../../support/pattern.ts'
import { NO_LEAKS, SimulatedArena } from '../arenas.ts'
import { told } from './recorder.ts'

let arena: SimulatedArena
afterEach(async () => {
  expect(await arena.close()).toEqual(NO_LEAKS)
})

async function pair(options: { pauseOnConnect?: boolean } = {}): Promise<{ socket: Socket; peer: Socket }> {
  arena = await SimulatedArena.make()
  return arena.settle(
    (async () => {
      const server = arena.server.createServer(options)
      server.listen(0)
      await once(server, 'listening')
      const accepted = told(server, 'connection')
      const socket = arena.client.connect(server.address()?.port as number, arena.address)
      const [peer] = (await accepted) as [Socket]
      server.close()
      return { socket, peer }
    })(),
  )
}

/** Diverts `length` bytes through a buffer of `size`; what came that way, and what the stream gave before and behind. */
function divide(peer: Socket, length: number, size: number, pause = 0) {
  const diverted: Buffer[] = []
  const streamed: Buffer[] = []
  const buffer = Buffer.alloc(size)
  let turns = 0
  peer.on('data', (piece) => streamed.push(piece))
  peer.divert(length, {
    buffer,
    callback: (bytes) => {
      diverted.push(Buffer.from(buffer.subarray(0, bytes)))
      if (pause === 0 || ++turns % pause !== 0) return true
      setImmediate(() => peer.resume())
      return false
    },
  })
  return { diverted: () => Buffer.concat(diverted), streamed: () => Buffer.concat(streamed) }
}

describe('divert', () => {
  it.each([
    ['in one piece with what follows', 10, 100, 0],
    ['through a buffer that is too small for a segment', 5000, 7, 0],
    ['with pauses', 5000, 100, 3],
    ['of much data', 1_000_000, 65_536, 0],
  ])('takes exactly the bytes asked for: %s', async (_name, length, size, pause) => {
    const { socket, peer } = await pair()
    const parts = divide(peer, length, size, pause)
    const all = Buffer.from(pattern(0, length + 3000))
    const closed = once(peer, 'close')
    socket.end(all)
    await arena.settle(closed)
    expect(parts.diverted().equals(all.subarray(0, length))).toBe(true)
    expect(parts.streamed().equals(all.subarray(length))).toBe(true)
    expect(peer.bytesRead).toBe(length + 3000)
  })

  it('stops when it is told to, also while the stream begins to flow', async () => {
    const { socket, peer } = await pair({ pauseOnConnect: true })
    socket.write(pattern(0, 1000))
    await arena.simulation.run({ forMicroseconds: 1_000_000 })
    let came = 0
    peer.divert(1000, {
      buffer: Buffer.alloc(100),
      callback: (bytes) => {
        came += bytes
        return false
      },
    })
    peer.resume()
    const seen: number[] = []
    for (let i = 0; i < 3; i++) {
      await arena.simulation.run({ forMicroseconds: 1_000_000 })
      peer.read(0)
      seen.push(came)
      peer.resume()
    }
    expect(seen).toEqual([100, 200, 300])
    socket.destroy()
    peer.destroy()
  })

  it('is over when its bytes came, with nothing behind them: no end, no data', async () => {
    const { socket, peer } = await pair()
    const parts = divide(peer, 1000, 4096)
    let ended = false
    peer.on('end', () => {
      ended = true
    })
    socket.write(pattern(0, 1000))
    await arena.simulation.run({ forMicroseconds: 1_000_000 })
    expect([parts.diverted().length, parts.streamed().length, ended]).toEqual([1000, 0, false])
    socket.write('behind')
    await arena.settle(once(peer, 'data'))
    expect(parts.streamed().toString()).toBe('behind')
    socket.destroy()
    peer.destroy()
  })

  it('ends with the connection when that breaks off', async () => {
    const { socket, peer } = await pair()
    const parts = divide(peer, 1000, 4096)
    const ended = once(peer, 'end')
    socket.end('short')
    await arena.settle(ended)
    expect(parts.diverted().toString()).toBe('short')
    peer.destroy()
  })

  it('refuses what makes no sense', async () => {
    const { socket, peer } = await pair()
    const onread = { buffer: Buffer.alloc(1), callback: () => true }
    expect(() => peer.divert(0, onread)).toThrow(RangeError)
    expect(() => peer.divert(1.5, onread)).toThrow(RangeError)
    expect(() => peer.divert(1, {} as never)).toThrow(TypeError)
    peer.divert(1, onread)
    expect(() => peer.divert(1, onread)).toThrow(TypeError)
    socket.destroy()
    peer.destroy()
  })
})
