// What the network does to a socket, in Node's words and in virtual time: silence, resets, unreachable peers, time-outs; and
// what an exception of the application does to the others.

import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { NetworkError, Server, Socket } from '../../../../drivers/host/index.ts'
import { NO_LEAKS, SimulatedArena, type SimulatedArenaOptions } from '../arenas.ts'
import { told } from './recorder.ts'

let arena: SimulatedArena
afterEach(async () => {
  expect(await arena.close()).toEqual(NO_LEAKS)
})

const SECOND = 1_000_000

async function pair(options: SimulatedArenaOptions = {}): Promise<{ server: Server; socket: Socket; peer: Socket }> {
  arena = await SimulatedArena.make(options)
  const server = arena.server.createServer().listen(80)
  const accepted = told(server, 'connection')
  const socket = arena.client.connect(80, arena.address)
  await arena.settle(once(socket, 'connect'))
  const [peer] = (await arena.settle(accepted)) as [Socket]
  return { server, socket, peer }
}

const failure = async (socket: Socket) => (await arena.settle(told(socket, 'error')))[0] as NetworkError

describe('a peer that cannot be had', () => {
  it('is EHOSTUNREACH when nobody answers on the link', async () => {
    arena = await SimulatedArena.make()
    const error = await failure(arena.client.connect(80, '192.0.2.77'))
    expect(error).toMatchObject({ code: 'EHOSTUNREACH', syscall: 'connect', address: '192.0.2.77', port: 80 })
    expect(error.message).toMatch(/^connect EHOSTUNREACH 192\.0\.2\.77:80/)
  })

  it('is ENETUNREACH without a route', async () => {
    arena = await SimulatedArena.make()
    const error = await failure(arena.client.connect(80, '198.51.100.1'))
    expect(error).toMatchObject({ code: 'ENETUNREACH', syscall: 'connect', errno: -101 })
    expect(error.message).toBe('connect ENETUNREACH 198.51.100.1:80 - Local (0.0.0.0:0)')
  })

  it('is ETIMEDOUT when it takes frames and says nothing', async () => {
    arena = await SimulatedArena.make()
    const server = arena.server.createServer().listen(80)
    const warm = arena.client.connect(80, arena.address)
    await arena.settle(once(warm, 'connect'))
    arena.wire.change({ loss: 1 }, 'a')
    const began = arena.simulation.now
    const error = await failure(arena.client.connect(80, arena.address))
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect', errno: -110 })
    expect(arena.simulation.now - began).toBeGreaterThan(10 * SECOND)
    arena.wire.change({ loss: 0 }, 'a')
    warm.destroy()
    server.close()
  })

  it('is ENOTFOUND by a name, and 127.0.0.1 as localhost', async () => {
    arena = await SimulatedArena.make()
    const error = (await failure(arena.client.connect(80, 'a.example'))) as NetworkError & { hostname: string }
    expect(error).toMatchObject({ code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'a.example' })
    const socket = arena.client.connect(80)
    const lookup = told(socket, 'lookup')
    await failure(socket)
    expect(await lookup).toEqual([null, '127.0.0.1', 4, 'localhost'])
  })

  it('is found by the lookup of the host', async () => {
    const lookup = (
      _name: string,
      _options: unknown,
      callback: (error: null, address: string, family: number) => void,
    ) => callback(null, '192.0.2.1', 4)
    arena = await SimulatedArena.make({ b: { lookup } })
    const server = arena.server.createServer((peer) => peer.end()).listen(80)
    const socket = arena.client.connect(80, 'server.example').resume()
    await arena.settle(told(socket, 'close'))
    expect(socket.remoteAddress).toBe('192.0.2.1')
    server.close()
  })

  it('is an AbortError when the signal was aborted before, and no segment is sent', async () => {
    arena = await SimulatedArena.make()
    const signal = AbortSignal.abort()
    const socket = arena.client.connect({ port: 80, host: arena.address, signal })
    const closes: unknown[] = []
    socket.on('close', (hadError: boolean) => closes.push(hadError))
    expect((await failure(socket)).name).toBe('AbortError')
    await arena.settle(arena.arrival())
    expect(closes).toEqual([undefined])
    expect(arena.b.counters.TcpActiveOpens).toBe(0)
  })

  it('is blocked by a BlockList', async () => {
    arena = await SimulatedArena.make()
    const blockList = new arena.client.BlockList()
    blockList.addSubnet('192.0.2.0', 24)
    const error = await failure(arena.client.connect({ port: 80, host: arena.address, blockList }))
    expect(error.code).toBe('ERR_IP_BLOCKED')
  })
})

