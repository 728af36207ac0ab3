// What the stack serves to the soak's clients: conversations (a line of JSON says what is wanted), Node's `http`, an echo, and
// a port where nobody reads. By nothing but the public API. Counts how sockets ended, and remembers content that was wrong.

import { closeSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket as NodeSocket } from 'node:net'
import type { Host, Socket } from '../../drivers/index.ts'
import { codeOf, messageOf } from '../cli/errors.ts'
import { namelessFile } from '../lab/lab-file.ts'
import { BLOCK, Checker, Content, patternBlock } from './content.ts'
import { DEAF_PORT, ECHO_PORT, HTTP_PORT, TALK_PORT, type TalkRequest } from './messages.ts'

const BACKLOG = 4096
const MOST_TROUBLES = 20
const LONGEST_LINE = 4096
const PIECE = 65536

export class Services {
  readonly errors: Record<string, number> = {}
  readonly wrong: string[] = []
  sockets = 0
  private readonly host: Host
  private readonly content: Content
  /** The block once more, where the card can point at it. */
  private readonly shared: Buffer
  private readonly file: number
  private readonly deaf = new Set<NodeSocket>()
  private readonly onError: (this: NodeSocket, error: Error) => void
  private readonly onClose: () => void

  constructor(host: Host, seed: string) {
    this.host = host
    const count = (code: string) => {
      this.errors[code] = (this.errors[code] ?? 0) + 1
    }
    this.onError = function (error) {
      count(codeOf(error) || messageOf(error))
      this.destroy()
    }
    this.onClose = () => this.sockets--
    this.content = new Content(patternBlock(seed))
    this.shared = host.alloc(BLOCK)
    this.shared.set(this.content.block)
    this.file = namelessFile()
    writeSync(this.file, this.content.block)
  }

  async listen(): Promise<void> {
    await this.serve(TALK_PORT, (socket) => this.greet(socket))
    await this.serve(ECHO_PORT, (socket) => socket.on('data', echo).on('drain', readOn).on('end', endToo))
    await this.serve(DEAF_PORT, (socket) => {
      socket.pause()
      this.deaf.add(socket)
      socket.on('close', () => this.deaf.delete(socket))
    })
    const web = createServer((request, response) => this.answer(request, response))
    web.on('connection', (socket) => this.watch(socket as NodeSocket))
    await new Promise<void>((resolve) => this.host.listen(web, HTTP_PORT, null, BACKLOG, resolve))
  }

  close(): void {
    closeSync(this.file)
  }

  /** Those who did not read read to the end: pattern from offset 0, then the number of bytes as text. */
  listenUp(): void {
    for (const socket of this.deaf) this.takeUpload(socket, { name: 'upload', origin: 0, bytes: 0, until: 0 })
    this.deaf.clear()
  }

