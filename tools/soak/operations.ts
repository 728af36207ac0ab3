// The client's half of each operation of the mixed traffic, over the kernel's sockets: asks, checks every byte that comes,
// and resolves with how many they were. Rejects with what was wrong. A time limit is on everything: to hang is to fail.

import { type Agent, get } from 'node:http'
import { connect, type Socket } from 'node:net'
import { codeOf } from '../cli/errors.ts'
import { Checker, type Content } from './content.ts'
import { HTTP_PORT, STACK, TALK_PORT } from './messages.ts'
import type { Operation } from './plan.ts'

export interface OperationContext {
  content: Content
  agent: Agent
  /** Milliseconds. */
  limit: number
}

/** Resolves with the bytes that came and went. */
export function perform(operation: Operation, context: OperationContext): Promise<number> {
  switch (operation.name) {
    case 'http':
      return fetchRange(operation, 0, operation.bytes, false, context)
    case 'range':
      return fetchRange(operation, operation.until, operation.bytes, true, context)
    case 'upload':
      return upload(operation, context)
    case 'echo':
      return echo(operation, context)
    case 'reset':
      return download(operation, context, 'reset')
    case 'cut':
      return download(operation, context, 'cut')
    default:
      return download(operation, context, 'whole')
  }
}

/** Opens, runs `body`, and sees to it that it ends one way or the other. */
function converse(
  { name, origin, bytes, until }: Operation,
  limit: number,
  body: (socket: Socket, done: (trouble: string, bytes: number) => void) => void,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: STACK, port: TALK_PORT, allowHalfOpen: true, noDelay: true })
    const done = (trouble: string, count: number) => {
      clearTimeout(timer)
      if (trouble === '') resolve(count)
      else {
        socket.destroy()
        reject(new Error(trouble))
      }
    }
    const timer = setTimeout(() => done(`nothing more within ${limit / 1000} s`, 0), limit)
    socket.on('error', (error) => done(codeOf(error) || error.message, 0))
    socket.write(`${JSON.stringify({ name, origin, bytes, until })}\n`)
    body(socket, done)
  })
}

function download(
  operation: Operation,
  { content, limit }: OperationContext,
  ending: 'whole' | 'reset' | 'cut',
): Promise<number> {
  const { origin, bytes, until } = operation
  return converse(operation, limit, (socket, done) => {
    const checker = new Checker(content, origin, bytes)
    const over = () => {
      if (checker.trouble !== '') done(checker.trouble, 0)
      else if (ending === 'cut' && checker.received > until) done('more than was sent before the cut', 0)
      else if (ending !== 'cut' && !checker.complete) done(`ended after ${checker.received} of ${bytes} bytes`, 0)
      else done('', checker.received)
    }
    // The other end was told to let go: its reset may overtake what was sent.
    if (ending === 'cut') {
      // A reset that is lost is not sent again: who only listens hears of it by asking.
      socket.setKeepAlive(true, 1000)
      socket.removeAllListeners('error')
      socket.on('error', (error) => (codeOf(error) === 'ECONNRESET' ? over() : done(codeOf(error), 0)))
    }
    socket.on('data', (chunk: Buffer) => {
      if (!checker.take(chunk)) return done(checker.trouble, 0)
      if (ending !== 'reset' || checker.received < until) return
      socket.resetAndDestroy()
      done('', checker.received)
    })
    socket.on('end', () => {
      socket.end()
      over()
    })
  })
}

/** Writes in pieces, shuts its half, and hears how much came. */
function upload(operation: Operation, { content, limit }: OperationContext): Promise<number> {
  const { bytes } = operation
  return converse(operation, limit, (socket, done) => {
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
    })
    socket.on('end', () => done(answer === String(bytes) ? '' : `${answer || 'nothing'} came of ${bytes} bytes`, bytes))
    pour(socket, operation, content, () => socket.end())
  })
}

/** Its half stays open until all is back. */
function echo(operation: Operation, { content, limit }: OperationContext): Promise<number> {
  const { origin, bytes } = operation
  return converse(operation, limit, (socket, done) => {
    const checker = new Checker(content, origin, bytes)
    socket.on('data', (chunk: Buffer) => {
      if (!checker.take(chunk)) done(checker.trouble, 0)
      else if (checker.received === bytes) socket.end()
    })
    socket.on('end', () => done(checker.complete ? '' : `ended after ${checker.received} of ${bytes} bytes`, 2 * bytes))
    pour(socket, operation, content, () => {})
  })
}

function pour(socket: Socket, { origin, bytes, piece }: Operation, content: Content, then: () => void): void {
  let offset = 0
  const more = () => {
    while (offset < bytes && !socket.destroyed) {
      const chunk = content.slice(origin, offset, Math.min(piece, bytes - offset))
      offset += chunk.length
      if (!socket.write(chunk)) {
        socket.once('drain', more)
        return
      }
    }
    then()
  }
  more()
}

function fetchRange(
  { origin, bytes }: Operation,
  from: number,
  to: number,
  ranged: boolean,
  { content, agent, limit }: OperationContext,
): Promise<number> {
  const headers = ranged ? { range: `bytes=${from}-${to - 1}` } : {}
  return new Promise((resolve, reject) => {
    const request = get({ host: STACK, port: HTTP_PORT, path: `/${origin}/${bytes}`, agent, headers }, (response) => {
      const checker = new Checker(content, origin + from, to - from)
      response.on('data', (chunk: Buffer) => {
        if (!checker.take(chunk)) request.destroy(new Error(checker.trouble))
      })
      response.on('error', fail)
      response.on('end', () => {
        clearTimeout(timer)
        if (response.statusCode !== (ranged ? 206 : 200)) reject(new Error(`status ${response.statusCode}`))
        else if (checker.complete) resolve(to - from)
        else reject(new Error(`ended after ${checker.received} of ${to - from} bytes`))
      })
    })
    const timer = setTimeout(() => request.destroy(new Error(`nothing more within ${limit / 1000} s`)), limit)
    const fail = (error: Error) => {
      clearTimeout(timer)
      reject(error)
    }
    request.on('error', fail)
  })
}
