// Programs for net, each run on Node's and on ours. A program tells a recorder what it sees; it waits for events, never for
// time, and ends by itself.

import { once } from 'node:events'
import { pipeline } from 'node:stream/promises'
import type { Net, Server, Socket } from '../../../../drivers/host/index.ts'
import { pattern } from '../../../support/pattern.ts'
import type { Arena } from '../arenas.ts'
import { type Recorder, told } from './recorder.ts'

export type Scenario = (arena: Arena, recorder: Recorder) => Promise<void>

async function listening(net: Net, arena: Arena, recorder: Recorder, options = {}): Promise<Server> {
  const server = net.createServer(options)
  recorder.server('server', server)
  server.listen(0, arena.address)
  await once(server, 'listening')
  const port = portOf(server)
  recorder.hide(port, 'PORT')
  recorder.hide(arena.address, 'ADDRESS')
  return server
}

const portOf = (server: Server) => server.address()?.port as number

function client(arena: Arena, server: Server, recorder: Recorder, options = {}): Socket {
  const socket = arena.client.connect({ port: portOf(server), host: arena.address, ...options })
  recorder.socket('client', socket)
  return socket
}

/** Server and client, connected; the accepted socket is recorded as `peer`. */
async function pair(arena: Arena, recorder: Recorder, serverOptions = {}, clientOptions = {}) {
  const server = await listening(arena.server, arena, recorder, serverOptions)
  const accepted = told(server, 'connection')
  const socket = client(arena, server, recorder, clientOptions)
  const [peer] = (await accepted) as [Socket]
  recorder.socket('peer', peer)
  if (socket.connecting) await once(socket, 'connect')
  return { server, socket, peer }
}

async function closed(server: Server, ...sockets: Socket[]): Promise<void> {
  const ends = sockets.filter((socket) => !socket.closed).map((socket) => told(socket, 'close'))
  await Promise.all(ends)
  if (server.listening) {
    const end = told(server, 'close')
    server.close()
    await end
  }
}