  private serve(port: number, begin: (socket: NodeSocket) => void): Promise<void> {
    const server = this.host.net.createServer({ noDelay: true, allowHalfOpen: true }, (socket: NodeSocket) => {
      this.watch(socket)
      begin(socket)
    })
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, backlog: BACKLOG }, resolve)
    })
  }

  private watch(socket: NodeSocket): void {
    this.sockets++
    socket.on('error', this.onError)
    socket.on('close', this.onClose)
  }

  /** The first line, however it was cut into pieces. */
  private greet(socket: NodeSocket): void {
    let head = Buffer.alloc(0)
    const onEnd = () => socket.end()
    const onData = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes])
      const end = head.indexOf(10)
      if (end < 0 && head.length < LONGEST_LINE) return
      socket.off('data', onData)
      socket.off('end', onEnd)
      socket.pause()
      if (end + 1 < head.length) socket.unshift(head.subarray(end + 1))
      this.talk(socket, head.toString('latin1', 0, end))
    }
    socket.on('data', onData)
    socket.on('end', onEnd)
  }

  private talk(socket: NodeSocket, line: string): void {
    let request: TalkRequest
    try {
      request = JSON.parse(line) as TalkRequest
    } catch {
      this.complain(`a request that is none: ${line.slice(0, 60)}`)
      socket.destroy()
      return
    }
    // A client that lets go in the middle ends what is being sent: that is an error of the socket, and counted there.
    const work = this.work(socket as Socket & NodeSocket, request)
    work.catch((error: unknown) => {
      if (!socket.destroyed) socket.destroy(error instanceof Error ? error : new Error(messageOf(error)))
    })
  }

  private async work(socket: Socket & NodeSocket, request: TalkRequest): Promise<void> {
    const { name } = request
    if (name === 'upload') return this.takeUpload(socket, request)
    if (name === 'echo') {
      socket.on('end', () => socket.end())
      socket.pipe(socket, { end: false })
      return
    }
    socket.resume()
    if (name === 'cut') {
      // This end lets go in the middle, as a program that crashed.
      await this.send(socket, request, request.until, 'write')
      socket.resetAndDestroy()
      return
    }
    await this.send(socket, request, request.bytes, name === 'reset' ? 'write' : name)
    socket.end()
  }

  private async send(socket: Socket, { origin }: TalkRequest, bytes: number, how: string): Promise<void> {
    for (let offset = 0; offset < bytes; ) {
      const at = (origin + offset) % BLOCK
      const length = Math.min(bytes - offset, BLOCK - at)
      if (how === 'send-file') {
        await socket.sendFile(`/proc/self/fd/${this.file}`, { start: at, end: at + length - 1 })
      } else if (how === 'zero-copy') await socket.writeZeroCopy(this.shared.subarray(at, at + length))
      else await writeAll(socket, this.content.block.subarray(at, at + length))
      offset += length
    }
  }

  private takeUpload(socket: NodeSocket, { origin, bytes }: TalkRequest): void {
    const checker = new Checker(this.content, origin, bytes > 0 ? bytes : Number.POSITIVE_INFINITY)
    socket.on('data', (chunk: Buffer) => {
      if (checker.take(chunk)) return
      this.complain(`upload: ${checker.trouble}`)
      socket.destroy()
    })
    socket.on('end', () => socket.end(String(checker.received)))
    socket.resume()
  }

  /** `/ORIGIN/BYTES`, whole or a range of it. */
  private answer(request: IncomingMessage, response: ServerResponse): void {
    const [, origin, bytes] = (request.url ?? '').split('/').map(Number)
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const ranged = from !== undefined
    const start = ranged ? Number(from) : 0
    const end = ranged ? Math.min(Number(to) + 1, bytes) : bytes
    response.writeHead(ranged ? 206 : 200, {
      'content-length': end - start,
      ...(ranged ? { 'content-range': `bytes ${start}-${end - 1}/${bytes}` } : {}),
    })
    let offset = start
    const more = () => {
      while (offset < end) {
        const piece = this.content.slice(origin, offset, Math.min(PIECE, end - offset))
        offset += piece.length
        if (!response.write(piece)) {
          response.once('drain', more)
          return
        }
      }
      response.end()
    }
    more()
  }

  private complain(what: string): void {
    if (this.wrong.length < MOST_TROUBLES) this.wrong.push(what)
  }
}

// Listeners of idle connections by the hundred thousand, shared by all sockets: closures for each would be an eighth of what
// a connection costs.

function echo(this: NodeSocket, bytes: Buffer): void {
  if (!this.write(bytes)) this.pause()
}

function readOn(this: NodeSocket): void {
  this.resume()
}

function endToo(this: NodeSocket): void {
  this.end()
}

async function writeAll(socket: Socket, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE) {
    if (socket.destroyed) return
    if (!socket.write(bytes.subarray(at, at + PIECE))) await drained(socket as Socket & NodeSocket)
  }
}

/** The buffer has room again, or nothing will ever be read from it. */
function drained(socket: NodeSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
    if (socket.destroyed) done()
  })
}
