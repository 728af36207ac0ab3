// The life of a host: what keeps the process alive, what it shows, how it ends.

import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import http from 'node:http'
import type nodeNet from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createHost, type HostOptions, type PingReply, type Socket } from '../../../drivers/host/index.ts'
import { createWire, Simulation } from '../../../drivers/wire/index.ts'
import { NO_LEAKS, SimulatedArena } from './arenas.ts'
import { told } from './net/recorder.ts'

let arena: SimulatedArena | null = null
afterEach(async () => {
  if (arena) expect(await arena.close()).toEqual(NO_LEAKS)
  arena = null
})

const make = async () => {
  arena = await SimulatedArena.make()
  return arena
}

describe('the end of a host', () => {
  it('closes servers, sends what was written and tells all', async () => {
    const { a, b, settle } = bind(await make())
    const server = a.net.createServer().listen(80)
    const accepted = told(server, 'connection')
    const socket = b.net.connect(80, '192.0.2.1')
    const [peer] = (await settle(accepted)) as [Socket]
    const chunks: Buffer[] = []
    socket.on('data', (piece) => chunks.push(piece))
    peer.resume()
    peer.write(Buffer.alloc(500_000, 'x'))
    const ends = Promise.all([told(server, 'close'), told(peer, 'close'), told(socket, 'close'), told(a, 'close')])
    await settle(a.close())
    await settle(ends)
    expect(Buffer.concat(chunks)).toHaveLength(500_000)
    expect(a.leaks()).toEqual({ frames: 0, transmitPages: 0 })
    expect(a.connections()).toEqual([])
  })

  it('aborts what does not end in time', async () => {
    const { a, b, settle, simulation } = bind(await make())
    const server = a.net.createServer((peer) => peer.pause()).listen(80)
    const socket = b.net.connect(80, '192.0.2.1')
    socket.on('error', () => {})
    await settle(once(socket, 'connect'))
    socket.write(Buffer.alloc(20_000_000))
    await settle(arrival(simulation))
    const began = simulation.now
    await settle(b.close({ timeout: 200 }))
    expect(simulation.now - began).toBe(200_000)
    expect(socket.destroyed).toBe(true)
    server.close()
  })

  it('gives the same promise twice, and nothing can be opened afterwards', async () => {
    const { a, settle } = bind(await make())
    expect(a.close()).toBe(a.close())
    await settle(a.close())
    const server = a.net.createServer().listen(80)
    const [refused] = await settle(told(server, 'error'))
    expect(refused).toMatchObject({ code: 'ENETDOWN', syscall: 'listen' })
    const socket = a.net.connect(80, '192.0.2.2')
    const [failed] = await settle(told(socket, 'error'))
    expect(failed).toMatchObject({ code: 'ENETDOWN', syscall: 'connect' })
    expect(() => a.dgram.createSocket('udp4').bind()).toThrow(/Not running/)
    await expect(a.ping('192.0.2.2').next()).rejects.toMatchObject({ code: 'ENETDOWN' })
  })

  it('closes a server of Node’s own and its idle connections', async () => {
    const { a, b, settle } = bind(await make())
    const server = a.listen(
      http.createServer((_request, response) => response.end('hello')),
      80,
    )
    const agent = b.agent({ keepAlive: true })
    const request = http.get({ host: '192.0.2.1', agent })
    const [response] = (await settle(once(request, 'response'))) as [http.IncomingMessage]
    response.resume()
    await settle(once(response, 'end'))
    const end = told(server, 'close')
    await settle(a.close())
    await settle(end)
    expect(server.listening).toBe(false)
    agent.destroy()
  })
})

describe('what keeps the process alive', () => {
  it('is an open server, a socket, a connect under way, and the last bytes', async () => {
    const { a, b, settle, simulation } = bind(await make())
    const alive = (host: typeof a) => (host as unknown as { handle: { referenced: boolean } }).handle.referenced
    await settle(arrival(simulation))
    expect([alive(a), alive(b)]).toEqual([false, false])
    const server = a.net.createServer((peer) => peer.resume()).listen(80)
    expect(alive(a)).toBe(true)
    server.unref()
    expect(alive(a)).toBe(false)
    const socket = b.net.connect(80, '192.0.2.1')
    expect(alive(b)).toBe(true)
    await settle(once(socket, 'connect'))
    socket.unref()
    expect(alive(b)).toBe(false)
    socket.ref()
    const closed = told(socket, 'close')
    socket.resume()
    socket.end('last words')
    socket.destroy()
    // The socket is gone, its FIN is on the way.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    simulation.runSync({ until: simulation.now })
    expect(alive(b)).toBe(true)
    await settle(closed)
    await settle(arrival(simulation))
    expect(alive(b)).toBe(false)
    server.close()
    await settle(arrival(simulation))
    expect(alive(a)).toBe(false)
    a.ref()
    expect(alive(a)).toBe(true)
    a.unref()
    expect(alive(a)).toBe(false)
  })
})