export const scenarios: Record<string, Scenario> = {
  'client asks, server answers and ends': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('client', socket)
    peer.on('data', () => peer.end('answer'))
    socket.write('question')
    await closed(server, socket, peer)
  },

  'client ends, server follows': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('peer', peer)
    socket.resume()
    socket.end('all of it', () => recorder.say('client', 'end callback'))
    await closed(server, socket, peer)
  },

  'both end at once': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('peer', peer)
    recorder.data('client', socket)
    socket.end('one')
    peer.end('two')
    await closed(server, socket, peer)
  },

  'half-open on both sides': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder, { allowHalfOpen: true }, { allowHalfOpen: true })
    recorder.data('client', socket)
    peer.resume()
    socket.end('first')
    await once(peer, 'end')
    recorder.say('peer', `${peer.readyState} readable=${peer.readable} writable=${peer.writable}`)
    recorder.say('client', `${socket.readyState} readable=${socket.readable} writable=${socket.writable}`)
    peer.write('still ')
    peer.end('talking')
    await closed(server, socket, peer)
  },

  'a megabyte each way, byte for byte': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    const ends = Promise.all([told(socket, 'close'), told(peer, 'close')])
    const sent = Buffer.from(pattern(0, 1 << 20))
    const collect = async (from: Socket) => {
      const pieces: Buffer[] = []
      for await (const piece of from) pieces.push(piece as Buffer)
      return Buffer.concat(pieces)
    }
    const [a, b] = [collect(socket), collect(peer)]
    socket.end(sent)
    peer.end(sent)
    const same = [await a, await b].map((content) => content.equals(sent))
    await ends
    recorder.say('client', `same ${same}`)
    recorder.say('client', `${socket.bytesRead} in, ${socket.bytesWritten} out`)
    recorder.say('peer', `${peer.bytesRead} in, ${peer.bytesWritten} out`)
    recorder.told.client = recorder.told.client.filter((line) => line !== 'drain')
    recorder.told.peer = recorder.told.peer.filter((line) => line !== 'drain')
    await closed(server)
  },

  'nobody listens': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const port = portOf(server)
    await closed(server)
    const socket = arena.client.connect(port, arena.address, () => recorder.say('client', 'connected'))
    recorder.socket('client', socket)
    recorder.say('client', `${socket.connecting} ${socket.pending} ${socket.readyState}`)
    await told(socket, 'close')
    recorder.say('client', `${socket.connecting} ${socket.destroyed} ${socket.readyState} ${socket.remoteAddress}`)
  },

  'the port is taken': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const second = arena.server.createServer()
    recorder.server('second', second)
    second.listen(portOf(server), arena.address)
    await told(second, 'error')
    recorder.say('second', `${second.listening} ${second.address()}`)
    await closed(server)
  },

  'an address that is not here': async (arena, recorder) => {
    const server = arena.server.createServer()
    recorder.server('server', server)
    server.listen(0, '203.0.113.77')
    await told(server, 'error')
  },

  'a local address that is not here': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const socket = client(arena, server, recorder, { localAddress: '203.0.113.77' })
    await closed(server, socket)
  },

  'a local address and port': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const accepted = told(server, 'connection')
    const socket = client(arena, server, recorder, { localAddress: arena.clientAddress })
    const [peer] = (await accepted) as [Socket]
    if (socket.connecting) await once(socket, 'connect')
    peer.on('error', () => {})
    recorder.say('peer', `${peer.remoteAddress === arena.clientAddress} ${peer.remoteFamily}`)
    recorder.say('client', `${socket.localPort === peer.remotePort} ${socket.localAddress === arena.clientAddress}`)
    recorder.say('client', `${socket.remotePort === peer.localPort} ${socket.remoteFamily} ${socket.localFamily}`)
    peer.resume()
    peer.end()
    socket.resume()
    await closed(server, socket)
  },

  'the client destroys': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.resume()
    socket.destroy()
    recorder.say('client', `${socket.destroyed} ${socket.readyState}`)
    await closed(server, socket, peer)
  },

  'the client destroys with an error': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.resume()
    socket.destroy(Object.assign(new Error('mine'), { code: 'MINE' }))
    await closed(server, socket, peer)
  },

  'the client resets': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.resume()
    socket.resetAndDestroy()
    await closed(server, socket, peer)
  },

  'a reset of a socket that never was': async (arena, recorder) => {
    const socket = new arena.client.Socket()
    recorder.socket('client', socket)
    socket.resetAndDestroy()
    await told(socket, 'close')
  },

  'unread data turns the close into a reset': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder, { pauseOnConnect: true })
    recorder.data('client', socket)
    socket.write('never read')
    await arena.arrival()
    peer.destroy()
    await closed(server, socket, peer)
  },

  'write after end': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.resume()
    socket.end('x')
    socket.write('y', (error) => recorder.say('client', `write callback ${error && recorder.error(error)}`))
    await closed(server, socket, peer)
  },

  'write after the other side has ended': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    socket.resume()
    socket.once('end', () => {
      const taken = socket.write('late', (error) => recorder.say('client', `write ${error && recorder.error(error)}`))
      recorder.say('client', `taken ${taken}`)
      process.nextTick(() => {
        process.nextTick(() => {
          socket.write('later', (error) => recorder.say('client', `write ${error && recorder.error(error)}`))
        })
      })
    })
    peer.resume()
    peer.end()
    await closed(server, socket, peer)
  },

  'write, end and callbacks before the connection': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const accepted = told(server, 'connection')
    const socket = client(arena, server, recorder)
    socket.resume()
    recorder.say('client', `write ${socket.write('one', () => recorder.say('client', 'first callback'))}`)
    socket.write('two', () => recorder.say('client', 'second callback'))
    recorder.say('client', `bytes ${socket.bytesWritten} queued ${socket.writableLength}`)
    socket.end('three', () => recorder.say('client', 'end callback'))
    const [peer] = (await accepted) as [Socket]
    recorder.socket('peer', peer, { data: true })
    await closed(server, socket, peer)
    recorder.say('client', `bytes ${socket.bytesWritten}`)
  },

  'destroyed before the connection, with a write waiting': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const socket = client(arena, server, recorder)
    socket.write('never', (error) => recorder.say('client', `write ${error && recorder.error(error)}`))
    socket.destroy()
    recorder.say('client', `${socket.connecting} ${socket.destroyed}`)
    await told(socket, 'close')
    // A connection may have been made all the same: whether it was is chance.
    recorder.told.server = []
    await closed(server)
    recorder.told.server = []
  },

  'text in several encodings': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.setEncoding('hex')
    let text = ''
    peer.on('data', (piece) => {
      text += piece
    })
    socket.write('caf\u00e9', 'latin1')
    socket.write('caf\u00e9')
    socket.write('0aff', 'hex')
    socket.write('AQID', 'base64')
    socket.write('hi', 'utf16le')
    socket.write(new Uint8Array([9]))
    socket.end('\u00a3')
    socket.resume()
    await closed(server, socket, peer)
    recorder.say('peer', text)
    recorder.say('client', `bytes ${socket.bytesWritten}`)
  },

  'text in the default encoding': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.setEncoding('utf8')
    peer.on('data', (piece) => recorder.say('peer', piece))
    socket.setDefaultEncoding('hex')
    socket.end('6869')
    socket.resume()
    await closed(server, socket, peer)
  },

  'corked writes': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('peer', peer)
    socket.cork()
    for (let i = 0; i < 5; i++) socket.write(`line ${i}\n`, () => recorder.say('client', `written ${i}`))
    recorder.say('client', `length ${socket.writableLength} bytes ${socket.bytesWritten}`)
    socket.uncork()
    socket.resume()
    socket.end()
    await closed(server, socket, peer)
  },

  'bytes are counted when they are written, not when they leave': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    socket.cork()
    for (let i = 0; i < 4; i++) socket.write('\u00e9'.repeat(5_000_000))
    recorder.say('client', `corked ${socket.bytesWritten}`)
    socket.uncork()
    recorder.say('client', `uncorked ${socket.bytesWritten} ${socket.writableLength > 0}`)
    socket.write('more')
    recorder.say('client', `more ${socket.bytesWritten}`)
    socket.resume()
    peer.resume()
    socket.end()
    await closed(server, socket, peer)
    recorder.say('client', `${socket.bytesWritten}`)
    recorder.say('peer', `${peer.bytesRead}`)
    recorder.told.client = recorder.told.client.filter((line) => line !== 'drain')
  },

  'wrong chunks': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    for (const chunk of [null, 7, {}, undefined]) {
      try {
        socket.write(chunk as never)
      } catch (error) {
        recorder.say('client', recorder.error(error))
      }
    }
    try {
      socket.write('x', 'klingon' as never)
    } catch (error) {
      recorder.say('client', recorder.error(error))
    }
    peer.resume()
    socket.resume()
    socket.end()
    await closed(server, socket, peer)
  },

  'readable instead of data': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    let text = ''
    peer.on('readable', () => {
      for (let piece = peer.read(3); piece !== null; piece = peer.read(3)) text += `${piece}|`
      const rest = peer.read()
      if (rest !== null) text += `${rest}|`
    })
    socket.resume()
    socket.end('abcdefg')
    await closed(server, socket, peer)
    recorder.say('peer', text)
  },

  'paused on connect': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder, { pauseOnConnect: true })
    const accepted = told(server, 'connection')
    const socket = client(arena, server, recorder)
    socket.end('early')
    socket.resume()
    const [peer] = (await accepted) as [Socket]
    recorder.say('peer', `paused ${peer.isPaused()} flowing ${peer.readableFlowing}`)
    recorder.socket('peer', peer, { data: true })
    recorder.say('peer', `bytes ${peer.bytesRead}`)
    peer.resume()
    await closed(server, socket, peer)
  },

  'pipe back': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.pipe(peer)
    recorder.data('client', socket)
    socket.end('there and back')
    await closed(server, socket, peer)
  },

  'pipeline into the socket': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('peer', peer)
    socket.resume()
    async function* lines() {
      for (let i = 0; i < 100; i++) yield `line ${i}\n`
    }
    await pipeline(lines, socket)
    recorder.say('client', 'pipeline done')
    await closed(server, socket, peer)
  },

  'a buffer of the application’s own': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const accepted = told(server, 'connection')
    const buffer = Buffer.alloc(5)
    let text = ''
    const onread = {
      buffer,
      callback: (length: number, bytes: Uint8Array) => {
        text += Buffer.from(bytes.subarray(0, length)).toString()
        return true
      },
    }
    const socket = client(arena, server, recorder, { onread })
    socket.on('data', () => recorder.say('client', 'data must not come'))
    const [peer] = (await accepted) as [Socket]
    peer.end('one two three')
    peer.resume()
    socket.once('end', () => recorder.say('client', text))
    await closed(server, socket)
    recorder.say('client', `bytes ${socket.bytesRead}`)
  },

  'a buffer of the application’s own, made anew and paused': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const accepted = told(server, 'connection')
    let text = ''
    let calls = 0
    const socket: Socket = client(arena, server, recorder, {
      onread: {
        buffer: () => Buffer.alloc(4),
        callback: (length: number, bytes: Uint8Array) => {
          text += Buffer.from(bytes.subarray(0, length)).toString()
          if (++calls === 2) {
            setImmediate(() => {
              recorder.say('client', `paused with ${text}`)
              socket.resume()
            })
            return false
          }
          return true
        },
      },
    })
    const [peer] = (await accepted) as [Socket]
    peer.end('0123456789')
    peer.resume()
    await closed(server, socket)
    recorder.say('client', text)
  },

  'setters chain and the address is told': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    const chain = [socket.setNoDelay(), socket.setKeepAlive(true, 5000), socket.setTimeout(0), socket.ref()]
    recorder.say('client', `chain ${chain.every((each) => each === socket)}`)
    const { family, ...rest } = socket.address() as { family: string }
    recorder.say('client', `${family} ${Object.keys(rest).sort()}`)
    recorder.say('client', `${typeof socket.bytesRead} ${socket.bufferSize} ${socket.timeout}`)
    recorder.say('client', `${socket.server} ${peer.server === server}`)
    recorder.say('server', `${Object.keys(server.address() ?? {}).sort()} ${server.address()?.family}`)
    peer.resume()
    socket.resume()
    socket.end()
    await closed(server, socket, peer)
    recorder.say('client', `${JSON.stringify(socket.address())} ${socket.pending} ${socket.closed}`)
    recorder.say('server', `${server.address()}`)
  },

  'the server closes while a connection lives': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    peer.resume()
    socket.resume()
    const count = await new Promise<number>((resolve) => server.getConnections((_error, value) => resolve(value)))
    recorder.say('server', `connections ${count}`)
    const end = told(server, 'close')
    server.close((error) => recorder.say('server', `close callback ${error}`))
    recorder.say('server', `listening ${server.listening} ${server.address()}`)
    await new Promise<void>((resolve) => setImmediate(resolve))
    socket.end()
    await Promise.all([end, told(socket, 'close')])
    const after = await new Promise<number>((resolve) => server.getConnections((_error, value) => resolve(value)))
    recorder.say('server', `connections ${after}`)
  },

  'closing a server that does not run': async (arena, recorder) => {
    const server = arena.server.createServer()
    recorder.server('server', server)
    const end = told(server, 'close')
    server.close((error) => recorder.say('server', `callback ${recorder.error(error)}`))
    await end
  },

  'a server listens again after its close': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    try {
      server.listen(0, arena.address)
    } catch (error) {
      recorder.say('server', recorder.error(error))
    }
    await closed(server)
    server.listen({ port: 0, host: arena.address, backlog: 5 }, () => recorder.say('server', 'callback'))
    await once(server, 'listening')
    await closed(server)
  },

  'a server closed before it listens': async (arena, recorder) => {
    const server = arena.server.createServer()
    recorder.server('server', server)
    server.listen(0)
    const end = told(server, 'close')
    server.close()
    await end
    await new Promise<void>((resolve) => setImmediate(resolve))
  },

  'more connections than allowed': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    server.maxConnections = 1
    const dropped = told(server, 'drop')
    const first = arena.client.connect(portOf(server), arena.address)
    recorder.socket('first', first)
    await once(server, 'connection').then(([peer]) => (peer as Socket).resume())
    if (first.connecting) await once(first, 'connect')
    const second = arena.client.connect(portOf(server), arena.address)
    recorder.socket('second', second)
    second.resume()
    const [data] = (await dropped) as [Record<string, unknown>]
    recorder.say('server', JSON.stringify(Object.keys(data)))
    recorder.say('server', `${data.localAddress === arena.address} ${data.remoteAddress === arena.clientAddress}`)
    await told(second, 'close')
    first.resume()
    first.end()
    await closed(server, first)
  },

  'a signal ends the server': async (arena, recorder) => {
    const server = arena.server.createServer()
    recorder.server('server', server)
    const controller = new AbortController()
    server.listen({ port: 0, host: arena.address, signal: controller.signal })
    await once(server, 'listening')
    const end = told(server, 'close')
    controller.abort()
    await end
    const late = arena.server.createServer()
    recorder.server('late', late)
    const lateEnd = told(late, 'close')
    late.listen({ port: 0, host: arena.address, signal: controller.signal })
    await lateEnd
  },

  'a signal ends the connect': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const controller = new AbortController()
    const socket = arena.client.connect({ port: portOf(server), host: arena.address, signal: controller.signal })
    recorder.socket('client', socket)
    controller.abort()
    await told(socket, 'close')
    recorder.told.server = []
    await closed(server)
    recorder.told.server = []
  },

  'names are looked up by the option': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    server.on('connection', (peer: Socket) => peer.end().resume())
    const asked: unknown[] = []
    const lookup = (name: string, options: { family?: number }, callback: (...values: unknown[]) => void) => {
      asked.push(name, options.family)
      process.nextTick(() => callback(null, arena.address, 4))
    }
    const socket = arena.client.connect({ port: portOf(server), host: 'a.example', lookup: lookup as never, family: 4 })
    recorder.socket('client', socket, { data: true })
    socket.on('lookup', (error, address, family, host) =>
      recorder.say('client', `lookup ${error} ${address === arena.address} ${family} ${host}`),
    )
    await closed(server, socket)
    recorder.say('client', JSON.stringify(asked))
  },

  'names that are not found': async (arena, recorder) => {
    const lookup = (_name: string, _options: unknown, callback: (...values: unknown[]) => void) => {
      process.nextTick(() => callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' })))
    }
    const socket = arena.client.connect({ port: 1, host: 'a.example', lookup: lookup as never, family: 4 })
    recorder.socket('client', socket)
    await told(socket, 'close')
  },

  'a lookup that answers nonsense': async (arena, recorder) => {
    const lookup = (_name: string, _options: unknown, callback: (...values: unknown[]) => void) => {
      process.nextTick(() => callback(null, 'nonsense', 4))
    }
    const socket = arena.client.connect({ port: 1, host: 'a.example', lookup: lookup as never, family: 4 })
    recorder.socket('client', socket)
    await told(socket, 'close')
  },

  'a blocked address': async (arena, recorder) => {
    const blockList = new arena.client.BlockList()
    blockList.addAddress(arena.address)
    recorder.say('client', `${blockList.check(arena.address)} ${arena.client.isIP(arena.address)}`)
  },

  'a socket used again after its close': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    server.on('connection', (next: Socket) => next.end('again').resume())
    peer.resume()
    socket.resume()
    socket.end()
    await told(socket, 'close')
    recorder.say('client', 'connect again')
    recorder.data('client', socket)
    const end = told(socket, 'close')
    socket.connect(portOf(server), arena.address)
    recorder.say('client', `${socket.connecting} ${socket.destroyed}`)
    await end
    await closed(server)
  },

  'a connect while connecting': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    const socket = client(arena, server, recorder)
    await new Promise<void>((resolve) => process.nextTick(resolve))
    socket.connect(portOf(server), arena.address)
    await told(socket, 'close')
    recorder.told.server = []
    await closed(server)
    recorder.told.server = []
    recorder.told.client = recorder.told.client.map((line) => line.replace(/ - Local.*/, ''))
  },

  'a socket made first and connected later': async (arena, recorder) => {
    const server = await listening(arena.server, arena, recorder)
    server.on('connection', (peer: Socket) => peer.pipe(peer))
    const socket = new arena.client.Socket({ allowHalfOpen: true, noDelay: true, keepAlive: true })
    recorder.socket('client', socket, { data: true })
    recorder.say('client', `${socket.connecting} ${socket.pending} ${socket.readyState}`)
    socket.setTimeout(60_000)
    socket.connect({ port: portOf(server), host: arena.address })
    socket.once('connect', () => socket.end('hello'))
    await closed(server, socket)
  },

  'destroySoon sends what was written': async (arena, recorder) => {
    const { server, socket, peer } = await pair(arena, recorder)
    recorder.data('peer', peer)
    const large = Buffer.alloc(200_000, 'x')
    socket.resume()
    socket.write(large)
    socket.destroySoon()
    await closed(server, socket, peer)
  },

  'bad arguments': async (arena, recorder) => {
    const { connect, createServer, Socket } = arena.client
    const signal = {} as never
    const calls: Record<string, () => unknown> = {
      'connect()': () => (connect as () => unknown)(),
      'connect({})': () => connect({}),
      'connect(-1)': () => connect(-1),
      'connect(65536)': () => connect(65536),
      'connect(NaN)': () => connect(Number.NaN),
      'connect({ port: true })': () => connect({ port: true as never }),
      'connect({ port: "" })': () => connect({ port: '' }),
      'connect({ port: "http" })': () => connect({ port: 'http' }),
      'localAddress: "x"': () => connect({ port: 1, localAddress: 'x' }),
      'localPort: "x"': () => connect({ port: 1, localPort: 'x' as never }),
      'lookup: 7': () => connect({ port: 1, host: 'a.example', lookup: 7 as never }),
      'setTimeout("x")': () => new Socket().setTimeout('x' as never),
      'setTimeout(-1)': () => new Socket().setTimeout(-1),
      'setTimeout(Infinity)': () => new Socket().setTimeout(Number.POSITIVE_INFINITY),
      'setTimeout(1, 7)': () => new Socket().setTimeout(1, 7 as never).destroy(),
      objectMode: () => new Socket({ objectMode: true } as never),
      readableObjectMode: () => new Socket({ readableObjectMode: true } as never),
      'keepAliveInitialDelay: "x"': () => new Socket({ keepAliveInitialDelay: 'x' as never }),
      'signal: {}': () => new Socket({ signal }),
      'createServer(7)': () => createServer(7 as never),
      'createServer({ keepAliveInitialDelay: "x" })': () => createServer({ keepAliveInitialDelay: 'x' as never }),
      'createServer({ highWaterMark: "x" })': () => createServer({ highWaterMark: 'x' as never }),
      'listen(-1)': () => createServer().listen(-1),
      'listen(70000)': () => createServer().listen(70000),
      'listen({})': () => createServer().listen({}),
      'listen({ port: {} })': () => createServer().listen({ port: {} as never }),
      'listen({ port: true })': () => createServer().listen({ port: true as never }),
      'listen(true)': () => createServer().listen(true as never),
      'listen({ signal: 7 })': () => createServer().listen({ port: 0, signal: 7 as never }),
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
  },
}
