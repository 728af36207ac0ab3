// HTTP/1.1 for benchmarks, twice: Node's own `http` on our sockets, and a minimal responder that looks for the end of each
// request's head and writes one prepared answer. Both give 13 bytes at `/` and the file at `/big`. The minimal one is no
// server for anybody else: it takes requests without a body and believes their heads.

import { open, stat } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Socket as NodeSocket } from 'node:net'
import type { Host, Socket } from '../../drivers/index.ts'
import { sendFile } from '../serve/send-file.ts'

const BODY = 'Hello, world!'
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n`
const ANSWER = Buffer.from(HEAD + BODY)
/** The longest head that is waited for, bytes. */
const LONGEST = 16 * 1024

/** `ports`: of the minimal responder, and of Node's `http`. */
export async function serveHttp(
  host: Host,
  file: string | undefined,
  [minimal, node]: readonly [number, number],
  backlog: number,
): Promise<void> {
  const big: Big | null = file === undefined ? null : { file, size: (await stat(file)).size }
  await new Promise<void>((resolve, reject) => {
    const server = host.net.createServer({ noDelay: true }, (socket: NodeSocket) => respond(socket as Socket, big))
    server.once('error', reject)
    server.listen({ port: minimal, backlog }, resolve)
  })
  await host.listen(nodeServer(big), node)
}

/** Node's own `http`, on whatever sockets it is given. */
export function nodeServer(big: Big | null): Server {
  return createServer((request, response) => {
    if (request.url === '/big' && big) {
      response.writeHead(200, { 'Content-Length': big.size })
      answerBig(response, big).catch(() => response.destroy())
      return
    }
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': BODY.length })
    response.end(BODY)
  })
}

export interface Big {
  file: string
  size: number
}

async function answerBig(response: ServerResponse, { file, size }: Big): Promise<void> {
  const handle = await open(file)
  try {
    if (await sendFile(response, handle, 0, size - 1)) response.end()
  } finally {
    await handle.close()
  }
}

/** The minimal responder, on one connection. `big` needs a socket of ours. */
export function respond(socket: Socket, big: Big | null): void {
  let rest = ''
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes: Buffer) => {
    // A request that is whole and alone needs no looking at.
    let text = rest + bytes.toString('latin1')
    rest = ''
    for (;;) {
      const end = text.indexOf('\r\n\r\n')
      if (end < 0) break
      if (big && text.startsWith('GET /big ')) sendBig(socket, big)
      else socket.write(ANSWER)
      if (end + 4 === text.length) return
      text = text.slice(end + 4)
    }
    rest = text
    if (rest.length > LONGEST) socket.destroy()
  })
}

function sendBig(socket: Socket, { file, size }: Big): void {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`)
  socket.sendFile(file).catch(() => socket.destroy())
}