describe('what a host shows', () => {
  it('lists what is open as ss does', async () => {
    const { a, b, settle } = bind(await make())
    const server = a.net.createServer().listen(80, '192.0.2.1', 7)
    const any = a.net.createServer().listen(81)
    const accepted = told(server, 'connection')
    const socket = b.net.connect(80, '192.0.2.1')
    await settle(accepted)
    const datagrams = b.dgram.createSocket('udp4')
    datagrams.bind(53)
    await settle(once(datagrams, 'listening'))
    expect(a.connections()).toMatchObject([
      { protocol: 'tcp', state: 'LISTEN', local: { address: '192.0.2.1', port: 80 }, remote: null, sendQueue: 7 },
      { protocol: 'tcp', state: 'LISTEN', local: { address: '*', port: 81 }, remote: null },
      {
        protocol: 'tcp',
        state: 'ESTABLISHED',
        local: { address: '192.0.2.1', port: 80 },
        remote: { address: '192.0.2.2', port: socket.localPort },
        info: { state: 'ESTABLISHED', congestion: 'cubic' },
      },
    ])
    expect(b.connections()).toMatchObject([
      { state: 'ESTABLISHED' },
      { protocol: 'udp', state: 'UNCONN', local: { address: '*', port: 53 }, remote: null },
    ])
    expect(a.counters).toMatchObject({ TcpPassiveOpens: 1, TcpInErrs: 0 })
    expect(socket.info()?.state).toBe('ESTABLISHED')
    server.close()
    any.close()
  })

  it('captures what passes, with the simulation’s time', async () => {
    const { a, b, settle } = bind(await make())
    const blocks: Uint8Array[] = []
    const stop = b.capture({ write: (bytes: Uint8Array) => blocks.push(bytes) })
    const server = a.net.createServer((peer) => peer.end('hello')).listen(80)
    const socket = b.net.connect(80, '192.0.2.1').resume()
    await settle(told(socket, 'close'))
    const before = blocks.length
    const statistics = stop()
    expect(statistics.written).toBeGreaterThan(6)
    expect(before).toBe(statistics.written + 2)
    expect(Buffer.concat(blocks).includes('hello')).toBe(true)
    server.close()
  })

  it('tells when the carrier comes and goes', async () => {
    const { a, settle, simulation, wire } = bind(await make())
    const told: unknown[] = []
    a.on('link', (up, nic) => told.push([up, nic === a.nic]))
    wire.setLink(false)
    await settle(arrival(simulation))
    wire.setLink(true)
    await settle(arrival(simulation))
    expect(told).toEqual([
      [false, true],
      [true, true],
    ])
  })
})

