// `pagewire bench serve`: what a benchmark's client asks of a peer, each service on a port of its own, by nothing but the
// public API. The TAP is the caller's, and so is the kernel's end of it.

import { stat } from 'node:fs/promises'
import type { Socket as NodeSocket } from 'node:net'
import type { Host, Socket } from '../../drivers/index.ts'
import { type BulkWay, serveBulk } from './bulk.ts'
import { serveHttp } from './http.ts'

export interface ServeOptions {
  /** The file of 5011, 5012 and `/big`. */
  file?: string
  /** What answers on 8080: a minimal responder on the sockets, or Node's own `http`; the other one is on 8081. */
  http: 'minimal' | 'node'
}

/** Pieces in which memory is sent: large ones, so that what each costs is paid seldom. */
const MEMORY = 4 * 1024 * 1024
/** Pieces in which memory is written, as the servers on the kernel's sockets do, and in which a stream reads its file. */
const CHUNK = 1024 * 1024
const BACKLOG = 4096

/** Listens on all ports; resolves when it does. Rejects when there is no such file. */
export async function serveBenchmarks(host: Host, { file, http }: ServeOptions): Promise<void> {
  const memory = host.alloc(MEMORY).fill('x')
  await listen(host, 5001, bulk({ kind: 'zero-copy', memory }))
  await listen(host, 5004, bulk({ kind: 'write', memory: Buffer.alloc(CHUNK, 'x') }))
  await listen(host, 5002, (socket) => socket.resume())
  await listen(host, 5003, (socket) => socket.on('data', echo))
  if (file !== undefined) {
    const size = await sizeOf(file)
    await listen(host, 5011, bulk({ kind: 'send-file', file, size }))
    await listen(host, 5012, bulk({ kind: 'stream', file, size, chunk: CHUNK }))
  }
  await serveHttp(host, file, http === 'minimal' ? [8080, 8081] : [8081, 8080], BACKLOG)
}

/** Rejects when it is no file with bytes in it. */
async function sizeOf(file: string): Promise<number> {
  const stats = await stat(file)
  if (!stats.isFile() || stats.size === 0) throw new Error(`${file} is not a file with bytes in it`)
  return stats.size
}

function bulk(way: BulkWay): (socket: Socket) => void {
  return (socket) => serveBulk(socket, way)
}

// Shared by all sockets: a closure for each would be a large part of what an idle connection costs.

function echo(this: NodeSocket, bytes: Buffer): void {
  this.write(bytes)
}

/** A client that goes away has measured what it wanted. */
function hangUp(this: NodeSocket): void {
  this.destroy()
}

function listen(host: Host, port: number, serve: (socket: Socket) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = host.net.createServer({ noDelay: true }, (socket: NodeSocket) => {
      socket.on('error', hangUp)
      serve(socket as Socket)
    })
    server.once('error', reject)
    server.listen({ port, backlog: BACKLOG }, resolve)
  })
}
