// host.net: what node:net exports, bound to one host. The constructors are made per host, since Node's take no host.

import { channel } from 'node:diagnostics_channel'
import type { ClientRequestArgs } from 'node:http'
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from 'node:net'
import type { Duplex } from 'node:stream'
import type { CheckedOptions, ConnectOptions, SocketOptions } from './arguments.ts'
import { normalizeArguments } from './arguments.ts'
import type { SocketContext } from './context.ts'
import { Server as BaseServer, type ServerOptions } from './server.ts'
import { Socket as BaseSocket } from './socket.ts'

export type { ConnectOptions, ListenOptions, SocketOptions } from './arguments.ts'
export type { NetworkError } from './errors.ts'
export type { Server, ServerOptions } from './server.ts'
export type { Socket } from './socket.ts'

/** `net.connect` and `net.createConnection`. */
export interface Connect {
  (options: ConnectOptions, listener?: () => void): BaseSocket
  /** As the `createConnection` of http.request. */
  (options: ClientRequestArgs, created: (error: Error | null, socket: Duplex) => void): BaseSocket
  (port: number, host?: string, listener?: () => void): BaseSocket
  (port: number, listener?: () => void): BaseSocket
}

/** `net.createServer`. */
export interface CreateServer {
  (listener?: (socket: BaseSocket) => void): BaseServer
  (options?: ServerOptions, listener?: (socket: BaseSocket) => void): BaseServer
}

export interface Net {
  readonly connect: Connect
  readonly createConnection: Connect
  readonly createServer: CreateServer
  readonly Socket: new (options?: SocketOptions) => BaseSocket
  /** The same as `Socket`, by its old name. */
  readonly Stream: new (
    options?: SocketOptions,
  ) => BaseSocket
  readonly Server: new (
    options?: ServerOptions | ((socket: BaseSocket) => void),
    listener?: (socket: BaseSocket) => void,
  ) => BaseServer
  readonly isIP: typeof isIP
  readonly isIPv4: typeof isIPv4
  readonly isIPv6: typeof isIPv6
  readonly BlockList: typeof BlockList
  readonly SocketAddress: typeof SocketAddress
}

/** Node's channel, for tracers. */
const created = channel('net.client.socket')

export function createNet(context: SocketContext): Net {
  class Socket extends BaseSocket {
    constructor(options?: SocketOptions | CheckedOptions) {
      super(context, options)
    }
  }
  class Server extends BaseServer {
    constructor(options?: ServerOptions | ((socket: BaseSocket) => void), listener?: (socket: BaseSocket) => void) {
      super(context, Socket, options, listener)
    }
  }
  const connect = (...values: unknown[]): BaseSocket => {
    const { options, callback } = normalizeArguments<ConnectOptions>(values)
    const socket = new Socket(options)
    if (created.hasSubscribers) created.publish({ socket })
    if (options.timeout) socket.setTimeout(options.timeout)
    // A signal that was aborted before has ended the socket already.
    return socket.destroyed ? socket : socket.connect(options, callback ?? undefined)
  }
  const createServer: CreateServer = (options?: unknown, listener?: (socket: BaseSocket) => void) =>
    new Server(options as ServerOptions, listener)
  return {
    connect,
    createConnection: connect,
    createServer,
    Socket,
    Stream: Socket,
    Server,
    isIP,
    isIPv4,
    isIPv6,
    BlockList,
    SocketAddress,
  }
}