describe('ping', () => {
  it('yields answers at the interval', async () => {
    const { b, settle, simulation } = bind(await make())
    const collect = async () => {
      const replies: PingReply[] = []
      for await (const reply of b.ping('192.0.2.1', { count: 3, interval: 500, size: 100 })) replies.push(reply)
      return replies
    }
    const replies = await settle(collect())
    expect(replies.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    for (const reply of replies) expect(reply).toMatchObject({ from: '192.0.2.1', ttl: 64, bytes: 108, error: null })
    expect(replies[2].time).toBe(2)
    expect(simulation.now).toBeGreaterThanOrEqual(1_002_000)
    expect(simulation.now).toBeLessThan(1_100_000)
  })

  it('says what did not work, and ends with a break or a signal', async () => {
    const { b, settle } = bind(await make())
    const nobody = b.ping('192.0.2.77', { count: 1, timeout: 10_000 })
    expect((await settle(nobody.next())).value).toMatchObject({ error: 'EHOSTUNREACH' })
    expect((await settle(nobody.next())).done).toBe(true)
    const away = b.ping('198.51.100.1', { count: 1 })
    expect((await settle(away.next())).value).toMatchObject({ error: 'ENETUNREACH', from: null })
    const broken = async () => {
      for await (const _ of b.ping('192.0.2.1')) break
    }
    await settle(broken())
    const controller = new AbortController()
    const signalled = b.ping('192.0.2.1', { signal: controller.signal })
    await settle(signalled.next())
    const next = signalled.next()
    next.catch(() => {})
    controller.abort()
    await expect(settle(next)).rejects.toMatchObject({ name: 'AbortError' })
    await expect(b.ping('192.0.2.1', { size: -1 }).next()).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' })
    await expect(b.ping('nobody').next()).rejects.toThrow(/not an IP address/)
  })

  it('is lost when the wire loses it', async () => {
    const { b, wire, settle } = bind(await make())
    const run = b.ping('192.0.2.1', { count: 2, interval: 10, timeout: 300 })
    expect((await settle(run.next())).value).toMatchObject({ error: null })
    wire.change({ loss: 1 })
    expect((await settle(run.next())).value).toMatchObject({ error: 'ETIMEDOUT', from: null })
    wire.change({ loss: 0 })
  })
})

describe('asynchronous context', () => {
  it('is that of whoever made the socket or the server, not of whoever asked for the poll', async () => {
    const { a, b, settle } = bind(await make())
    const storage = new AsyncLocalStorage<string>()
    const seen: (string | undefined)[] = []
    const see = () => seen.push(storage.getStore())
    const server = storage.run('server', () =>
      a.net.createServer((peer) => {
        see()
        peer.on('data', () => {
          see()
          peer.end()
        })
      }),
    )
    storage.run('listen', () => server.listen(80))
    const sockets = ['one', 'two'].map((name) =>
      storage.run(name, () => {
        const socket = b.net.connect(80, '192.0.2.1', see)
        socket.on('data', () => {})
        socket.on('close', see)
        return socket
      }),
    )
    await settle(Promise.all(sockets.map((socket) => once(socket, 'connect'))))
    storage.run('other', () => sockets[0].write('x'))
    await settle(told(sockets[0], 'close'))
    storage.run('other', () => sockets[1].write('x'))
    await settle(told(sockets[1], 'close'))
    expect(seen).toEqual(['one', 'two', 'listen', 'listen', 'listen', 'one', 'listen', 'two'])
    server.close()
  })
})

describe('servers of Node’s own', () => {
  it('know their address, refuse a second listen and hear of a port that is taken', async () => {
    const { a, settle } = bind(await make())
    const server = a.listen(http.createServer(), 8080, '192.0.2.1')
    await settle(once(server, 'listening'))
    expect(server.address()).toEqual({ address: '192.0.2.1', family: 'IPv4', port: 8080 })
    expect(server.listening).toBe(true)
    expect(() => a.listen(server, 8081)).toThrow(/more than once/)
    const other = a.listen(http.createServer(), 8080)
    const [error] = await settle(told(other as nodeNet.Server, 'error'))
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'listen', port: 8080 })
    expect(() => a.listen(http.createServer(), 70_000)).toThrow(RangeError)
    const end = told(server as nodeNet.Server, 'close')
    server.unref()
    server.ref()
    server.close()
    await settle(end)
    expect(server.address()).toBeNull()
  })

  it('close idle connections after their keep-alive time-out, in virtual time', async () => {
    const { a, b, settle, simulation } = bind(await make())
    const server = http.createServer({ keepAliveTimeout: 3000 }, (_request, response) => response.end('hello'))
    a.listen(server, 80)
    const socket = b.net.connect(80, '192.0.2.1')
    socket.resume()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await settle(told(socket, 'close'))
    // Node adds a second of its own from version 22.19 on.
    expect(simulation.now).toBeGreaterThanOrEqual(3_000_000)
    expect(simulation.now).toBeLessThan(4_200_000)
    server.close()
  })
})

describe('createHost', () => {
  it('draws a MAC address that is local, unicast and the same for the same seed', async () => {
    const address = async (seed: number) => {
      const simulation = new Simulation({ seed })
      const { environment } = simulation
      const options: HostOptions = { addresses: ['192.0.2.1/24'], environment, reactor: simulation }
      const host = await createHost({ ...options, device: createWire(simulation).a })
      const mac = host.nic.address
      await simulation.settle(host.close())
      expect(mac.high & 0x0300).toBe(0x0200)
      return mac.toString()
    }
    expect(await address(1)).toBe(await address(1))
    expect(await address(1)).not.toBe(await address(2))
  })

  it('takes several cards, which have one memory', async () => {
    const simulation = new Simulation()
    const { environment } = simulation
    const [one, two] = [createWire(simulation), createWire(simulation)]
    const interfaces = [
      { device: one.a, addresses: ['192.0.2.1/24'] },
      { device: { ...two.b, name: 'other', post: () => false } as never, addresses: ['198.51.100.1/24'] },
    ]
    await expect(createHost({ interfaces, environment, reactor: simulation })).rejects.toThrow(/one memory/)
    const { memory } = one.a as never
    const shared = createWire(simulation, { a: { name: 'second', memory } })
    const host = await createHost({
      interfaces: [interfaces[0], { device: shared.a, addresses: ['198.51.100.1/24'] }],
      gateway: '198.51.100.2',
      environment,
      reactor: simulation,
    })
    expect(host.nics.map((nic) => nic.name)).toEqual(['a', 'second'])
    expect(host.nic).toBe(host.nics[0])
    expect(host.stack.routes().some((route) => String(route.gateway) === '198.51.100.2')).toBe(true)
    await simulation.settle(host.close())
  })
})

const arrival = (simulation: Simulation) => new Promise<void>((resolve) => simulation.after(10_000, resolve))

function bind(subject: SimulatedArena) {
  const { a, b, simulation, wire } = subject
  return { a, b, simulation, wire, settle: <T>(promise: Promise<T>) => subject.settle(promise) }
}
