// Accepting connections for a server, ours or one of Node's: takes endpoints from the listener and hands each over as a
// Socket, within the server's limit. Owns the listener and its hold on the process.

import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { TcpEndpoint, TcpListener } from '../../../stack/tcp/contract.ts'
import { Hold } from '../keeper.ts'
import { type SocketAddress, toSocketAddress } from './addresses.ts'
import type { SocketContext } from './context.ts'
import type { Socket, SocketOwner } from './socket.ts'

/** What node:net's Server and ours have in common, under Node's names. */
export interface AcceptingServer extends SocketOwner {
  maxConnections?: number | undefined
  allowHalfOpen?: boolean
  pauseOnConnect?: boolean
  noDelay?: boolean
  keepAlive?: boolean
  /** Seconds. */
  keepAliveInitialDelay?: number
  highWaterMark?: number
  blockList?: { check(address: string, family: 'ipv4' | 'ipv6'): boolean } | undefined
  emit(event: string, ...values: unknown[]): boolean
}

export type SocketConstructor = new (options?: {
  allowHalfOpen?: boolean
  readableHighWaterMark?: number
  writableHighWaterMark?: number
  noDelay?: boolean
  keepAlive?: boolean
  keepAliveInitialDelay?: number
}) => Socket

/** Node's channel, for tracers. */
const accepted = channel('net.server.socket')

export class Acceptor {
  private readonly server: AcceptingServer
  private readonly SocketClass: SocketConstructor
  private readonly hold: Hold
  private listener: TcpListener | null
  private readonly bound: SocketAddress

  constructor(context: SocketContext, server: AcceptingServer, SocketClass: SocketConstructor, listener: TcpListener) {
    this.server = server
    this.SocketClass = SocketClass
    this.listener = listener
    this.hold = new Hold(context.keeper)
    this.hold.start()
    const { localAddress, localPort } = listener
    this.bound = localAddress
      ? toSocketAddress(localAddress, localPort)
      : { address: '0.0.0.0', family: 'IPv4', port: localPort }
    const scope = new AsyncResource('PAGEWIRESERVER')
    listener.onReadiness = () => scope.runInAsyncScope(this.acceptAll, this)
  }

  address(): SocketAddress {
    return { ...this.bound }
  }

  ref(): void {
    this.hold.ref()
  }

  unref(): void {
    this.hold.unref()
  }

  close(): void {
    this.hold.stop()
    this.listener?.close()
    this.listener = null
  }

  private acceptAll(): void {
    let threw = true
    try {
      for (let endpoint = this.listener?.accept(); endpoint; endpoint = this.listener?.accept()) this.admit(endpoint)
      threw = false
    } finally {
      // A listener threw: the others that wait are still to be accepted, if the process goes on.
      if (threw) process.nextTick(() => this.acceptAll())
    }
  }

  private admit(endpoint: TcpEndpoint): void {
    const { server } = this
    if (this.blocks(endpoint)) {
      endpoint.close()
      return
    }
    if (server.maxConnections && server._connections >= server.maxConnections) {
      const local = toSocketAddress(endpoint.localAddress, endpoint.localPort)
      const remote = toSocketAddress(endpoint.remoteAddress, endpoint.remotePort)
      endpoint.close()
      server.emit('drop', {
        localAddress: local.address,
        localPort: local.port,
        localFamily: local.family,
        remoteAddress: remote.address,
        remotePort: remote.port,
        remoteFamily: remote.family,
      })
      return
    }
    const marks = server.highWaterMark
    const socket = new this.SocketClass({
      allowHalfOpen: server.allowHalfOpen ?? false,
      ...(marks === undefined ? {} : { readableHighWaterMark: marks, writableHighWaterMark: marks }),
    })
    if (server.noDelay) socket.setNoDelay(true)
    if (server.keepAlive) socket.setKeepAlive(true, (server.keepAliveInitialDelay ?? 0) * 1000)
    server._connections++
    socket._accept(endpoint, server, server.pauseOnConnect ?? false)
    try {
      server.emit('connection', socket)
      if (accepted.hasSubscribers) accepted.publish({ socket })
    } finally {
      socket._start()
    }
  }

  private blocks({ remoteAddress }: TcpEndpoint): boolean {
    const { blockList } = this.server
    return Boolean(blockList?.check(remoteAddress.toString(), remoteAddress.family === 4 ? 'ipv4' : 'ipv6'))
  }
}
