// What sockets and servers tell, in order, per actor: what two implementations of net are compared by. How the bytes were
// cut into pieces is not told, nor are ports and addresses, which differ by nature.

import type { EventEmitter } from 'node:events'

interface SocketLike extends EventEmitter {
  destroyed?: boolean
}

export class Recorder {
  readonly told: Record<string, string[]> = {}
  private readonly names = new Map<string, string>()

  /** `text` stands for `name` in what is told. */
  hide(text: string | number, name: string): void {
    this.names.set(String(text), name)
  }

  say(actor: string, what: string): void {
    this.told[actor] ??= []
    this.told[actor].push(this.mask(what))
  }

  /** An error by what Node says of it. */
  error(error: unknown): string {
    const { name, code, syscall, address, port, errno } = error as NodeJS.ErrnoException & {
      address?: string
      port?: number
    }
    const isSystem = syscall !== undefined
    const fields = { name, code, ...(isSystem ? { syscall, address, port, errno } : {}) }
    const message = isSystem ? ` ${(error as Error).message}` : ''
    return JSON.stringify(fields) + message
  }

  /** Records a socket's events; `data` is added only when asked for, since it makes the stream flow. */
  socket(actor: string, socket: SocketLike, options: { data?: boolean } = {}): void {
    for (const event of ['lookup', 'connect', 'ready', 'end', 'finish', 'timeout', 'drain']) {
      socket.on(event, () => this.say(actor, event))
    }
    socket.on('connectionAttemptFailed', () => this.say(actor, 'connectionAttemptFailed'))
    socket.on('close', (hadError?: boolean) => this.say(actor, `close ${hadError}`))
    socket.on('error', (error) => this.say(actor, `error ${this.error(error)}`))
    if (options.data) this.data(actor, socket)
  }

  data(actor: string, socket: SocketLike): void {
    let last = -1
    let bytes = 0
    socket.on('data', (piece: Buffer | string) => {
      const lines = this.told[actor] ?? []
      this.told[actor] = lines
      if (last === lines.length - 1 && last >= 0) bytes += piece.length
      else {
        bytes = piece.length
        last = lines.push('') - 1
      }
      lines[last] = `data ${bytes}`
    })
  }

  server(actor: string, server: EventEmitter): void {
    for (const event of ['listening', 'connection', 'close', 'drop']) server.on(event, () => this.say(actor, event))
    server.on('error', (error) => this.say(actor, `error ${this.error(error)}`))
  }

  private mask(text: string): string {
    let masked = text
    for (const [hidden, name] of this.names) masked = masked.replaceAll(hidden, name)
    return masked
  }
}

/** Resolves when `event` was emitted; errors do not reject it. */
export function told(emitter: EventEmitter, event: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(event, (...values: unknown[]) => resolve(values)))
}
