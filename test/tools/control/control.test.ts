// Both ends of the control socket: requests, streams, ends on either side, noise, and what becomes of the socket file.
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { listRunning, pick, type Running } from '../../../tools/control/choose.ts'
import { ask } from '../../../tools/control/client.ts'
import type { Identity, PingEvent } from '../../../tools/control/messages.ts'
import { DIRECTORY_VARIABLE, networkNamespace } from '../../../tools/control/places.ts'
import { ControlServer, type Handlers } from '../../../tools/control/server.ts'
import { SAMPLE_STATUS } from '../serve/service-fixture.ts'

const identity: Identity = { tap: 'pw0', pid: 1, netns: '2', addresses: ['192.0.2.2/24'], driver: 'tap' }

const reply = (sequence: number): PingEvent => {
  return { ping: 'reply', from: '192.0.2.1', sequence, ttl: 64, bytes: 64, rtt: 45, duplicate: false }
}

const handlers: Handlers = {
  hello: () => identity,
  status: () => SAMPLE_STATUS,
  nstat: ({ zeros }): Record<string, number> => (zeros ? { a: 0, b: 1 } : { b: 1 }),
  ss: () => {
    throw new Error('no sockets today')
  },
  async ping({ count }, channel) {
    for (let sequence = 1; sequence <= count; sequence++) channel.send(reply(sequence))
    return { transmitted: count }
  },
  ethtool: ({ query }) => ({ driver: { version: query, bus: '' } }),
  link: ({ gsoIpv4MaxSize }) => ({ errno: gsoIpv4MaxSize }),
  async capture({ count }, channel) {
    for (let i = 1; i <= count; i++) channel.sendBytes(new Uint8Array(i).fill(i))
    if (count === 0) await new Promise((left) => channel.signal.addEventListener('abort', left))
    return { captured: count, dropped: 0 }
  },
}

let folder: string
let path: string
let server: ControlServer

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pagewire-control-'))
  path = join(folder, 'pw0.2.sock')
  server = await ControlServer.open(path, handlers)
})

afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

