// The control socket of a running stack: one request for each connection, answered by whoever was given. Owns the socket
// file: mode 0600, replaced when nobody answers behind it, removed at the end.

import { chmodSync, lstatSync, rmSync, unlinkSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { encodeBytesHeader, encodeMessage, FrameSplitter } from './framing.ts'
import type { Answers, RequestName, Requests } from './messages.ts'
import { parseRequest } from './requests.ts'

/** A stack has its socket answered so soon after it is there, milliseconds. */
const STARTING = 10_000
/** Clients at a time; more are turned away. */
const MAX_CLIENTS = 64

/** The way back to a client while its request is being answered. */
export interface Channel {
  send(event: object): void
  sendBytes(bytes: Uint8Array): void
  /** Bytes that wait for a slow client. */
  readonly waiting: number
  /** Fires when the client has left. */
  readonly signal: AbortSignal
}

export type Handlers = {
  [Name in RequestName]: (request: Requests[Name], channel: Channel) => Answers[Name] | Promise<Answers[Name]>
}

export class ControlServer {
  readonly path: string
  private readonly server: Server
  private readonly handlers: Handlers
  private readonly sockets = new Set<Socket>()

  private constructor(path: string, handlers: Handlers) {
    this.path = path
    this.handlers = handlers
    this.server = createServer({ allowHalfOpen: true }, (socket) => this.serve(socket))
    this.server.maxConnections = MAX_CLIENTS
  }

  /** Throws CommandError when a stack that lives has this socket already. */
  static async open(path: string, handlers: Handlers): Promise<ControlServer> {
    const control = new ControlServer(path, handlers)
    try {
      await control.listen()
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw new CommandError(`control socket ${path}: ${messageOf(error)}`)
      if (await answers(path))
        throw new CommandError(`a stack of this name runs already (${path}); give it another --tap NAME`)
      unlinkSync(path)
      await control.listen()
    }
    return control
  }

  /**
   * Removes sockets that nobody answers behind: what killed stacks left, whose namespaces may be gone for good. Those of
   * the last seconds may belong to a stack that is just starting, and stay.
   */
  static async sweep(paths: readonly string[], now = Date.now()): Promise<void> {
    for (const path of paths) {
      const stats = lstatSync(path, { throwIfNoEntry: false })
      if (!stats?.isSocket() || now - stats.mtimeMs < STARTING || (await answers(path))) continue
      rmSync(path, { force: true })
    }
  }

  /** Ends all answers and removes the socket. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    // Closing a listener on a path removes the path.
    await new Promise((closed) => this.server.close(closed))
  }

  private async listen(): Promise<void> {
    const mask = process.umask(0o177)
    try {
      await new Promise<void>((listening, failed) => {
        this.server.once('error', failed)
        this.server.listen(this.path, () => {
          this.server.off('error', failed)
          listening()
        })
      })
    } finally {
      process.umask(mask)
    }
    chmodSync(this.path, 0o600)
    this.server.on('error', () => {})
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket)
    const gone = new AbortController()
    let asked = false
    const refuse = (fault: string) => {
      asked = true
      socket.end(encodeMessage({ error: fault }))
    }
    const splitter = new FrameSplitter({
      onMessage: (message) => {
        if (asked) return
        asked = true
        void this.answer(message, socket, gone.signal)
      },
      onBytes: () => {
        if (!asked) refuse('raw bytes are not expected')
      },
    })
    socket.on('data', (chunk) => {
      const fault = splitter.push(chunk)
      if (fault === '') return
      socket.removeAllListeners('data')
      socket.resume()
      if (!asked) refuse(fault)
    })
    socket.on('error', () => {})
    // A client that is done says so by ending its side; answers that have no end of their own stop then.
    socket.on('end', () => {
      gone.abort()
      if (!asked) socket.end()
    })
    socket.on('close', () => {
      this.sockets.delete(socket)
      gone.abort()
    })
  }

  private async answer(message: Record<string, unknown>, socket: Socket, signal: AbortSignal): Promise<void> {
    const parsed = parseRequest(message)
    if (typeof parsed === 'string') {
      socket.end(encodeMessage({ error: parsed }))
      return
    }
    const handler = this.handlers[parsed.name] as (request: object, channel: Channel) => unknown
    try {
      const end = await handler(parsed.request, new SocketChannel(socket, signal))
      socket.end(encodeMessage({ end }))
    } catch (error) {
      socket.end(encodeMessage({ error: messageOf(error) }))
    }
  }
}

class SocketChannel implements Channel {
  readonly signal: AbortSignal
  private readonly socket: Socket

  constructor(socket: Socket, signal: AbortSignal) {
    this.socket = socket
    this.signal = signal
  }

  get waiting(): number {
    return this.socket.writableLength
  }

  send(event: object): void {
    if (this.socket.writable) this.socket.write(encodeMessage(event))
  }

  sendBytes(bytes: Uint8Array): void {
    if (!this.socket.writable) return
    this.socket.cork()
    this.socket.write(encodeBytesHeader(bytes.byteLength))
    this.socket.write(bytes)
    this.socket.uncork()
  }
}

/** Whether anybody listens behind a socket file. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'))
  })
}
