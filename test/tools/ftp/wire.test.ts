// The FTP server on a stack of its own over a simulated wire, with a client on another one; and `ftpd` behind loopback ports.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createHost, createWire, type Host } from '../../../drivers/index.ts'
import { cidr } from '../../../tools/cli/validators.ts'
import { type FtpNet, FtpServer } from '../../../tools/ftp/ftp-server.ts'
import { FileRoot } from '../../../tools/serve/file-root.ts'
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
    server = new FtpServer({ net: served.net as unknown as FtpNet, root, uploads: null })
    await server.listen(21)
  })

  afterEach(async () => {
    server.close()
    await other.close()
    await served.close()
    simulation.stop()
    expect([served.leaks(), other.leaks()]).toEqual(Array(2).fill({ frames: 0, transmitPages: 0 }))
  })

  it('sends a file, stops one in the middle, and sends the next', async () => {
    const dial = (port: number) => other.net.connect({ host: '192.0.2.2', port }) as unknown as Socket
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
