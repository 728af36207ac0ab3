// Large writes that are lent to TCP: what the application does with its memory after the callback, or after the end of the socket,
// never changes what arrives; nothing stays registered; and what cannot be lent is copied as ever.

import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Socket } from '../../../../drivers/host/index.ts'
import { LEAST_LOAN, Loans } from '../../../../drivers/host/net/loans.ts'
import { SharedMemory } from '../../../../drivers/host/net/memory-transfer.ts'
import { plainMemory } from '../../../../drivers/wire/memory.ts'
import { EAGAIN } from '../../../../stack/base/errno.ts'
import type { Page } from '../../../../stack/buffer/page.ts'
import type { TcpEndpoint } from '../../../../stack/tcp/contract.ts'
import { pattern, patternMismatch } from '../../../support/pattern.ts'
import { NO_LEAKS, SimulatedArena, type SimulatedArenaOptions } from '../arenas.ts'
import { told } from './recorder.ts'

const MEGABYTE = 1 << 20
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** An endpoint that takes `space` bytes in all; what it refers to is the test's to give back. */
function endpointOf(space = Number.POSITIVE_INFINITY) {
  const pages: Page[] = []
  const seen = { reclaimed: 0, aborted: 0, memory: true }
  let queued = 0
  const endpoint = {
    loopback: false,
    get sendSpace() {
      return space - queued
    },
    sendPage(page: Page, _offset: number, length: number) {
      if (queued + length > space) return -EAGAIN
      queued += length
      pages.push(page)
      return length
    },
    reclaim(page: Page) {
      seen.reclaimed++
      if (!seen.memory) return false
      for (const each of pages.splice(0)) if (each === page) each.release()
      return true
    },
    abort() {
      seen.aborted++
      for (const each of pages.splice(0)) each.release()
    },
  }
  const acknowledge = () => {
    for (const page of pages.splice(0)) page.release()
  }
  const more = (bytes: number) => {
    space += bytes
  }
  return { endpoint: endpoint as unknown as TcpEndpoint, seen, acknowledge, more }
}

function lender() {
  const memory = plainMemory()
  const shared = new SharedMemory(memory)
  const borrower = { resumed: 0, _resumeTransfer: () => void borrower.resumed++ }
  return { memory, loans: new Loans(shared), borrower }
}

