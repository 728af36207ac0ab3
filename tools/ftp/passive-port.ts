// One data connection that the client opens (PASV, EPSV): a port that listens until somebody with the address of the control
// connection has come. Anybody else is turned away (RFC 2577 4). The port is closed as soon as the one has come.

import type { Server, Socket } from 'node:net'

/** As much of Node's net as is needed; a host's own has the same shape. */
export interface FtpNet {
  createServer(
    options: { allowHalfOpen: boolean; pauseOnConnect: boolean },
    onConnection: (socket: Socket) => void,
  ): Server
}

export interface PortRange {
  first: number
  last: number
}

export class PassivePort {
  readonly port: number
  private readonly server: Server
  private readonly peer: string
  private socket: Socket | null = null
  private waiting: ((socket: Socket | null) => void) | null = null
  private timer: NodeJS.Timeout | undefined
  private closed = false

  private constructor(server: Server, port: number, peer: string) {
    this.server = server
    this.port = port
    this.peer = peer
  }

  /** `address` is ours, `peer` the only one that may come; null when no port of the range is free. */
  static async open(net: FtpNet, range: PortRange, address: string, peer: string): Promise<PassivePort | null> {
    const count = range.last - range.first + 1
    const start = Math.floor(Math.random() * count)
    for (let i = 0; i < count; i++) {
      const port = range.first + ((start + i) % count)
      let opened: PassivePort | null = null
      const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
        if (opened) opened.accept(socket)
        else socket.destroy()
      })
      if (!(await listens(server, port, address))) continue
      const bound = server.address()
      opened = new PassivePort(server, typeof bound === 'object' && bound ? bound.port : port, peer)
      return opened
    }
    return null
  }

  /** The connection, or null when none came within this many milliseconds or the port was closed. Once only. */
  connection(milliseconds: number): Promise<Socket | null> {
    if (this.socket || this.closed) return Promise.resolve(this.socket)
    return new Promise((resolve) => {
      this.waiting = resolve
      this.timer = setTimeout(() => this.close(), milliseconds)
    })
  }

  /** Ends the connection too. */
  close(): void {
    if (!this.closed) this.stop()
    this.socket?.destroy()
    this.settle(null)
  }

  private accept(socket: Socket): void {
    socket.on('error', ignore)
    if (this.closed || plainAddress(socket.remoteAddress) !== this.peer) {
      socket.destroy()
      return
    }
    this.socket = socket
    this.stop()
    this.settle(socket)
  }

  private stop(): void {
    this.closed = true
    this.server.close()
  }

  private settle(socket: Socket | null): void {
    clearTimeout(this.timer)
    this.waiting?.(socket)
    this.waiting = null
  }
}

/** An IPv4 address that came as a mapped one (RFC 4291 2.5.5.2) as itself. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
}

function listens(server: Server, port: number, address: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, address, () => {
      server.removeAllListeners('error').on('error', ignore)
      resolve(true)
    })
  })
}

function ignore(): void {}
