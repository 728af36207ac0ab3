// Our sockets and servers can stand where a program's types ask for Node's: this compiles, and that is the test; at run time
// the members that the types promise are there.

import type nodeDgram from 'node:dgram'
import http from 'node:http'
import http2 from 'node:http2'
import nodeNet from 'node:net'
import type { Duplex } from 'node:stream'
import { expect, it } from 'vitest'
import type { Host, Socket } from '../../../drivers/index.ts'
import { SimulatedArena } from './arenas.ts'

/** Whatever is written here must compile; nothing calls it. */
function takesThem(host: Host, socket: Socket): void {
  const asNode: nodeNet.Socket = socket
  const asDuplex: Duplex = asNode
  const asStream: NodeJS.ReadWriteStream = asDuplex
  const datagrams: Pick<nodeDgram.Socket, 'bind' | 'close' | 'send' | 'address' | 'connect'> =
    host.dgram.createSocket('udp4')
  http.request({ createConnection: host.net.connect, agent: host.agent() })
  http2.connect('http://a.example', { createConnection: () => host.net.connect(80, '192.0.2.1') })
  host.listen(http.createServer(), 80)
  host.net.createServer((peer) => peer.pipe(peer)).listen({ port: 80, host: '192.0.2.1' }, () => {})
  asStream.end(datagrams.address().address)
}

it('the types are Node’s', () => {
  expect(takesThem).toBeTypeOf('function')
})

it('every member of Node’s Socket and Server is here', async () => {
  const arena = await SimulatedArena.make()
  const socket = new arena.client.Socket()
  const server = new arena.server.Server()
  const missing = (ours: object, theirs: object) =>
    Object.getOwnPropertyNames(theirs).filter((name) => !name.startsWith('_') && !(name in ours))
  expect(missing(socket, nodeNet.Socket.prototype)).toEqual([])
  expect(missing(server, nodeNet.Server.prototype)).toEqual([])
  expect(missing(socket, new nodeNet.Socket())).toEqual([])
  expect(missing(server, new nodeNet.Server())).toEqual([])
  expect(Symbol.asyncDispose in server).toBe(true)
  await arena.close()
})
