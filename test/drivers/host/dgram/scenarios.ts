// Programs for dgram, each run on Node's and on ours.

import { once } from 'node:events'
import type { DatagramSocket, RemoteInfo } from '../../../../drivers/host/index.ts'
import type { Arena } from '../arenas.ts'
import { type Recorder, told } from '../net/recorder.ts'

export type Scenario = (arena: Arena, recorder: Recorder) => Promise<void>

function record(recorder: Recorder, actor: string, socket: DatagramSocket): DatagramSocket {
  for (const event of ['listening', 'connect', 'close']) socket.on(event, () => recorder.say(actor, event))
  socket.on('error', (error) => recorder.say(actor, `error ${recorder.error(error)}`))
  socket.on('message', (message: Buffer, from: RemoteInfo) =>
    recorder.say(actor, `message ${message} ${from.family} ${from.size} ${from.address}`),
  )
  return socket
}

async function pair(arena: Arena, recorder: Recorder) {
  const server = record(recorder, 'server', arena.serverDgram.createSocket('udp4'))
  server.bind(0, arena.address)
  await once(server, 'listening')
  recorder.hide(arena.address, 'ADDRESS')
  recorder.hide(arena.clientAddress, 'ADDRESS')
  const { port } = server.address()
  recorder.hide(port, 'PORT')
  const client = record(recorder, 'client', arena.clientDgram.createSocket('udp4'))
  return { server, client, port }
}

async function closed(...sockets: DatagramSocket[]): Promise<void> {
  for (const socket of sockets) {
    const end = told(socket, 'close')
    socket.close()
    await end
  }
}

function sendAll(recorder: Recorder, client: DatagramSocket, port: number, address: string): Promise<void> {
  return new Promise((resolve) => {
    const say = (name: string) => (error: Error | null, bytes: number) => {
      recorder.say('client', `${name} ${error} ${bytes}`)
      if (name === 'last') resolve()
    }
    const bytes = Buffer.from('0123456789')
    client.send('text', port, address, say('text'))
    client.send(bytes, 2, 3, port, address, say('slice'))
    client.send([Buffer.from('a'), 'b', new Uint8Array([99])], port, address, say('list'))
    client.send(new DataView(bytes.buffer, bytes.byteOffset, 4), port, address, say('view'))
    client.send('', port, address, say('empty'))
    client.send(bytes, port, address, say('last'))
  })
}

export const scenarios: Record<string, Scenario> = {
  'there and back': async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    server.on('message', (message, from) => server.send(`answer to ${message}`, from.port, from.address))
    client.send('question', port, arena.address, (error, bytes) => recorder.say('client', `sent ${error} ${bytes}`))
    await once(client, 'message')
    await closed(client, server)
  },

  'the signatures of send': async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    await sendAll(recorder, client, port, arena.address)
    await arena.arrival()
    await arena.arrival()
    await closed(client, server)
  },

  'a connected socket': async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    client.connect(port, arena.address, () => recorder.say('client', 'callback'))
    await once(client, 'connect')
    const { address, family } = client.remoteAddress()
    recorder.say('client', `${address} ${family}`)
    client.send('one')
    client.send(Buffer.from('two!'), 0, 3, (error, bytes) => recorder.say('client', `sent ${error} ${bytes}`))
    for (const call of [() => client.send('x', port), () => client.connect(port, arena.address)]) {
      try {
        call()
      } catch (error) {
        recorder.say('client', recorder.error(error))
      }
    }
    await arena.arrival()
    await arena.arrival()
    client.disconnect()
    try {
      client.remoteAddress()
    } catch (error) {
      recorder.say('client', recorder.error(error))
    }
    await closed(client, server)
  },

  'nobody is there': async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    await closed(server)
    client.connect(port, arena.address)
    await once(client, 'connect')
    const failed = told(client, 'error')
    client.send('anybody?')
    await failed
    await closed(client)
  },

  binding: async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    const second = record(recorder, 'second', arena.serverDgram.createSocket({ type: 'udp4' }))
    second.bind(port, arena.address)
    await told(second, 'error')
    const elsewhere = record(recorder, 'elsewhere', arena.serverDgram.createSocket('udp4'))
    elsewhere.bind({ port: 0, address: '203.0.113.77' })
    await told(elsewhere, 'error')
    try {
      server.bind(0)
    } catch (error) {
      recorder.say('server', recorder.error(error))
    }
    await new Promise<void>((resolve) => client.bind(resolve))
    recorder.say('client', `${client.address().family} ${client.address().address} ${client.address().port > 0}`)
    await closed(server, client, second, elsewhere)
  },

  'after the close': async (arena, recorder) => {
    const { server, client, port } = await pair(arena, recorder)
    await closed(server, client)
    const calls = [() => client.send('x', port), () => client.bind(), () => client.address(), () => client.close()]
    for (const call of calls) {
      try {
        call()
      } catch (error) {
        recorder.say('client', recorder.error(error))
      }
    }
  },

  'a signal': async (arena, recorder) => {
    const controller = new AbortController()
    const { signal } = controller
    const socket = record(recorder, 'client', arena.clientDgram.createSocket({ type: 'udp4', signal }))
    socket.bind(0)
    await once(socket, 'listening')
    const end = told(socket, 'close')
    controller.abort()
    await end
  },

  'bad arguments': async (arena, recorder) => {
    const { server, client } = await pair(arena, recorder)
    const calls: Record<string, () => unknown> = {
      'a bad type': () => arena.clientDgram.createSocket('tcp' as never),
      'a bad signal': () => arena.clientDgram.createSocket({ type: 'udp4', signal: 7 as never }),
      'no port': () => client.send('x'),
      'port 0': () => client.send('x', 0),
      'port 70000': () => client.send('x', 70000),
      'an object': () => client.send({}, 7),
      'a list with an object': () => client.send([{}], 7),
      'an offset beyond': () => client.send(Buffer.alloc(3), 4, 1, 7, arena.address),
      'a length beyond': () => client.send(Buffer.alloc(3), 1, 3, 7, arena.address),
      'an address that is a number': () => client.send('x', 7, 7 as never),
      'connect to port 0': () => client.connect(0, arena.address),
      'connect to a number': () => client.connect(7, 7 as never),
      'a bad time to live': () => client.setTTL('x' as never),
      'a bad buffer size': () => client.setRecvBufferSize(-1),
      disconnect: () => client.disconnect(),
      remoteAddress: () => client.remoteAddress(),
    }
    for (const [name, call] of Object.entries(calls)) {
      try {
        call()
        recorder.say('caller', `${name}: taken`)
      } catch (error) {
        const { name: kind, code } = error as NodeJS.ErrnoException
        recorder.say('caller', `${name}: ${kind} ${code}`)
      }
    }
    await closed(server, client)
  },
}