describe('a loan', () => {
  it('that is acknowledged at once is never copied', async () => {
    const { memory, loans, borrower } = lender()
    const { endpoint, seen, acknowledge } = endpointOf()
    const loan = loans.lend(borrower, endpoint, Buffer.alloc(MEGABYTE))!
    expect([loan.pump(endpoint), loan.queued, loan.remaining, memory.regions]).toEqual([0, MEGABYTE, 0, 1])
    acknowledge()
    expect([memory.regions, borrower.resumed]).toEqual([0, 0])
    await turn()
    expect([loan.pump(endpoint), borrower.resumed]).toEqual([1, 1])
    await turn()
    await turn()
    expect([seen.reclaimed, borrower.resumed]).toEqual([0, 1])
  })

  it('that is not is copied in the second turn of the loop, not before', async () => {
    const { memory, loans, borrower } = lender()
    const { endpoint, seen } = endpointOf()
    const loan = loans.lend(borrower, endpoint, Buffer.alloc(MEGABYTE))!
    loan.pump(endpoint)
    await turn()
    expect([seen.reclaimed, loan.pump(endpoint), borrower.resumed]).toEqual([0, 0, 0])
    await turn()
    await turn()
    expect([seen.reclaimed, loan.pump(endpoint), borrower.resumed, memory.regions]).toEqual([1, 1, 1, 0])
  })

  it('waits for the acknowledgment where there is no memory for a copy', async () => {
    const { memory, loans, borrower } = lender()
    const { endpoint, seen, acknowledge } = endpointOf()
    seen.memory = false
    const loan = loans.lend(borrower, endpoint, Buffer.alloc(MEGABYTE))!
    loan.pump(endpoint)
    for (let i = 0; i < 5; i++) await turn()
    expect([seen.reclaimed, loan.pump(endpoint), memory.regions]).toEqual([1, 0, 1])
    acknowledge()
    await turn()
    expect([loan.pump(endpoint), borrower.resumed, memory.regions]).toEqual([1, 1, 0])
  })

  it('refused for want of memory is copied when there is some again', async () => {
    const { memory, loans, borrower } = lender()
    const { endpoint, seen } = endpointOf()
    seen.memory = false
    const loan = loans.lend(borrower, endpoint, Buffer.alloc(MEGABYTE))!
    loan.pump(endpoint)
    for (let i = 0; i < 4; i++) await turn()
    loans.check()
    expect([seen.reclaimed, memory.regions]).toEqual([2, 1])
    seen.memory = true
    loans.check()
    loans.check()
    await turn()
    expect([seen.reclaimed, memory.regions, loan.pump(endpoint), borrower.resumed]).toEqual([3, 0, 1, 1])
  })

  it('is queued in parts as there is room', async () => {
    const { loans, borrower } = lender()
    const { endpoint, acknowledge, more } = endpointOf(100_000)
    const loan = loans.lend(borrower, endpoint, Buffer.alloc(LEAST_LOAN))!
    expect([loan.pump(endpoint), loan.queued]).toEqual([0, 100_000])
    acknowledge()
    for (let i = 0; i < 4; i++) await turn()
    expect([loan.pump(endpoint), borrower.resumed]).toEqual([0, 0])
    more(LEAST_LOAN)
    expect([loan.pump(endpoint), loan.remaining]).toEqual([0, 0])
    acknowledge()
    await turn()
    expect([loan.pump(endpoint), borrower.resumed]).toEqual([1, 1])
  })

  it('that is abandoned is copied at once, or its connection ends', () => {
    for (const memory of [true, false]) {
      const world = lender()
      const { endpoint, seen } = endpointOf(300_000)
      seen.memory = memory
      const loan = world.loans.lend(world.borrower, endpoint, Buffer.alloc(MEGABYTE))!
      loan.pump(endpoint)
      loan.abandon()
      loan.abandon()
      expect([seen.reclaimed, seen.aborted, world.memory.regions]).toEqual([1, memory ? 0 : 1, 0])
    }
  })

  it('whose buffer was detached ends the connection when it is abandoned', () => {
    const { loans, borrower, memory } = lender()
    const { endpoint, seen } = endpointOf()
    const bytes = new Uint8Array(MEGABYTE)
    const loan = loans.lend(borrower, endpoint, bytes)!
    loan.pump(endpoint)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    loan.abandon()
    expect([seen.reclaimed, seen.aborted, memory.regions]).toEqual([0, 1, 0])
  })

  it('is not made of few bytes, of shared or resizable memory, or to a peer on this host', () => {
    const { loans, borrower, memory } = lender()
    const { endpoint } = endpointOf()
    const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer
    const lent = [
      new Uint8Array(LEAST_LOAN - 1),
      new Uint8Array(new SharedArrayBuffer(MEGABYTE)),
      new Uint8Array(new Resizable(MEGABYTE, { maxByteLength: 2 * MEGABYTE })),
      // Farther into its buffer than a descriptor can say.
      { buffer: new ArrayBuffer(8), byteOffset: 2 ** 31 - MEGABYTE, length: MEGABYTE } as Uint8Array,
    ].map((bytes) => loans.lend(borrower, endpoint, bytes))
    lent.push(loans.lend(borrower, { ...endpoint, loopback: true }, new Uint8Array(MEGABYTE)))
    expect([lent, memory.regions]).toEqual([[null, null, null, null, null], 0])
  })
})

