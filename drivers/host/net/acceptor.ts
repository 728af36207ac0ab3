// Accepting connections for a server, ours or one of Node's: takes endpoints from the listener and hands each over as a
// Socket, within the server's limit. Owns the listener and its hold on the process.

import { AsyncResource } from 'node:async_hooks'
import { channel } from 'node:diagnostics_channel'
import type { TcpEndpoint, TcpListener } from '../../../stack/tcp/contract.ts'
import { Hold } from '../keeper.ts'
import { type SocketAddress, toSocketAddress } from './addresses.ts'
import { CheckedOptions } from './arguments.ts'
import type { SocketContext } from './context.ts'
import type { Socket, SocketOwner } from './socket.ts'

/** What a server gives to each socket that it accepts. */
interface SocketProperties {
  allowHalfOpen?: boolean
  pauseOnConnect?: boolean
  noDelay?: boolean
  keepAlive?: boolean
  /** Seconds. */
  keepAliveInitialDelay?: number
  highWaterMark?: number
}

/** What node:net's Server and ours have in common, under Node's names. */
export interface AcceptingServer extends SocketOwner, SocketProperties {
  maxConnections?: number | undefined
  blockList?: { check(address: string, family: 'ipv4' | 'ipv6'): boolean } | undefined
  emit(event: string, ...values: unknown[]): boolean
}

export type SocketConstructor = new (options?: CheckedOptions) => Socket

/** Node's channel, for tracers. */
const accepted = channel('net.server.socket')

export class Acceptor {
  private readonly server: AcceptingServer
  private readonly SocketClass: SocketConstructor
  private readonly hold: Hold
  private listener: TcpListener | null
  private readonly bound: SocketAddress
  /** The options of accepted sockets, and the server's properties that they were made of. */
  private checked = new CheckedOptions()
  private made: SocketProperties | null = null

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
    const socket = new this.SocketClass(this.options())
    server._connections++
    socket._accept(endpoint, server, server.pauseOnConnect ?? false)
    try {
      server.emit('connection', socket)
      if (accepted.hasSubscribers) accepted.publish({ socket })
    } finally {
      socket._start()
    }
  }

  /** Of the next socket: the same object as before unless somebody has changed the server's properties. */
  private options(): CheckedOptions {
    const { allowHalfOpen, highWaterMark, noDelay, keepAlive, keepAliveInitialDelay } = this.server
    const { made } = this
    if (
      made?.allowHalfOpen === allowHalfOpen &&
      made?.highWaterMark === highWaterMark &&
      made?.noDelay === noDelay &&
      made?.keepAlive === keepAlive &&
      made?.keepAliveInitialDelay === keepAliveInitialDelay
    ) {
      return this.checked
    }
    this.made = { allowHalfOpen, highWaterMark, noDelay, keepAlive, keepAliveInitialDelay }
    this.checked = new CheckedOptions({
      allowHalfOpen,
      ...(highWaterMark === undefined
        ? {}
        : { readableHighWaterMark: highWaterMark, writableHighWaterMark: highWaterMark }),
      noDelay,
      keepAlive,
      keepAliveInitialDelay: (keepAliveInitialDelay ?? 0) * 1000,
    })
    return this.checked
  }

  private blocks({ remoteAddress }: TcpEndpoint): boolean {
    const { blockList } = this.server
    return Boolean(blockList?.check(remoteAddress.toString(), remoteAddress.family === 4 ? 'ipv4' : 'ipv6'))
  }
}
