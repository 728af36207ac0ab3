// Connections that are held: opened many at once, asked whether they live, closed again; and those that are held and not
// read from, or written to though nobody reads. The kernel's sockets in one client process. Checks what comes of it.

import { connect, type Socket } from 'node:net'
import { codeOf, messageOf } from '../cli/errors.ts'
import { Checker, type Content } from './content.ts'
import { DEAF_PORT, ECHO_PORT, type Opened, STACK, TALK_PORT, type Tally } from './messages.ts'
import { inParallel, quantiles } from './parallel.ts'

const FIRST_PORT = 10_000
const OPEN_LIMIT = 30_000
const ANSWER_LIMIT = 30_000

export class Holders {
  private readonly held: Socket[] = []
  private readonly stalled: Promise<void>[] = []
  private readonly pending: (() => void)[] = []
  private troubles: string[] = []
  private read = 0

  async open(count: number, address: string | null, atOnce: number): Promise<Opened> {
    const times: number[] = []
    let failed = 0
    let first = ''
    const from = performance.now()
    await inParallel(count, atOnce, async (i) => {
      const begun = performance.now()
      try {
        // A kernel that is to find a free port for an address searches all that are taken: the port is given.
        const from = address === null ? {} : { localAddress: address, localPort: FIRST_PORT + i }
        this.held.push(await opened(ECHO_PORT, from))
        times.push(performance.now() - begun)
      } catch (error) {
        failed++
        first ||= codeOf(error) || messageOf(error)
      }
    })
    const { median, worst } = quantiles(times)
    const seconds = (performance.now() - from) / 1000
    return { opened: times.length, failed, error: first, seconds, median, worst }
  }

  /** How many answered. */
  async probe(atOnce: number): Promise<Tally> {
    const times: number[] = []
    const troubles: string[] = []
    await inParallel(this.held.length, atOnce, async (i) => {
      const begun = performance.now()
      const trouble = await answers(this.held[i], i & 255)
      if (trouble === '') times.push(performance.now() - begun)
      else troubles.push(trouble)
    })
    const bytes = 2 * times.length
    return {
      done: times.length,
      bytes,
      by: {},
      failed: troubles.length,
      tolerated: 0,
      troubles: troubles.slice(0, 5),
      ...quantiles(times),
    }
  }

  async close(): Promise<number> {
    const all = this.held.splice(0)
    await inParallel(all.length, 500, async (i) => {
      const socket = all[i]
      if (socket.destroyed) return
      await new Promise<void>((resolve) => {
        socket.on('close', () => resolve())
        socket.resume()
        socket.end()
      })
    })
    return all.length
  }

  /** Resolves when all have asked; what they ask for then waits for `readOn`. */
  async stall(content: Content, readers: number, writers: number, bytes: number): Promise<number> {
    await inParallel(readers, 100, async (i) => {
      const socket = await opened(TALK_PORT)
      const origin = i * 31
      socket.write(`${JSON.stringify({ name: 'write', origin, bytes, until: 0 })}\n`)
      this.stalled.push(this.readLater(socket, new Checker(content, origin, bytes)))
    })
    await inParallel(writers, 100, async () => {
      const socket = await opened(DEAF_PORT)
      this.stalled.push(this.writeOn(socket, content, bytes))
    })
    return this.stalled.length
  }

  async readOn(): Promise<Tally> {
    for (const begin of this.pending.splice(0)) begin()
    const all = this.stalled.splice(0)
    await Promise.all(all)
    const troubles = this.troubles
    this.troubles = []
    const done = all.length - troubles.length
    const failed = troubles.length
    return { done, bytes: this.read, by: {}, failed, tolerated: 0, troubles: troubles.slice(0, 5), median: 0, worst: 0 }
  }

  /** Connections that ask for more than they will ever read; they end with the process. */
  async hang(count: number, address: string, bytes: number): Promise<number> {
    await inParallel(count, 100, async (i) => {
      const socket = await opened(TALK_PORT, { localAddress: address })
      socket.on('error', () => {})
      socket.pause()
      // Some only idle, the others have the stack send.
      if (i % 2 === 0) socket.write(`${JSON.stringify({ name: 'write', origin: 0, bytes, until: 0 })}\n`)
      this.held.push(socket)
    })
    return count
  }

  private readLater(socket: Socket, checker: Checker): Promise<void> {
    return new Promise((resolve) => {
      const end = (trouble: string) => {
        clearTimeout(limit)
        if (trouble !== '') this.troubles.push(trouble)
        this.read += checker.received
        socket.destroy()
        resolve()
      }
      let limit: NodeJS.Timeout | undefined
      socket.on('error', (error) => end(codeOf(error) || error.message))
      this.pending.push(() => {
        limit = setTimeout(() => end(`not read to its end within ${ANSWER_LIMIT / 1000} s`), ANSWER_LIMIT)
        socket.on('data', (chunk: Buffer) => {
          if (!checker.take(chunk)) end(checker.trouble)
        })
        socket.on('end', () => end(checker.complete ? '' : `ended after ${checker.received} bytes`))
      })
    })
  }

  private writeOn(socket: Socket, content: Content, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      let answer = ''
      const end = (trouble: string) => {
        clearTimeout(limit)
        if (trouble !== '') this.troubles.push(trouble)
        socket.destroy()
        resolve()
      }
      let limit: NodeJS.Timeout | undefined
      socket.on('error', (error) => end(codeOf(error) || error.message))
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1')
      })
      socket.on('end', () => end(answer === String(bytes) ? '' : `${answer || 'nothing'} came of ${bytes} bytes`))
      this.pending.push(() => {
        limit = setTimeout(() => end(`not taken within ${ANSWER_LIMIT / 1000} s`), ANSWER_LIMIT)
      })
      for (let at = 0; at < bytes; ) {
        const piece = content.slice(0, at, bytes - at)
        socket.write(piece)
        at += piece.length
      }
      socket.end()
    })
  }
}

/** Rejects when it is refused, or takes too long. */
export function opened(
  port: number,
  from: { localAddress?: string; localPort?: number } = {},
  limit = OPEN_LIMIT,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: STACK, port, noDelay: true, allowHalfOpen: true, ...from })
    const timer = setTimeout(() => socket.destroy(new Error(`not open within ${limit / 1000} s`)), limit)
    const fail = (error: Error) => {
      clearTimeout(timer)
      reject(error)
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

/** An empty string when the byte comes back. */
function answers(socket: Socket, byte: number): Promise<string> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve('closed by the stack')
    const end = (trouble: string) => {
      clearTimeout(timer)
      socket.removeAllListeners()
      socket.on('error', () => {})
      resolve(trouble)
    }
    const timer = setTimeout(() => end('no answer'), ANSWER_LIMIT)
    socket.once('error', (error) => end(codeOf(error) || error.message))
    socket.once('end', () => end('ended by the stack'))
    socket.once('data', (chunk: Buffer) => end(chunk.length === 1 && chunk[0] === byte ? '' : 'a wrong answer'))
    socket.write(Buffer.of(byte))
  })
}
