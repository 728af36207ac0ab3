// The FTP server: sessions on a port of any net module, Node's or a host's, within limits. Data connections are the passive
// side's only, since a server that connects where it is told to can be turned on others (RFC 2577 3).

import type { Server, Socket } from 'node:net'
import type { FileRoot } from '../serve/file-root.ts'
import type { UploadService } from '../serve/upload.ts'
import { type FtpNet, type PortRange, plainAddress } from './passive-port.ts'
import { Session, type SessionOptions } from './session.ts'

export type { FtpNet, PortRange } from './passive-port.ts'

export const FTP_PORT = 21
/** Above what Linux gives to outgoing connections (32768 to 60999), whose remains would be in the way of a listener for a minute. */
export const PASSIVE_PORTS: PortRange = { first: 61_000, last: 61_999 }

export interface FtpOptions {
  net: FtpNet
  root: FileRoot
  /** Null: read only. */
  uploads: UploadService | null
  ports?: PortRange
  /** Sessions of all, and from one address. */
  sessions?: number
  sessionsPerAddress?: number
  /** Milliseconds, as in SessionOptions. An idle session has five minutes at least (RFC 1123 4.1.3.2). */
  idle?: number
  connect?: number
  stall?: number
}

export class FtpServer {
  private readonly options: FtpOptions
  private readonly server: Server
  private readonly sessions = new Set<Session>()

  constructor(options: FtpOptions) {
    this.options = options
    this.server = options.net.createServer({ allowHalfOpen: true, pauseOnConnect: false }, (socket) =>
      this.accept(socket),
    )
  }

  /** The port that it listens on. Rejects with the error of `listen`. */
  listen(port: number, address?: string): Promise<number> {
    const { server } = this
    return new Promise((resolve, reject) => {
      const onListening = () => {
        server.off('error', reject).on('error', ignore)
        const bound = server.address()
        resolve(typeof bound === 'object' && bound ? bound.port : port)
      }
      server.once('error', reject)
      if (address === undefined) server.listen(port, onListening)
      else server.listen(port, address, onListening)
    })
  }

  /** Ends all sessions and transfers at once. */
  close(): void {
    this.server.close()
    for (const session of this.sessions) session.destroy()
  }

  get sessionCount(): number {
    return this.sessions.size
  }

  private accept(socket: Socket): void {
    const { sessions = 256, sessionsPerAddress = 128 } = this.options
    const address = plainAddress(socket.remoteAddress)
    let same = 0
    for (const session of this.sessions) if (session.peer === address) same++
    if (this.sessions.size >= sessions || same >= sessionsPerAddress) {
      socket.on('error', ignore)
      socket.resume()
      socket.end('421 Too many sessions; try again later.\r\n', () => socket.destroySoon())
      return
    }
    const session = new Session(socket, this.sessionOptions())
    this.sessions.add(session)
    socket.on('close', () => this.sessions.delete(session))
  }

  private sessionOptions(): SessionOptions {
    const {
      net,
      root,
      uploads,
      ports = PASSIVE_PORTS,
      idle = 300_000,
      connect = 30_000,
      stall = 120_000,
    } = this.options
    return { net, root, uploads, ports, idle, connect, stall, now: Date.now }
  }
}

function ignore(): void {}