describe('a peer that goes away', () => {
  it('is ETIMEDOUT for a writer that is never answered', async () => {
    const { server, socket, peer } = await pair()
    // ARP still works: what is lost is TCP.
    arena.wire.change({ loss: (bytes) => bytes[12] === 8 && bytes[13] === 0 })
    socket.write('is anybody there?')
    const error = await failure(socket)
    expect(error).toMatchObject({ code: 'ETIMEDOUT' })
    arena.wire.change({ loss: 0 })
    peer.destroy()
    server.close()
  })

  it('is ETIMEDOUT by keep-alive, with the delays that libuv sets', async () => {
    const { server, socket, peer } = await pair()
    socket.resume()
    socket.setKeepAlive(true, 30_000)
    await arena.settle(arena.arrival())
    arena.wire.change({ loss: 1 })
    const began = arena.simulation.now
    const error = await failure(socket)
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'read' })
    const seconds = (arena.simulation.now - began) / SECOND
    expect(seconds).toBeGreaterThan(38)
    expect(seconds).toBeLessThan(43)
    arena.wire.change({ loss: 0 })
    peer.destroy()
    server.close()
  })
})

describe('options of a socket', () => {
  it('mark its packets, also when set before the connect', async () => {
    arena = await SimulatedArena.make()
    const server = arena.server.createServer((peer) => peer.resume()).listen(80)
    const marks = new Set<number>()
    arena.wire.observe((end, bytes) => {
      if (end === 'b' && bytes[23] === 6) marks.add(bytes[15])
    })
    const socket = new arena.client.Socket().setTypeOfService(0x10)
    expect(() => socket.setTypeOfService(256)).toThrow(RangeError)
    socket.connect(80, arena.address)
    await arena.settle(once(socket, 'connect'))
    socket.setTypeOfService(0x20)
    expect(socket.getTypeOfService()).toBe(0x20)
    socket.end()
    await arena.settle(told(socket, 'close'))
    expect([...marks].filter((mark) => mark !== 0)).toEqual([0x10, 0x20])
    server.close()
  })

  it('of the endpoint are taken by connect and createServer', async () => {
    arena = await SimulatedArena.make()
    const server = arena.server.createServer({ tcp: { congestion: 'reno' } }).listen(80)
    const accepted = told(server, 'connection')
    const socket = arena.client.connect({ port: 80, host: arena.address, tcp: { maxSegment: 600 } })
    await arena.settle(once(socket, 'connect'))
    const [peer] = (await arena.settle(accepted)) as [Socket]
    expect(peer.info()).toMatchObject({ congestion: 'reno' })
    expect(peer.info()?.sndMss).toBeLessThanOrEqual(600)
    expect(socket.info()?.congestion).toBe('cubic')
    socket.destroy()
    await arena.settle(told(peer.resume(), 'close'))
    server.close()
  })
})

