// One control connection: its commands one after the other, however many come at once (RFC 959 5.1, RFC 1123 4.1.3.3), its
// replies, and the one transfer that runs. ABOR and STAT are heard while it runs. What each command does is in commands.ts.

import type { Socket } from 'node:net'
import type { FileRoot } from '../serve/file-root.ts'
import type { UploadService } from '../serve/upload.ts'
import { CommandLines } from './command-lines.ts'
import { runCommand } from './commands.ts'
import { FACTS, type Fact } from './listing-lines.ts'
import { type FtpNet, PassivePort, type PortRange, plainAddress } from './passive-port.ts'
import type { Reply, TransferType } from './transfer.ts'

export interface SessionOptions {
  net: FtpNet
  root: FileRoot
  /** Null: read only. */
  uploads: UploadService | null
  ports: PortRange
  /** Milliseconds without a command, without a data connection, and without progress on one. */
  idle: number
  connect: number
  stall: number
  /** Milliseconds since 1970. */
  now: () => number
}

/** Commands that may wait before the client is held back. */
const QUEUE_LIMIT = 64

export class Session {
  readonly options: SessionOptions
  login: 'none' | 'named' | 'done' = 'none'
  folder: string[] = []
  type: TransferType = 'A'
  /** Where the next transfer begins (REST). */
  restart = 0
  /** EPSV ALL was given (RFC 2428 4). */
  extendedOnly = false
  facts: readonly Fact[] = FACTS
  private readonly socket: Socket
  private readonly lines = new CommandLines()
  private readonly queue: (string | null)[] = []
  private running = false
  private ended = false
  private passive: PassivePort | null = null
  private transferring: PassivePort | null = null
  private aborted = false
  private timer: NodeJS.Timeout | undefined

  constructor(socket: Socket, options: SessionOptions) {
    this.socket = socket
    this.options = options
    socket.setNoDelay(true)
    socket.on('error', ignore)
    socket.on('close', () => this.stop())
    socket.on('data', (chunk: Buffer) => this.take(chunk))
    socket.on('end', () => {
      this.ended = true
      void this.run()
    })
    this.reply(220, 'pagewire FTP server ready.')
    this.rest()
  }

  get open(): boolean {
    return !this.socket.destroyed && this.socket.writable
  }

  get peer(): string {
    return plainAddress(this.socket.remoteAddress)
  }

  get address(): string {
    return plainAddress(this.socket.localAddress)
  }

  reply(code: number, text: string): void {
    this.write(`${code} ${text}\r\n`)
  }

  /** Lines between a first and a last one; each is indented, so that none looks like the last (RFC 959 4.2). */
  replyLines(code: number, first: string, lines: readonly string[], last: string): void {
    const middle = lines.map((line) => ` ${line}\r\n`).join('')
    this.write(`${code}-${first}\r\n${middle}${code} ${last}\r\n`)
  }

  /** Opens a port for the next transfer in place of the one before; null when there is none. */
  async openPassive(): Promise<number | null> {
    this.dropPassive()
    const { net, ports } = this.options
    this.passive = await PassivePort.open(net, ports, this.socket.localAddress ?? '', this.peer)
    // The client may have gone while it was opened.
    if (!this.open) this.dropPassive()
    return this.passive?.port ?? null
  }

  /** Where the next transfer begins; the one after that begins at the beginning again. */
  takeRestart(): number {
    const { restart } = this
    this.restart = 0
    return restart
  }

  dropPassive(): void {
    this.passive?.close()
    this.passive = null
  }

  get hasPassive(): boolean {
    return this.passive !== null
  }

  /** Replies 150, has `work` use the data connection, and replies what it answered. */
  async transfer(what: string, work: (socket: Socket) => Promise<Reply>): Promise<void> {
    const { passive, options } = this
    if (!passive) {
      this.reply(425, 'Send PASV or EPSV first.')
      return
    }
    this.passive = null
    this.transferring = passive
    this.aborted = false
    this.reply(150, `${what}.`)
    try {
      const socket = await passive.connection(options.connect)
      let reply: Reply = [425, 'Nobody came to the data port.']
      if (socket) {
        socket.setTimeout(options.stall, () => socket.destroy())
        reply = await work(socket)
      }
      this.reply(...(this.aborted ? ([426, 'Transfer aborted.'] as const) : reply))
    } finally {
      if (!this.socket.writable) passive.close()
      this.transferring = null
    }
  }

  quit(): void {
    this.queue.length = 0
    this.socket.end()
  }

  /** Ends it at once. */
  destroy(): void {
    this.socket.destroy()
    this.stop()
  }

  private write(text: string): void {
    // A carriage return in a name must not end a line (RFC 2640 3.1).
    if (this.socket.writable) this.socket.write(text.replace(/\r(?!\n)/g, '\r\0'))
  }

  private take(chunk: Buffer): void {
    for (const line of this.lines.push(chunk)) {
      const alone = this.transferring !== null && this.queue.length === 0
      if (alone && line !== null && /^ABOR\s*$/i.test(line)) {
        this.aborted = true
        this.transferring?.close()
      }
      if (alone && line !== null && /^STAT\s*$/i.test(line)) this.reply(211, 'A transfer is under way.')
      else this.queue.push(line)
    }
    if (this.queue.length > QUEUE_LIMIT) this.socket.pause()
    void this.run()
  }

  /** Runs what waits. Never rejects. */
  private async run(): Promise<void> {
    if (this.running) return
    this.running = true
    clearTimeout(this.timer)
    while (this.queue.length > 0 && this.open) {
      const line = this.queue.shift() ?? null
      try {
        await runCommand(this, line)
      } catch {
        this.reply(451, 'Something went wrong here.')
      }
      if (this.socket.writableNeedDrain) await drained(this.socket, this.options.idle)
      if (this.queue.length <= QUEUE_LIMIT / 2) this.socket.resume()
    }
    this.running = false
    if (this.ended) this.quit()
    else this.rest()
  }

  /** Waits for a command. */
  private rest(): void {
    clearTimeout(this.timer)
    if (!this.open) return
    this.timer = setTimeout(() => {
      this.reply(421, 'No command for too long; good-bye.')
      this.socket.destroySoon()
    }, this.options.idle)
  }

  private stop(): void {
    clearTimeout(this.timer)
    this.queue.length = 0
    this.dropPassive()
    this.transferring?.close()
  }
}

/** A client that reads no replies is waited for, but not for ever. */
function drained(socket: Socket, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), milliseconds)
    const done = () => {
      clearTimeout(timer)
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
    if (socket.destroyed) done()
  })
}

function ignore(): void {}