describe('large writes of a socket', () => {
  let arena: SimulatedArena
  afterEach(async () => {
    expect([arena.a.sending, arena.b.sending]).toEqual([
      { files: 0, buffers: 0 },
      { files: 0, buffers: 0 },
    ])
    expect(await arena.close()).toEqual(NO_LEAKS)
  })

  async function pair(options: SimulatedArenaOptions = {}): Promise<{ socket: Socket; peer: Socket }> {
    arena = await SimulatedArena.make(options)
    return arena.settle(
      (async () => {
        const server = arena.server.createServer()
        server.listen(0)
        await once(server, 'listening')
        const accepted = told(server, 'connection')
        const socket = arena.client.connect({ port: server.address()?.port as number, host: arena.address })
        const [peer] = (await accepted) as [Socket]
        if (socket.connecting) await once(socket, 'connect')
        server.close()
        return { socket, peer }
      })(),
    )
  }

  async function check(peer: Socket): Promise<number> {
    let at = 0
    for await (const piece of peer as AsyncIterable<Buffer>) {
      const wrong = patternMismatch(piece, at)
      if (wrong >= 0) throw new Error(`byte ${wrong} is wrong`)
      at += piece.length
    }
    return at
  }

  it.each([
    ['a clean wire', {}],
    ['a wire with offloads', { offload: true }],
    ['a lossy wire', { loss: 0.02, seed: 3 }],
    ['a narrow one', { rate: 100_000_000, queue: 60 }],
  ])('may be overwritten after their callback, over %s', async (_name, wire) => {
    const { socket, peer } = await pair({ wire })
    const memory = Buffer.alloc(MEGABYTE)
    const send = async () => {
      for (let i = 0; i < 6; i++) {
        const length = [MEGABYTE, LEAST_LOAN, 300_001][i % 3]
        const at = socket.bytesWritten
        memory.set(pattern(at, length))
        await new Promise<void>((resolve, reject) => {
          socket.write(memory.subarray(0, length), (error) => (error ? reject(error) : resolve()))
          expect(socket.bytesWritten).toBe(at + length)
        })
        memory.fill(0xee)
      }
      socket.end()
      memory.fill(0xdd)
    }
    const total = 2 * (MEGABYTE + LEAST_LOAN + 300_001)
    expect(await arena.settle(Promise.all([check(peer), send()]))).toEqual([total, undefined])
    peer.destroy()
  })

  it('go among small ones, in order, corked or not, and by end()', async () => {
    const { socket, peer } = await pair({ wire: { offload: true } })
    const whole = Buffer.from(pattern(0, 3 * MEGABYTE))
    const received = check(peer)
    socket.write(whole.subarray(0, 5))
    socket.cork()
    socket.write(whole.subarray(5, 400_000))
    socket.write(whole.subarray(400_000, 400_001))
    socket.write(whole.subarray(400_001, MEGABYTE))
    socket.uncork()
    socket.write(whole.subarray(MEGABYTE, MEGABYTE + 77))
    socket.end(whole.subarray(MEGABYTE + 77))
    expect(socket.bytesWritten).toBe(whole.length)
    expect(await arena.settle(received)).toBe(whole.length)
    peer.destroy()
  })

  it('the callback comes long before the acknowledgment on a long path', async () => {
    const { socket, peer } = await pair({ wire: { delay: 200_000 } })
    peer.resume()
    const before = arena.simulation.now
    await arena.settle(new Promise((resolve) => socket.write(Buffer.alloc(MEGABYTE), resolve)))
    expect(arena.simulation.now - before).toBe(0)
    expect(arena.b.counters['TcpPagewireCopiedOut']).toBe(MEGABYTE)
    socket.destroy()
    peer.destroy()
  })

  it('may be overwritten when the socket was destroyed: what still goes is what was written', async () => {
    const { socket, peer } = await pair({ wire: { delay: 5000 } })
    const memory = Buffer.from(pattern(0, MEGABYTE))
    const failed = new Promise((resolve) => socket.write(memory, resolve))
    const received = check(peer)
    await turn()
    socket.destroy()
    memory.fill(0xee)
    expect(await arena.settle(failed)).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
    const got = await arena.settle(received)
    expect(got).toBeGreaterThan(0)
    peer.destroy()
  })

  it('fail when the peer resets, and the memory is free', async () => {
    const { socket, peer } = await pair({ wire: { rate: 10_000_000 } })
    socket.on('error', () => {})
    const failed = new Promise((resolve) => socket.write(Buffer.alloc(8 * MEGABYTE), resolve))
    await arena.settle(arena.arrival())
    peer.resetAndDestroy()
    const error = await arena.settle(failed)
    expect(error).toBeInstanceOf(Error)
  })

  it.each([true, false])('destroyed while frames are on the ring, keep their bytes; offload: %s', async (offload) => {
    const { socket, peer } = await pair({ wire: { offload, b: { lineRate: 100_000_000 } } })
    const first = 4 * MEGABYTE
    socket.on('error', () => {})
    const received = check(peer)
    // Opens the congestion window.
    await arena.settle(new Promise((resolve) => socket.write(Buffer.from(pattern(0, first)), resolve)))
    await arena.settle(new Promise<void>((resolve) => arena.simulation.after(2_000_000, resolve)))
    const memory = Buffer.from(pattern(first, MEGABYTE))
    const ended = new Promise((resolve) => socket.write(memory, resolve))
    await arena.settle(new Promise<void>((resolve) => arena.simulation.after(100, resolve)))
    socket.destroy()
    await arena.settle(ended)
    memory.fill(0xee)
    expect(await arena.settle(received)).toBeGreaterThan(first)
    peer.destroy()
  })

  it('whose buffer is detached end the connection, and throw nothing', async () => {
    const { socket, peer } = await pair({ wire: { offload: true } })
    const errors: Error[] = []
    for (const each of [socket, peer]) each.on('error', (error) => errors.push(error))
    peer.resume()
    const bytes = new Uint8Array(2 * MEGABYTE)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.write(bytes)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    await arena.settle(closed)
    expect(errors[0]).toMatchObject({ code: 'EFAULT' })
    peer.destroy()
  })

  it('tell of an exception in their callback as small ones do', async () => {
    const { socket, peer } = await pair()
    peer.resume()
    const seen: string[] = []
    const listeners = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const onException = (error: Error) => seen.push(error.message)
    process.on('uncaughtException', onException)
    try {
      for (const [name, length] of Object.entries({ small: 8, large: MEGABYTE })) {
        const called = new Promise<void>((resolve) => {
          socket.write(Buffer.alloc(length), () => {
            resolve()
            throw new Error(name)
          })
        })
        await arena.settle(called)
        await turn()
      }
    } finally {
      process.off('uncaughtException', onException)
      for (const listener of listeners) process.on('uncaughtException', listener)
    }
    expect(seen).toEqual(['small', 'large'])
    socket.destroy()
    peer.destroy()
  })

  describe('to peers that do not read', () => {
    async function many(count: number): Promise<{ sockets: Socket[]; peers: Socket[] }> {
      arena = await SimulatedArena.make({ b: { limits: { transmitPages: 128 } } })
      return arena.settle(
        (async () => {
          const peers: Socket[] = []
          const server = arena.server.createServer((peer) => {
            peer.on('error', () => {})
            peers.push(peer)
          })
          server.listen(0)
          await once(server, 'listening')
          const sockets: Socket[] = []
          for (let i = 0; i < count; i++) {
            const socket = arena.client.connect({ port: server.address()?.port as number, host: arena.address })
            await once(socket, 'connect')
            socket.on('error', () => {})
            sockets.push(socket)
          }
          await arena.arrival()
          server.close()
          return { sockets, peers }
        })(),
      )
    }

    async function end(sockets: Socket[]): Promise<void> {
      for (const each of sockets) each.resetAndDestroy()
      await arena.settle(arena.arrival())
    }

    it.each([LEAST_LOAN, LEAST_LOAN - 1])('leave others pages: %d bytes', async (length) => {
      const { sockets, peers } = await many(41)
      for (const socket of sockets.slice(0, 40)) socket.write(Buffer.alloc(length))
      for (let i = 0; i < 6; i++) await turn()
      let written = false
      sockets[40].write(Buffer.alloc(20_000), () => {
        written = true
      })
      for (let i = 0; i < 6; i++) await turn()
      expect(written).toBe(true)
      await end([...sockets, ...peers])
    })

    it('end when others give their pages back', async () => {
      const { sockets, peers } = await many(41)
      const done = sockets.map(() => false)
      for (const [i, socket] of sockets.entries()) {
        socket.write(Buffer.alloc(LEAST_LOAN), (error) => {
          done[i] = !error
        })
      }
      for (let i = 0; i < 6; i++) await turn()
      const waiting = done.indexOf(false)
      expect(waiting).toBeGreaterThan(0)
      for (const socket of sockets.slice(0, waiting)) socket.resetAndDestroy()
      // No acknowledgment comes in the time of one poll.
      await arena.settle(new Promise<void>((resolve) => arena.simulation.after(0, resolve)))
      for (let i = 0; i < 4; i++) await turn()
      expect(done[waiting]).toBe(true)
      await end([...sockets, ...peers])
    })
  })
})