describe('ask', () => {
  it('answers', async () => {
    expect(await ask(path, 'hello', {})).toEqual(identity)
    expect(await ask(path, 'status', {})).toEqual(SAMPLE_STATUS)
    expect(await ask(path, 'nstat', { absolute: false, zeros: true, noUpdate: false })).toEqual({ a: 0, b: 1 })
  })

  it('hears events and bytes in their order', async () => {
    const events: unknown[] = []
    const request = { address: '192.0.2.1', count: 3, interval: 1, timeout: 1, size: 56, ttl: 0 }
    const end = await ask(path, 'ping', request, { onEvent: (event) => events.push(event) })
    expect(events).toEqual([1, 2, 3].map(reply))
    expect(end).toEqual({ transmitted: 3 })
    const pieces: Buffer[] = []
    await ask(path, 'capture', { snaplen: 1, count: 300 }, { onBytes: (bytes) => pieces.push(bytes) })
    expect(pieces.map((piece) => piece.length)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
    expect(pieces[299].every((byte) => byte === 300 % 256)).toBe(true)
  })

  it('stops an answer without end and still hears its last word', async () => {
    const controller = new AbortController()
    const answer = ask(path, 'capture', { snaplen: 1, count: 0 }, { signal: controller.signal })
    controller.abort()
    expect(await answer).toEqual({ captured: 0, dropped: 0 })
  })

  it('rejects with what the stack says', async () => {
    await expect(ask(path, 'ss', { all: true })).rejects.toThrow('no sockets today')
  })

  it('rejects when the stack ends in the middle', async () => {
    const answer = ask(path, 'capture', { snaplen: 1, count: 0 })
    const rejected = expect(answer).rejects.toThrow(/ended|ECONNRESET/)
    await ask(path, 'hello', {})
    await server.close()
    await rejected
  })

  it('says who is missing', async () => {
    await expect(ask(join(folder, 'none.sock'), 'hello', {})).rejects.toThrow(/no pagewire runs behind/)
  })

  it('does not believe a server that talks nonsense', async () => {
    const other = createServer((socket) => socket.resume().end('hello\n'))
    const otherPath = join(folder, 'other')
    await new Promise<void>((listening) => other.listen(otherPath, listening))
    await expect(ask(otherPath, 'hello', {})).rejects.toThrow(/strange/)
    await new Promise((closed) => other.close(closed))
  })
})

describe('the server', () => {
  it('has a socket that only we can open', () => {
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('answers a client that ends its side at once, as in a pipe', async () => {
    const text = await new Promise<string>((resolve) => {
      let all = ''
      const socket = connect(path).setEncoding('utf8')
      socket.on('data', (chunk: string) => {
        all += chunk
      })
      socket.on('end', () => resolve(all))
      socket.end('{"request":"hello"}\n')
    })
    expect(JSON.parse(text)).toEqual({ end: identity })
  })

  it('survives noise', async () => {
    const noise = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constant(Buffer.from('{"request":"hello"}\n'))),
    )
    await fc.assert(
      fc.asyncProperty(noise, async (chunks) => {
        await new Promise<void>((closed) => {
          const socket = connect(path)
          socket.on('error', () => {})
          socket.on('close', () => closed())
          socket.resume()
          for (const chunk of chunks) socket.write(chunk)
          socket.end()
        })
      }),
      { numRuns: 100 },
    )
    expect(await ask(path, 'hello', {})).toEqual(identity)
  })

  it('does not take the socket of a stack that lives', async () => {
    await expect(ControlServer.open(path, handlers)).rejects.toThrow(/runs already.*--tap/)
    expect(await ask(path, 'hello', {})).toEqual(identity)
  })

  it('replaces the socket of one that was killed, and removes its own at the end', async () => {
    const stale = join(folder, 'stale.sock')
    await leaveStaleSocket(stale)
    expect(existsSync(stale)).toBe(true)
    const second = await ControlServer.open(stale, handlers)
    expect(await ask(stale, 'hello', {})).toEqual(identity)
    await second.close()
    expect(existsSync(stale)).toBe(false)
  })
})

it('sweeps away what killed stacks left, and neither live sockets nor new ones', async () => {
  const stale = join(folder, 'killed.sock')
  const live = join(folder, 'live.sock')
  await leaveStaleSocket(stale)
  const control = await ControlServer.open(live, handlers)
  const missing = join(folder, 'missing.sock')
  await ControlServer.sweep([stale, live, missing])
  expect([existsSync(stale), existsSync(live)]).toEqual([true, true])
  await ControlServer.sweep([stale, live, missing], Date.now() + 60_000)
  expect([existsSync(stale), existsSync(live)]).toEqual([false, true])
  await control.close()
})

/** A socket file behind which nobody listens any more. */
async function leaveStaleSocket(stale: string): Promise<void> {
  const { spawnSync } = await import('node:child_process')
  const script = `require('node:net').createServer().listen(${JSON.stringify(stale)}, () => process.kill(process.pid, 'SIGKILL'))`
  spawnSync(process.execPath, ['-e', script])
}

describe('choosing among running stacks', () => {
  const running = (tap: string, netns: string): Running => ({ path: '', identity: { ...identity, tap, netns } })
  const here = networkNamespace()

  it('finds those that answer', async () => {
    vi.stubEnv(DIRECTORY_VARIABLE, folder)
    await leaveStaleSocket(join(folder, 'dead.1.sock'))
    expect(await listRunning()).toEqual([{ path, identity }])
    vi.unstubAllEnvs()
  })

  it('takes the only one, else the only one of this namespace', () => {
    const one = running('pw0', '1')
    const local = running('pw0', here)
    expect(pick([one], [one], {})).toBe(one)
    expect(pick([one, local], [one, local], {})).toBe(local)
  })

  it('lists them when it cannot tell', () => {
    const [one, two] = [running('pw0', here), running('pw1', here)]
    expect(() => pick([one, two], [one, two], {})).toThrow(/several run: pw0 .*, pw1 .*choose one with --tap NAME$/)
    expect(() => pick([], [one, two], { tap: 'pw2' })).toThrow(/no pagewire runs on pw2; there is: pw0/)
    expect(() => pick([], [], {})).toThrow(/start one with 'pagewire up'/)
    const away = [running('pw0', '1'), running('pw0', '2')]
    expect(() => pick(away, away, { tap: 'pw0' })).toThrow(/--netns NAME/)
  })
})
