// The same services by the same code over the kernel's own sockets: what `bench serve` is compared with. Arguments: address,
// file. Ports as there: 5004 by write, 5012 as a stream, 5002, 5003, the minimal responder and Node's `http`. Ends with its input.

import { statSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import type { Socket as OurSocket } from '../../drivers/index.ts'
import { serveBulk } from './bulk.ts'
import { nodeServer, respond } from './http.ts'

const [host, file] = process.argv.slice(2)
const MEMORY = 1024 * 1024
const BACKLOG = 4096

const memory = Buffer.alloc(MEMORY, 'x')
const { size } = statSync(file)

listen(5002, (socket) => socket.resume())
listen(5003, (socket) => socket.on('data', (bytes) => socket.write(bytes)))
listen(5004, (socket) => serveBulk(socket, { kind: 'write', memory }))
listen(5012, (socket) => serveBulk(socket, { kind: 'stream', file, size }))
listen(8080, (socket) => respond(socket, null))
nodeServer(null)
  .listen({ host, port: 8081, backlog: BACKLOG })
  .once('listening', () => process.stdout.write('{}\n'))
process.stdin.resume().once('end', () => process.exit())

/** These ways and the minimal responder use nothing that a socket of Node's has not. */
function listen(port: number, serve: (socket: OurSocket) => void): Server {
  const server = createServer({ noDelay: true }, (socket: Socket) => {
    socket.on('error', () => socket.destroy())
    serve(socket as unknown as OurSocket)
  })
  return server.listen({ host, port, backlog: BACKLOG })
}
