// Files by reference over a real TAP, both stores, with the card's offloads and without: every byte as in the file, none
// copied or summed where the card does it, and accidents of the file that end one connection and nothing else.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import http from 'node:http'
import net, { type Socket as KernelSocket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { MappedStore, ReadStore } from '../../drivers/files/index.ts'
import { createHost, type Host, type Socket } from '../../drivers/host/index.ts'
import { configureInterface, openTap } from '../../drivers/tap/index.ts'
import { ENODEV } from '../../stack/base/errno.ts'
import { sendFile } from '../../tools/serve/send-file.ts'
import { addonOrFail } from '../native/addon.ts'
import { describeInNamespace, leaveOut } from '../native/namespace.ts'
import { makeFile, removeFolder, STACK, temporaryFolder } from './lab.ts'

const SIZE = (9 << 20) + 12_345
const PORT = 7000

describeInNamespace('sendFile on a TAP', import.meta.url, () => {
  let folder: string
  let path: string
  let digest: string
  let host: Host
  let regions: number

  beforeAll(() => {
    folder = temporaryFolder()
    path = join(folder, 'file.bin')
    digest = makeFile(path, SIZE)
  })

  afterAll(() => removeFolder(folder))

  it('prefetches, which can be switched while a file is sent', async () => {
    const port = openTap({ name: 'pw1' })
    configureInterface('pw1', { address: '192.0.2.1/24', up: true })
    const other = await createHost({ device: port, addresses: [`${STACK}/24`], files: { store: 'mapped' } })
    const server = other.net.createServer((socket: Socket) => {
      socket.sendFile(path).catch(() => {})
      socket.end()
    })
    server.listen(PORT)
    await once(server, 'listening')
    const answers: number[] = []
    const timer = setInterval(() => answers.push(port.setPrefetch(answers.length % 2 === 0)), 1)
    for (let i = 0; i < 20; i++) expect(await digestOf(connect())).toBe(digest)
    clearInterval(timer)
    expect(answers.length).toBeGreaterThan(2)
    expect(answers.every((errno) => errno === 0)).toBe(true)
    expect(other.nic.statistics()['tap_prefetched_bytes']).toBeGreaterThan(0)
    expect(port.setPrefetch(false)).toBe(0)
    await other.close()
    expect(port.setPrefetch(true)).toBe(ENODEV)
  })

  describe.each([
    { store: 'mapped', prefetch: false },
    { store: 'mapped', prefetch: true },
    { store: 'read', prefetch: false },
  ] as const)('from the $store store, prefetching: $prefetch', ({ store, prefetch }) => {
    beforeEach(async () => {
      regions = addonOrFail().regionCount()
      host = await createHost({
        tap: { name: 'pw0', prefetch },
        addresses: [`${STACK}/24`],
        gateway: '192.0.2.1',
        files: { store },
        log: () => {},
      })
      expect(host.files.store.name).toBe(store)
    })

    afterEach(async () => {
      const { files } = host
      await host.close()
      expect(host.leaks()).toEqual({ frames: 0, transmitPages: 0 })
      expect(host.sending).toEqual({ files: 0, buffers: 0 })
      expect(files.cache).toMatchObject({ bytes: 0, loading: 0 })
      if (files.store instanceof MappedStore) expect(files.store.windows).toBe(0)
      if (files.store instanceof ReadStore) expect(files.store.outstanding).toBe(0)
      expect(addonOrFail().regionCount()).toBe(regions)
    })

    const serve = (listener: (socket: Socket) => void): Promise<unknown> => {
      const server = host.net.createServer(listener)
      server.listen(PORT)
      return once(server, 'listening')
    }

    it('sends it whole and untouched', async () => {
      const sent: Promise<number>[] = []
      await serve((socket) => {
        sent.push(socket.sendFile(path))
        socket.end()
      })
      expect(await digestOf(connect())).toBe(digest)
      expect(await Promise.all(sent)).toEqual([SIZE])
      expect(host.counters['TcpPagewireCopiedOut']).toBe(0)
      expect(host.nic.counters.tx_copied_bytes).toBe(0)
      expect(host.nic.counters.tx_summed_bytes).toBeLessThan(2000)
      // What is on the ring before its turn is walked; how much of it depends on who is faster.
      if (!prefetch) expect(host.nic.statistics()['tap_prefetched_bytes']).toBe(0)
    })

    it.each<Record<string, boolean>>([
      { tx: false },
      { sg: false },
      { tso: false },
      { tx: false, sg: false },
      { tx: false, tso: false, gso: false },
    ])('sends it with %o', async (features: Record<string, boolean>) => {
      host.nic.features.set(features)
      await serve((socket) => {
        socket.sendFile(path).catch(() => {})
        socket.end()
      })
      expect(await digestOf(connect())).toBe(digest)
    })

    it('sends parts of it in their turn among writes', async () => {
      const whole = readFileSync(path)
      const sent: Promise<number>[] = []
      await serve((socket) => {
        socket.write('one')
        sent.push(socket.sendFile(path, { start: 5, end: 5 }))
        sent.push(socket.sendFile(path, { start: 1_000_000, end: 1_100_000 }))
        socket.write('two')
        sent.push(socket.sendFile(path, { start: SIZE - 10, end: SIZE + 10 }))
        sent.push(socket.sendFile(path, { start: SIZE + 1 }))
        socket.end('three')
      })
      const expected = Buffer.concat([
        Buffer.from('one'),
        whole.subarray(5, 6),
        whole.subarray(1_000_000, 1_100_001),
        Buffer.from('two'),
        whole.subarray(SIZE - 10),
        Buffer.from('three'),
      ])
      expect((await contentOf(connect())).equals(expected)).toBe(true)
      expect(await Promise.all(sent)).toEqual([1, 100_001, 10, 0])
    })

    it('serves a thousand at once from the same pages', async () => {
      const small = join(folder, 'small.bin')
      const expected = makeFile(small, 20_000)
      await serve((socket) => {
        socket.on('error', () => {})
        socket.sendFile(small).catch(() => {})
        socket.end()
      })
      for (let round = 0; round < 10; round++) {
        const digests = await Promise.all(Array.from({ length: 100 }, () => digestOf(connect())))
        expect(new Set(digests)).toEqual(new Set([expected]))
      }
      expect(host.files.cache.loads).toBe(1)
    })

    it('takes a FileHandle that is closed behind it, of a file that is unlinked', async () => {
      const other = join(folder, 'unlinked.bin')
      const expected = makeFile(other, 3_000_000)
      const handle = await open(other)
      await serve((socket) => {
        socket.write('', () => void handle.close())
        const sent = socket.sendFile(handle)
        unlinkSync(other)
        sent.catch(() => {})
        socket.end()
      })
      expect(await digestOf(connect())).toBe(expected)
      await handle.close()
    })

    it('ends the connection when the file becomes shorter, and no other', async () => {
      const other = join(folder, 'shrinks.bin')
      makeFile(other, 20 << 20)
      const errors: Promise<NodeJS.ErrnoException & { bytesSent?: number }>[] = []
      let first = true
      await serve((socket) => {
        socket.on('error', () => {})
        const target = first ? other : path
        first = false
        const sent = socket.sendFile(target)
        if (target === other)
          errors.push(
            sent.then(
              () => new Error('it was sent'),
              (error) => error,
            ),
          )
        else sent.catch(() => {})
        socket.end()
      })
      const stalled = connect()
      await once(stalled, 'readable')
      truncateSync(other, 1000)
      const ended = contentOf(stalled).then(
        () => 'whole',
        (error: NodeJS.ErrnoException) => error.code,
      )
      expect(await digestOf(connect())).toBe(digest)
      expect(await ended).toBe('ECONNRESET')
      const [error] = await Promise.all(errors)
      expect(error.code).toBe('ESTALE')
      expect(error.bytesSent).toBeLessThan(20 << 20)
      rmSync(other)
    })

    it('ends the connection when the file is written to', async () => {
      const other = join(folder, 'written.bin')
      makeFile(other, 20 << 20)
      const outcomes: Promise<unknown>[] = []
      await serve((socket) => {
        socket.on('error', () => {})
        outcomes.push(socket.sendFile(other).catch((error: NodeJS.ErrnoException) => error.code))
        socket.end()
      })
      const stalled = connect()
      await once(stalled, 'readable')
      const fd = openSync(other, 'r+')
      writeSync(fd, 'new', (20 << 20) - 3)
      closeSync(fd)
      const ended = contentOf(stalled).then(
        (content) => `${content.length} bytes`,
        (error: NodeJS.ErrnoException) => error.code,
      )
      expect(await ended).toBe('ECONNRESET')
      expect(await Promise.all(outcomes)).toEqual(['ESTALE'])
      expect(host.counters['TcpOutRsts']).toBeGreaterThan(0)
    })

    it('sends it from a disk that has to be waited for', async (context) => {
      const cold = join(folder, 'cold.bin')
      const expected = makeFile(cold, SIZE)
      spawnSync('sync', [cold])
      try {
        writeFileSync('/proc/sys/vm/drop_caches', '3')
      } catch {
        leaveOut(context, 'no leave to drop the caches (run as root)')
        return
      }
      await serve((socket) => {
        socket.sendFile(cold).catch(() => {})
        socket.end()
      })
      expect(await digestOf(connect())).toBe(expected)
      expect(host.files.cache.loads).toBeGreaterThanOrEqual(Math.ceil(SIZE / host.files.store.pageSize))
    })

    it('sends it from a client, and to a connection of the same host', async () => {
      const server = net.createServer().listen(0, '192.0.2.1')
      await once(server, 'listening')
      const client = host.net.connect((server.address() as net.AddressInfo).port, '192.0.2.1')
      const sent = client.sendFile(path)
      client.end()
      const [accepted] = (await once(server, 'connection')) as [KernelSocket]
      expect(await digestOf(accepted)).toBe(digest)
      expect(await sent).toBe(SIZE)
      accepted.end()
      server.close()
      await serve((socket) => {
        socket.sendFile(path).catch(() => {})
        socket.end()
      })
      expect(await digestOf(host.net.connect(PORT, STACK))).toBe(digest)
    })

    it('serves a small file by http with its header in one segment', async () => {
      const small = join(folder, 'page.bin')
      writeFileSync(small, 'x'.repeat(700))
      const segments: Promise<number | undefined>[] = []
      const server = http.createServer(async (request, response) => {
        const socket = request.socket as unknown as Socket
        segments.push(once(response, 'close').then(() => socket.info()?.dataSegsOut))
        const handle = await open(small)
        response.writeHead(200, { 'Content-Length': 700 })
        expect(await sendFile(response, handle, 0, 699)).toBe(true)
        response.end()
        await handle.close()
      })
      host.listen(server, PORT)
      await once(server, 'listening')
      const response = await fetch(`http://${STACK}:${PORT}/`)
      expect(await response.text()).toBe('x'.repeat(700))
      expect(await Promise.all(segments)).toEqual([1])
    })

    it('can be captured with its payload', async () => {
      const pieces: Uint8Array[] = []
      const stop = host.capture({ write: (bytes) => pieces.push(bytes) })
      await serve((socket) => {
        socket.sendFile(path, { end: 99_999 }).catch(() => {})
        socket.end()
      })
      await contentOf(connect())
      stop()
      expect(Buffer.concat(pieces).includes(readFileSync(path).subarray(70_000, 70_500))).toBe(true)
    })

    it('goes on with the old content when the file is replaced', async () => {
      const other = join(folder, 'replaced.bin')
      const expected = makeFile(other, 12 << 20)
      const outcomes: Promise<unknown>[] = []
      await serve((socket) => {
        socket.on('error', () => {})
        outcomes.push(socket.sendFile(other).catch((error: NodeJS.ErrnoException) => error.code))
        socket.end()
      })
      const stalled = connect()
      await once(stalled, 'readable')
      writeFileSync(`${other}.new`, 'another')
      renameSync(`${other}.new`, other)
      expect(await digestOf(stalled)).toBe(expected)
      expect((await contentOf(connect())).toString()).toBe('another')
      expect(await Promise.all(outcomes)).toEqual([12 << 20, 7])
    })

    it('stops at an abort, and says how much went', async () => {
      const controller = new AbortController()
      const outcomes: Promise<unknown>[] = []
      await serve((socket) => {
        const sent = socket.sendFile(path, { signal: controller.signal })
        outcomes.push(sent.then(String, (error) => [error.name, error.bytesSent]))
        socket.end('behind')
      })
      const stalled = connect()
      await once(stalled, 'readable')
      controller.abort()
      const content = await contentOf(stalled)
      const [[name, bytesSent]] = (await Promise.all(outcomes)) as [[string, number]]
      expect(name).toBe('AbortError')
      expect(content.length).toBe(bytesSent + 6)
      expect(content.subarray(0, bytesSent).equals(readFileSync(path).subarray(0, bytesSent))).toBe(true)
      expect(content.subarray(bytesSent).toString()).toBe('behind')
    })

    it('rejects when the other side goes away, or there is no such file', async () => {
      const outcomes: Promise<unknown>[] = []
      await serve((socket) => {
        socket.on('error', () => {})
        outcomes.push(socket.sendFile(join(folder, 'nothing')).catch((error) => [error.code, error.bytesSent]))
        outcomes.push(socket.sendFile(folder).catch((error) => error.code))
        outcomes.push(socket.sendFile(path).catch((error) => error.code))
        outcomes.push(new Promise((done) => socket.on('close', () => done('closed'))))
      })
      const client = connect()
      await once(client, 'readable')
      client.resetAndDestroy()
      expect(await Promise.all(outcomes)).toEqual([['ENOENT', 0], 'EISDIR', 'ECONNRESET', 'closed'])
    })

    it('sends memory of the host without copying it, and other memory with a copy', async () => {
      const bytes = host.alloc(6_000_000)
      for (let i = 0; i < bytes.length; i += 97) bytes[i] = i
      const before = host.counters['TcpPagewireCopiedOut']
      const sent: Promise<number>[] = []
      await serve((socket) => {
        sent.push(socket.writeZeroCopy(bytes.subarray(1)))
        sent.push(socket.writeZeroCopy(Buffer.alloc(1000, 7)))
        socket.end()
      })
      const expected = Buffer.concat([bytes.subarray(1), Buffer.alloc(1000, 7)])
      expect((await contentOf(connect())).equals(expected)).toBe(true)
      expect(await Promise.all(sent)).toEqual([bytes.length - 1, 1000])
      expect(host.counters['TcpPagewireCopiedOut'] - before).toBe(1000)
    })
  })
})

function connect(): KernelSocket {
  return net.connect(PORT, STACK)
}

async function digestOf(socket: KernelSocket): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of socket) hash.update(chunk)
  return hash.digest('hex')
}

async function contentOf(socket: KernelSocket): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}