describe('time-outs of a socket', () => {
  it('are told after silence, in virtual time, and close nothing', async () => {
    const { server, socket, peer } = await pair()
    const began = arena.simulation.now
    socket.setTimeout(3000)
    expect(socket.timeout).toBe(3000)
    await arena.settle(told(socket, 'timeout'))
    expect(arena.simulation.now - began).toBe(3 * SECOND)
    expect(socket.destroyed).toBe(false)
    socket.destroy()
    peer.destroy()
    server.close()
  })

  it('begin anew with each byte in or out, and stop at 0', async () => {
    const { server, socket, peer } = await pair()
    const times: number[] = []
    const began = arena.simulation.now
    socket.resume()
    socket.setTimeout(2000, () => times.push(arena.simulation.now - began))
    arena.simulation.after(1 * SECOND, () => socket.write('out'))
    arena.simulation.after(2.5 * SECOND, () => peer.write('in'))
    await arena.simulation.run({ forMicroseconds: 10 * SECOND })
    expect(times).toEqual([4.5 * SECOND + 1000])
    const listener = () => times.push(-1)
    socket.setTimeout(1000, listener)
    socket.setTimeout(0, listener)
    await arena.simulation.run({ forMicroseconds: 10 * SECOND })
    expect(times).toHaveLength(1)
    socket.destroy()
    peer.destroy()
    server.close()
  })

  it('wait for a slow write that moves, and not for one that does not', async () => {
    const tcp = { sendBuffer: 50_000, receiveBuffer: 50_000 }
    const { server, socket, peer } = await pair({ wire: { rate: 1_000_000 }, a: { tcp }, b: { tcp } })
    peer.resume()
    let timeouts = 0
    socket.on('timeout', () => timeouts++)
    socket.setTimeout(300)
    const written = new Promise<unknown>((resolve) => socket.write(Buffer.alloc(500_000), resolve))
    await arena.settle(written)
    expect(timeouts).toBe(0)
    peer.pause()
    socket.write(Buffer.alloc(500_000))
    await arena.simulation.run({ forMicroseconds: 20 * SECOND })
    expect(timeouts).toBeGreaterThan(0)
    socket.destroy()
    peer.destroy()
    server.close()
  })

  it('run while connecting', async () => {
    arena = await SimulatedArena.make()
    const socket = arena.client.connect({ port: 80, host: '192.0.2.77', timeout: 500 })
    await arena.settle(told(socket, 'timeout'))
    expect(arena.simulation.now).toBe(SECOND / 2)
    socket.destroy()
  })
})

describe('an exception in a listener', () => {
  it('leaves the poll, and the others are served', async () => {
    arena = await SimulatedArena.make()
    const texts: string[] = []
    const server = arena.server.createServer((peer) => {
      peer.once('data', (piece) => {
        texts.push(String(piece))
        if (String(piece) === 'bad') throw new Error('of the application')
      })
      peer.on('data', () => {})
    })
    server.listen(80)
    const sockets = ['one', 'bad', 'two'].map((text) =>
      arena.client.connect(80, arena.address).resume().setEncoding('utf8').end(text),
    )
    await expect(arena.simulation.run({ forMicroseconds: SECOND })).rejects.toThrow('of the application')
    await arena.simulation.run({ forMicroseconds: SECOND })
    expect(texts.sort()).toEqual(['bad', 'one', 'two'])
    for (const socket of sockets) expect(socket.destroyed).toBe(true)
    server.close()
  })

  it('in `connection` does not stop the accepting', async () => {
    arena = await SimulatedArena.make()
    let count = 0
    const server = arena.server.createServer((peer) => {
      peer.resume()
      if (++count === 1) throw new Error('of the application')
    })
    server.listen(80)
    for (let i = 0; i < 3; i++) arena.client.connect(80, arena.address).resume().end()
    await expect(arena.simulation.run({ forMicroseconds: SECOND })).rejects.toThrow('of the application')
    await arena.simulation.run({ forMicroseconds: SECOND })
    expect(count).toBe(3)
    server.close()
  })

  it('tells the rest of the data later', async () => {
    const { server, socket, peer } = await pair()
    const pieces: Buffer[] = []
    let thrown = false
    peer.on('data', (piece) => {
      pieces.push(piece)
      if (thrown) return
      thrown = true
      throw new Error('of the application')
    })
    const content = Buffer.alloc(300_000, 'abc')
    socket.end(content)
    socket.resume()
    await expect(arena.simulation.run({ forMicroseconds: SECOND })).rejects.toThrow('of the application')
    await arena.simulation.run({ forMicroseconds: SECOND })
    expect(Buffer.concat(pieces).equals(content)).toBe(true)
    expect(peer.destroyed).toBe(true)
    server.close()
  })
})
