// Echo, discard and chargen over TCP and UDP. They ask for the ports of 1983; the sockets here are Node's own, on loopback,
// and give them free ones instead.
import { createSocket } from 'node:dgram'
import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Budget, pattern } from '../../../tools/services/chargen.ts'
import { type Service, type ServiceSockets, serveClassics } from '../../../tools/services/index.ts'

/** The real port behind each classic one. */
const tcp = new Map<number, number>()
const udp = new Map<number, number>()

const sockets: ServiceSockets = {
  createServer(options, onConnection) {
    const server = createServer(options, onConnection)
    const listen = server.listen.bind(server)
    return Object.assign(server, {
      listen: (port: number, onListening: () => void) =>
        listen(0, '127.0.0.1', () => {
          tcp.set(port, (server.address() as AddressInfo).port)
          onListening()
        }),
    })
  },
  createDatagramSocket() {
    const socket = createSocket('udp4')
    const bind = socket.bind.bind(socket)
    return Object.assign(socket, {
      bind: (port: number, onListening: () => void) =>
        bind(0, '127.0.0.1', () => {
          udp.set(port, socket.address().port)
          onListening()
        }),
    })
  },
}

let services: Service

beforeAll(async () => {
  services = await serveClassics(sockets)
})

afterAll(() => services.close())

function talk(port: number, bytes: Buffer, enough = Number.POSITIVE_INFINITY): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(tcp.get(port) ?? 0, '127.0.0.1')
    const chunks: Buffer[] = []
    let length = 0
    socket.on('error', reject)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length >= enough) socket.destroy()
    })
    socket.on('close', () => resolve(Buffer.concat(chunks)))
    socket.end(bytes)
  })
}

describe('TCP', () => {
  const megabyte = Buffer.alloc(1_000_000, 'pagewire')

  it('echoes everything, and then ends', async () => {
    expect((await talk(7, megabyte)).equals(megabyte)).toBe(true)
  })

  it('discards everything, and then ends', async () => {
    expect((await talk(9, megabyte)).length).toBe(0)
  })

  it('generates characters as long as they are taken, without a seam', async () => {
    const text = await talk(19, Buffer.alloc(0), 500_000)
    // The peer has ended its side at once: what was generated until that was heard is a whole number of blocks or less.
    expect(text.length).toBeGreaterThan(0)
    expect(text.equals(pattern(0, Math.ceil(text.length / 74)).subarray(0, text.length))).toBe(true)
  })
})

describe('the pattern (RFC 864)', () => {
  it('is that of the RFC', () => {
    const lines = pattern(0, 95).toString().split('\r\n')
    expect(lines[0]).toBe(' !"#$%&\'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg')
    expect(lines[1].slice(0, 3)).toBe('!"#')
    expect(lines[94].slice(0, 3)).toBe('~ !')
    for (const line of lines.slice(0, 95)) expect(line).toHaveLength(72)
  })

  it('repeats after 95 lines', () => {
    expect(pattern(95, 2).equals(pattern(0, 2))).toBe(true)
  })
})

describe('UDP', () => {
  async function exchange(port: number, bytes: string): Promise<Buffer> {
    const socket = createSocket('udp4')
    const answer = new Promise<Buffer>((resolve) => socket.once('message', resolve))
    socket.send(bytes, udp.get(port), '127.0.0.1')
    const got = await answer
    socket.close()
    return got
  }

  it('echoes a datagram', async () => {
    expect((await exchange(7, 'hello')).toString()).toBe('hello')
  })

  it('answers with up to 512 characters', async () => {
    for (let i = 0; i < 20; i++) {
      const got = await exchange(19, 'x')
      expect(got.length).toBeLessThanOrEqual(512)
      expect(got.equals(pattern(0, 7).subarray(0, got.length))).toBe(true)
    }
  })
})

describe('the budget of chargen', () => {
  it('lets little through, whoever asks, and recovers with time', () => {
    const budget = new Budget(0)
    let sent = 0
    for (let i = 0; i < 10_000; i++) if (budget.take(540, 0)) sent += 540
    expect(sent).toBeLessThanOrEqual(65_536)
    expect(budget.take(540, 1)).toBe(false)
    expect(budget.take(540, 1000)).toBe(true)
    for (let second = 2; second <= 10; second++) {
      for (let i = 0; i < 1000; i++) if (budget.take(540, second * 1000)) sent += 540
    }
    expect(sent).toBeLessThanOrEqual(65_536 + 10 * 32_768)
  })
})
