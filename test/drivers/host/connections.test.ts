// The rows of `ss`: each kind of endpoint, in order, with its queues.

import { once } from 'node:events'
import { afterEach, expect, it } from 'vitest'
import { connectionRows } from '../../../drivers/host/connections.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { NO_LEAKS, SimulatedArena } from './arenas.ts'
import { told } from './net/recorder.ts'

let arena: SimulatedArena
afterEach(async () => {
  expect(await arena.close()).toEqual(NO_LEAKS)
})

it('counts what waits in either direction', async () => {
  arena = await SimulatedArena.make()
  const server = arena.server.createServer((peer) => peer.pause()).listen(80)
  const socket = arena.client.connect(80, arena.address)
  await arena.settle(once(socket, 'connect'))
  // Nobody takes these: an endpoint without a socket around it.
  const udp = arena.a.stack.udp.open()
  udp.bind(null, 9)
  const sender = arena.clientDgram.createSocket('udp4')
  const sent = new Promise<void>((resolve) => sender.send('twelve bytes', 9, arena.address, () => resolve()))
  await arena.settle(sent)
  socket.write(Buffer.alloc(200_000))
  await arena.settle(arena.arrival())
  const [listener, connection, datagrams] = connectionRows(arena.a.stack)
  expect(listener).toMatchObject({
    state: 'LISTEN',
    receiveQueue: 0,
    sendQueue: 511,
    local: { address: '*', port: 80 },
  })
  expect(connection.state).toBe('ESTABLISHED')
  expect(connection.receiveQueue).toBeGreaterThan(100_000)
  expect(connection.sendQueue).toBe(0)
  expect(datagrams).toMatchObject({ protocol: 'udp', state: 'UNCONN', receiveQueue: 12, sendQueue: 0 })
  udp.connect(IpAddress.from(arena.clientAddress), 99)
  expect(connectionRows(arena.a.stack)[2]).toMatchObject({
    state: 'ESTABLISHED',
    remote: { address: arena.clientAddress, port: 99 },
  })
  udp.close()
  socket.destroy()
  for (const host of [arena.a, arena.b]) host.close()
  await arena.settle(Promise.all([told(server, 'close'), told(sender, 'close')]))
})
