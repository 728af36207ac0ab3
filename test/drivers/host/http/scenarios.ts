// Programs for Node's own http, server and client, each run over Node's net and over ours.

import { once } from 'node:events'
import http, { type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { pattern } from '../../../support/pattern.ts'
import type { Arena } from '../arenas.ts'
import { type Recorder, told } from '../net/recorder.ts'

export type Scenario = (arena: Arena, recorder: Recorder) => Promise<void>

async function body(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of message) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

class Session {
  readonly server: http.Server
  readonly agent: http.Agent
  private readonly arena: Arena
  private readonly recorder: Recorder
  private port = 0

  constructor(arena: Arena, recorder: Recorder, agentOptions: http.AgentOptions, handler: http.RequestListener) {
    this.arena = arena
    this.recorder = recorder
    this.server = http.createServer(handler)
    this.agent = arena.agent(agentOptions)
    let connections = 0
    this.server.on('connection', () => recorder.say('server', `connection ${++connections}`))
    this.server.on('close', () => recorder.say('server', 'close'))
  }

  async open(): Promise<this> {
    this.port = await this.arena.serve(this.server)
    this.recorder.hide(this.port, 'PORT')
    this.recorder.hide(this.arena.address, 'ADDRESS')
    return this
  }

  get options(): RequestOptions {
    return { host: this.arena.address, port: this.port, agent: this.agent }
  }

  request(options: RequestOptions): http.ClientRequest {
    return http.request({ ...this.options, ...options })
  }

  /** Sends a request, and tells what came back. */
  async fetch(name: string, options: RequestOptions, payload?: Buffer | string): Promise<void> {
    const request = this.request(options)
    request.end(payload)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await this.tell(name, request, response)
  }

  async tell(name: string, request: http.ClientRequest, response: IncomingMessage): Promise<void> {
    const content = await body(response)
    const headers = { ...response.headers, date: undefined }
    const reused = request.reusedSocket ? 'reused' : 'new'
    this.recorder.say('client', `${name} ${reused} ${response.statusCode} ${JSON.stringify(headers)} ${content.length}`)
    if (content.length < 100) this.recorder.say('client', content.toString())
  }

  /** A connection of its own, for what http.request does not do. */
  connect() {
    return this.arena.client.connect(this.port, this.arena.address)
  }

  async close(): Promise<void> {
    this.agent.destroy()
    const end = told(this.server, 'close')
    this.server.close()
    await end
  }
}

const session = (
  arena: Arena,
  recorder: Recorder,
  handler: http.RequestListener,
  agentOptions: http.AgentOptions = { keepAlive: true },
) => new Session(arena, recorder, agentOptions, handler).open()

const echo = async (request: IncomingMessage, response: ServerResponse) => {
  response.end(await body(request))
}

export const scenarios: Record<string, Scenario> = {
  'three requests on one connection': async (arena, recorder) => {
    const subject = await session(arena, recorder, (request, response) => response.end(`hello ${request.url}`))
    for (const path of ['/1', '/2', '/3']) {
      await subject.fetch(path, { path })
      await arena.arrival()
    }
    await subject.close()
  },

  'a connection for each': async (arena, recorder) => {
    const agent = { keepAlive: false }
    const subject = await session(
      arena,
      recorder,
      (request, response) => response.end(request.headers.connection),
      agent,
    )
    await subject.fetch('one', { path: '/' })
    await subject.fetch('two', { path: '/' })
    await subject.close()
  },

  'methods, statuses and bodies': async (arena, recorder) => {
    const subject = await session(arena, recorder, (request, response) => {
      recorder.say('server', `${request.method} ${request.url} ${request.httpVersion}`)
      if (request.url === '/none') response.writeHead(204).end()
      else if (request.url === '/same') response.writeHead(304, { etag: '"x"' }).end()
      else if (request.url === '/length') response.writeHead(200, { 'content-length': 5 }).end('fives')
      else void echo(request, response)
    })
    await subject.fetch('head', { method: 'HEAD', path: '/length' })
    await subject.fetch('length', { path: '/length' })
    await subject.fetch('none', { path: '/none' })
    await subject.fetch('same', { path: '/same' })
    await subject.fetch('put', { method: 'PUT', path: '/put', headers: { 'content-length': 3 } }, 'abc')
    await subject.fetch('post', { method: 'POST', path: '/post' }, 'chunked?')
    await subject.close()
  },

  'chunked both ways': async (arena, recorder) => {
    const content = Buffer.from(pattern(0, 700_000))
    const subject = await session(arena, recorder, async (request, response) => {
      for await (const piece of request) if (!response.write(piece)) await once(response, 'drain')
      response.end()
    })
    const request = subject.request({ method: 'POST', path: '/' })
    for (let at = 0; at < content.length; at += 70_000) request.write(content.subarray(at, at + 70_000))
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    recorder.say('client', `${response.headers['transfer-encoding']} ${(await body(response)).equals(content)}`)
    await subject.close()
  },

  'a reader that is slow': async (arena, recorder) => {
    const content = Buffer.from(pattern(0, 3_000_000))
    const subject = await session(arena, recorder, (_request, response) => response.end(content))
    const request = subject.request({ path: '/' }).end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    const pieces: Buffer[] = []
    response.on('data', (piece: Buffer) => {
      pieces.push(piece)
      response.pause()
      setImmediate(() => response.resume())
    })
    await once(response, 'end')
    recorder.say('client', `${Buffer.concat(pieces).equals(content)}`)
    await subject.close()
  },

  'expecting to continue': async (arena, recorder) => {
    const subject = await session(arena, recorder, echo)
    subject.server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      recorder.say('server', 'checkContinue')
      response.writeContinue()
      void echo(request, response)
    })
    const request = subject.request({ method: 'POST', path: '/', headers: { expect: '100-continue' } })
    request.flushHeaders()
    request.on('continue', () => {
      recorder.say('client', 'continue')
      request.end('the body')
    })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await subject.tell('post', request, response)
    await subject.close()
  },

  'pipelined requests': async (arena, recorder) => {
    const subject = await session(arena, recorder, (request, response) => {
      recorder.say('server', `${request.url}`)
      response.sendDate = false
      setImmediate(() => response.end(`answer to ${request.url}`))
    })
    const socket = subject.connect()
    const text = collect(socket)
    const lines = ['/1', '/2', '/3'].map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
    socket.write(`${lines.join('')}GET /4 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
    await once(socket, 'close')
    recorder.say('client', text())
    await subject.close()
  },

  'an upgrade': async (arena, recorder) => {
    const subject = await session(arena, recorder, echo)
    subject.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      recorder.say('server', `upgrade ${request.headers.upgrade} ${head.toString()}`)
      socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n')
      socket.pipe(socket)
    })
    const request = subject.request({ path: '/', headers: { connection: 'upgrade', upgrade: 'echo' } })
    request.end()
    const [response, socket] = (await once(request, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
    recorder.say('client', `${response.statusCode}`)
    socket.write('ping')
    const [piece] = (await once(socket, 'data')) as [Buffer]
    recorder.say('client', piece.toString())
    socket.end()
    await once(socket, 'close')
    await subject.close()
  },

  'a tunnel by CONNECT': async (arena, recorder) => {
    const subject = await session(arena, recorder, echo)
    subject.server.on('connect', (request: IncomingMessage, socket: Duplex) => {
      recorder.say('server', `connect ${request.url}`)
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      socket.pipe(socket)
    })
    const request = subject.request({ method: 'CONNECT', path: 'a.example:80' })
    request.end()
    const [response, socket] = (await once(request, 'connect')) as [IncomingMessage, Duplex]
    recorder.say('client', `${response.statusCode}`)
    socket.end('through')
    const [piece] = (await once(socket, 'data')) as [Buffer]
    recorder.say('client', piece.toString())
    await once(socket, 'close')
    await subject.close()
  },

  'the client goes away': async (arena, recorder) => {
    let gone: Promise<unknown> = Promise.resolve()
    const subject = await session(arena, recorder, (request, response) => {
      gone = once(response, 'close').then(() =>
        recorder.say('server', `gone ${request.destroyed} ${response.writableEnded}`),
      )
      response.write('some')
    })
    const request = subject.request({ path: '/' })
    request.on('error', (error) => recorder.say('client', recorder.error(error)))
    request.on('close', () => recorder.say('client', 'close'))
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.on('error', (error) => recorder.say('client', `response ${recorder.error(error)}`))
    await once(response, 'data')
    request.destroy()
    await Promise.all([gone, told(response, 'close')])
    await gone
    await subject.close()
  },

  'the server goes away': async (arena, recorder) => {
    const subject = await session(arena, recorder, (request) => request.socket.destroy())
    const request = subject.request({ path: '/' })
    request.end()
    const [error] = (await once(request, 'error').catch((error) => [error])) as [NodeJS.ErrnoException]
    recorder.say('client', `${error.code} ${error.message}`)
    await subject.close()
  },

  'the server resets half way': async (arena, recorder) => {
    let reset = () => {}
    const subject = await session(arena, recorder, (request, response) => {
      response.writeHead(200, { 'content-length': 100 })
      response.write('half')
      reset = () => (request.socket as { resetAndDestroy(): void }).resetAndDestroy()
    })
    const request = subject.request({ path: '/' })
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    request.on('error', (error) => recorder.say('client', `request ${recorder.error(error)}`))
    response.on('data', () => reset())
    const error = await once(response, 'end').catch((error) => error)
    recorder.say('client', `${error.code} ${error.message} ${response.complete}`)
    await subject.close()
  },

  nonsense: async (arena, recorder) => {
    const subject = await session(arena, recorder, echo)
    const socket = subject.connect()
    const text = collect(socket)
    socket.write('NONSENSE\r\n\r\n')
    await once(socket, 'close')
    recorder.say('client', text())
    await subject.close()
  },

  'nobody listens': async (arena, recorder) => {
    const subject = await session(arena, recorder, echo)
    await subject.close()
    const request = subject.request({ path: '/' })
    request.end()
    const [error] = (await once(request, 'error').catch((error) => [error])) as [Error]
    recorder.say('client', recorder.error(error))
  },

  'closing with an idle and a busy connection': async (arena, recorder) => {
    let finish = () => {}
    const subject = await session(arena, recorder, (request, response) => {
      if (request.url === '/idle') response.end('idle')
      else finish = () => response.end('busy')
    })
    await subject.fetch('idle', { path: '/idle' })
    const request = subject.request({ path: '/busy' })
    const response = once(request, 'response')
    request.end()
    const other = subject.connect()
    const otherEnd = told(other, 'close').then(() => recorder.say('other', 'close'))
    other.resume()
    await once(other, 'connect')
    await arena.arrival()
    const end = told(subject.server, 'close')
    subject.server.close()
    recorder.say('server', `listening ${subject.server.listening}`)
    await arena.arrival()
    finish()
    const [message] = (await response) as [IncomingMessage]
    await subject.tell('busy', request, message)
    other.end()
    subject.agent.destroy()
    await Promise.all([end, otherEnd])
  },

  'without an agent': async (arena, recorder) => {
    const subject = await session(arena, recorder, (request, response) => response.end(request.headers.connection))
    const createConnection = arena.client.connect
    await subject.fetch('own', { path: '/', agent: undefined, createConnection })
    await subject.close()
  },

  'many at once through few connections': async (arena, recorder) => {
    const subject = await session(
      arena,
      recorder,
      (request, response) => response.end(`${request.url}`.padEnd(1000, '.')),
      { keepAlive: true, maxSockets: 4 },
    )
    const asked = Array.from({ length: 40 }, async (_, i) => {
      const request = subject.request({ path: `/${i}` })
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      return (await body(response)).toString().replaceAll('.', '')
    })
    recorder.say('client', (await Promise.all(asked)).join(' '))
    await subject.close()
  },

  'trailers and informational answers': async (arena, recorder) => {
    const subject = await session(arena, recorder, (_request, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' })
      response.writeHead(200, { trailer: 'x-sum' })
      response.write('body')
      response.addTrailers({ 'x-sum': '7' })
      response.end()
    })
    const request = subject.request({ path: '/' })
    request.on('information', ({ statusCode, headers }) =>
      recorder.say('client', `${statusCode} ${JSON.stringify(headers)}`),
    )
    request.end()
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    await subject.tell('get', request, response)
    recorder.say('client', JSON.stringify(response.trailers))
    await subject.close()
  },
}

function collect(socket: Duplex): () => string {
  const pieces: Buffer[] = []
  socket.on('data', (piece: Buffer) => pieces.push(piece))
  return () => Buffer.concat(pieces).toString()
}
