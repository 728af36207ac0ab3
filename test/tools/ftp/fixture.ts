// A folder and the FTP server over it on Node's own sockets (loopback, port 0), with a client that sends exactly what it
// is told to and answers whole replies.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FtpOptions, FtpServer } from '../../../tools/ftp/ftp-server.ts'
import { FileRoot } from '../../../tools/serve/file-root.ts'
import { UploadService } from '../../../tools/serve/upload.ts'

/** Any free port, however often it is asked for. */
const ANY_PORT = { first: 0, last: 0 }

export type FixtureOptions = Partial<Omit<FtpOptions, 'root' | 'uploads'>> & { writable?: boolean }

export class FtpFixture {
  readonly base: string
  readonly folder: string
  readonly server: FtpServer
  readonly port: number

  private constructor(base: string, folder: string, server: FtpServer, port: number) {
    this.base = base
    this.folder = folder
    this.server = server
    this.port = port
  }

  static async start({ writable = false, ...options }: FixtureOptions = {}): Promise<FtpFixture> {
    const base = realpathSync(mkdtempSync(join(tmpdir(), 'pagewire-ftp-')))
    const folder = join(base, 'served')
    mkdirSync(join(folder, 'folder', 'deep'), { recursive: true })
    writeFileSync(join(base, 'secret'), 'secret')
    writeFileSync(join(folder, 'hello.txt'), 'hello\nworld\n')
    writeFileSync(join(folder, 'folder', 'a "quoted" name'), 'quoted')
    symlinkSync('../secret', join(folder, 'out'))
    symlinkSync('hello.txt', join(folder, 'link'))
    const root = await FileRoot.open(folder)
    const uploads = writable ? await UploadService.open(root) : null
    const server = new FtpServer({ net: { createServer }, ports: ANY_PORT, ...options, root, uploads })
    return new FtpFixture(base, folder, server, await server.listen(0, '127.0.0.1'))
  }

  stop(): void {
    this.server.close()
    rmSync(this.base, { recursive: true })
  }

  /** A client that has read the greeting. */
  async client(): Promise<FtpClient> {
    const client = new FtpClient(connect(this.port, '127.0.0.1'))
    await client.reply()
    return client
  }

  async loggedIn(): Promise<FtpClient> {
    const client = await this.client()
    await client.say('USER anonymous')
    await client.say('PASS x@')
    return client
  }
}

export class FtpClient {
  readonly socket: Socket
  readonly closed: Promise<void>
  private text = ''
  private wake: () => void = () => {}
  private gone = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setEncoding('utf8').on('error', () => {})
    socket.on('data', (text: string) => {
      this.text += text
      this.wake()
    })
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.gone = true
        this.wake()
        resolve()
      }),
    )
  }

  /** The next reply, all its lines; an empty string when there is none any more. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3} .*\r\n|(\d{3})-[\s\S]*?\r\n\1 .*\r\n)/.exec(this.text)
      if (whole) {
        this.text = this.text.slice(whole[0].length)
        return whole[0].trimEnd()
      }
      if (this.gone) return ''
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  say(line: string): Promise<string> {
    this.socket.write(`${line}\r\n`)
    return this.reply()
  }

  /** The port that EPSV gave. */
  async extended(): Promise<number> {
    const match = /^229 .*\(\|\|\|(\d+)\|\)$/.exec(await this.say('EPSV'))
    return Number(match?.[1])
  }

  /** What a transfer brought, and the replies before and after it. */
  async fetch(line: string): Promise<{ bytes: Buffer; replies: string[] }> {
    const port = await this.extended()
    const data = connect(port, '127.0.0.1')
    const all = collected(data)
    const first = await this.say(line)
    if (!first.startsWith('150')) return { bytes: await all, replies: [first] }
    const bytes = await all
    return { bytes, replies: [first, await this.reply()] }
  }

  async send(line: string, bytes: Buffer): Promise<string[]> {
    const data = connect(await this.extended(), '127.0.0.1')
    data.on('error', () => {}).resume()
    const first = await this.say(line)
    if (!first.startsWith('150')) {
      data.destroy()
      return [first]
    }
    data.end(bytes)
    return [first, await this.reply()]
  }
}

export function collected(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', () => {})
  return new Promise((resolve) => socket.on('close', () => resolve(Buffer.concat(chunks))))
}
