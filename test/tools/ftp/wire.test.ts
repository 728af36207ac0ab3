// The FTP server on a stack of its own over a simulated wire, with a client on another one; and `ftpd` behind loopback ports.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost, createWire, type Host } from '../../../drivers/index.ts'
import { cidr } from '../../../tools/cli/validators.ts'
import { type FtpNet, FtpServer } from '../../../tools/ftp/ftp-server.ts'
import { FileRoot } from '../../../tools/serve/file-root.ts'
import { UploadService } from '../../../tools/serve/upload.ts'
import { openOnWire } from '../../../tools/up/open-stack.ts'
import { completeFtpOptions } from '../../../tools/up/options.ts'
import { RealTimeSimulation } from '../../../tools/up/real-time.ts'
import { openFiles, serveAll } from '../../../tools/up/serve-all.ts'
import { collected, FtpClient } from './fixture.ts'

const large = randomBytes(3_000_000)
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pagewire-ftp-wire-')))
  writeFileSync(join(folder, 'large.bin'), large)
})

afterEach(() => rmSync(folder, { recursive: true }))

type Dial = (port: number) => Socket

async function logIn(dial: Dial, port: number): Promise<FtpClient> {
  const client = new FtpClient(dial(port))
  await client.reply()
  await client.say('USER anonymous')
  await client.say('PASS x')
  await client.say('TYPE I')
  return client
}

async function retrieve(client: FtpClient, dial: Dial, name: string): Promise<Buffer> {
  const data = collected(dial(await client.extended()))
  expect(await client.say(`RETR ${name}`)).toMatch(/^150 /)
  const bytes = await data
  expect(await client.reply()).toMatch(/^226 /)
  return bytes
}

describe('between two stacks', () => {
  let served: Host
  let other: Host
  let simulation: RealTimeSimulation
  let server: FtpServer

  beforeEach(async () => {
    simulation = new RealTimeSimulation()
    const wire = createWire(simulation)
    const drive = { reactor: simulation, environment: simulation.environment }
    served = await createHost({ ...drive, device: wire.a, addresses: ['192.0.2.2/24'] })
    other = await createHost({ ...drive, device: wire.b, addresses: ['192.0.2.1/24'] })
    const root = await FileRoot.open(folder)
    const uploads = await UploadService.open(root)
    server = new FtpServer({ net: served.net as unknown as FtpNet, root, uploads })
    await server.listen(21)
  })

  afterEach(async () => {
    server.close()
    await other.close()
    await served.close()
    simulation.stop()
    expect([served.leaks(), other.leaks()]).toEqual(Array(2).fill({ frames: 0, transmitPages: 0 }))
  })

  const dial = (port: number) => other.net.connect({ host: '192.0.2.2', port }) as unknown as Socket

  it('takes files of any size, also behind what is there', async () => {
    const client = await logIn(dial, 21)
    const bytes = randomBytes(6 * 2 ** 20)
    const store = async (line: string, length: number) => {
      const data = dial(await client.extended())
      data.on('error', () => {}).resume()
      expect(await client.say(line)).toMatch(/^150 /)
      data.end(bytes.subarray(0, length))
      expect(await client.reply()).toMatch(/^226 /)
      return readFileSync(join(folder, 'up.bin'))
    }
    // Around the buffers of the sink: none, part of one, exactly one, all of them and then some.
    for (const length of [0, 1, 2 ** 20 - 1, 2 ** 20, 2 ** 20 + 1, 4 * 2 ** 20, bytes.length]) {
      expect((await store('STOR up.bin', length)).equals(bytes.subarray(0, length))).toBe(true)
    }
    await client.say('REST 1000')
    expect(
      (await store('STOR up.bin', 2 ** 21)).equals(
        Buffer.concat([bytes.subarray(0, 1000), bytes.subarray(0, 2 ** 21)]),
      ),
    ).toBe(true)
    expect((await store('APPE up.bin', 3)).subarray(1000 + 2 ** 21).equals(bytes.subarray(0, 3))).toBe(true)
    client.socket.destroy()
    await client.closed
  })

  it('keeps nothing of an upload that breaks off', async () => {
    const client = await logIn(dial, 21)
    const data = dial(await client.extended())
    data.on('error', () => {}).resume()
    expect(await client.say('STOR half.bin')).toMatch(/^150 /)
    await new Promise((queued) => data.write(large.subarray(0, 2_000_000), queued))
    data.resetAndDestroy()
    expect(await client.reply()).toMatch(/^426 /)
    expect(readdirSync(folder)).toEqual(['large.bin'])
    client.socket.destroy()
    await client.closed
  })

  it.each(['A', 'I'])('resets the data connection of a file that becomes shorter, type %s', async (type) => {
    const path = join(folder, 'shrinks')
    writeFileSync(path, Buffer.alloc(30_000_000, 'x'))
    const client = await logIn(dial, 21)
    await client.say(`TYPE ${type}`)
    const data = dial(await client.extended())
    const ended = new Promise((resolve) =>
      data.on('end', () => resolve('end')).on('error', ({ code }: NodeJS.ErrnoException) => resolve(code)),
    )
    data.pause()
    expect(await client.say('RETR shrinks')).toMatch(/^150 /)
    truncateSync(path, 1000)
    data.resume()
    expect(await client.reply()).toMatch(/^451 /)
    expect(await ended).toBe('ECONNRESET')
    client.socket.destroy()
    await client.closed
  })

  it('sends a file, stops one in the middle, and sends the next', async () => {
    const client = await logIn(dial, 21)
    expect(sha(await retrieve(client, dial, 'large.bin'))).toBe(sha(large))
    const broken = dial(await client.extended())
    expect(await client.say('RETR large.bin')).toMatch(/^150 /)
    broken.pause()
    expect(await client.say('ABOR')).toMatch(/^426 /)
    expect(await client.reply()).toMatch(/^226 /)
    broken.destroy()
    await client.say('REST 2999000')
    expect((await retrieve(client, dial, 'large.bin')).equals(large.subarray(2_999_000))).toBe(true)
    expect(await client.say('QUIT')).toMatch(/^221 /)
    await client.closed
  })
})

describe('ftpd behind the loopback of the machine', () => {
  it('serves and takes files', async () => {
    const options = completeFtpOptions({
      tap: 'pw0',
      address: cidr('192.0.2.2/24'),
      vnetHdr: true,
      port: 21,
      root: folder,
      writable: true,
      bridgePort: 0,
    })
    const open = await openOnWire(options, () => {})
    const service = await serveAll(open, options, await openFiles(options), () => {
      throw new Error('ftpd has no status page')
    })
    const dial = (port: number) => connect(port, '127.0.0.1')
    const client = await logIn(dial, open.bridge?.port ?? 0)
    expect(sha(await retrieve(client, dial, 'large.bin'))).toBe(sha(large))
    expect((await client.send('STOR new.bin', large))[1]).toMatch(/^226 /)
    expect(sha(readFileSync(join(folder, 'new.bin')))).toBe(sha(large))
    client.socket.destroy()
    service.close()
    await open.close()
    expect(open.host.leaks()).toEqual({ frames: 0, transmitPages: 0 })
  })
})
