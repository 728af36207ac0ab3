// What the small services ask of a host: Node's shape of servers and datagram sockets, no more.

import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'

export type StreamSocket = Duplex & { setNoDelay(noDelay?: boolean): unknown }

export interface StreamServer extends EventEmitter {
  listen(port: number, onListening: () => void): unknown
  close(): unknown
}

export interface DatagramSocket extends EventEmitter {
  bind(port: number, onListening: () => void): unknown
  send(bytes: Uint8Array, port: number, address: string, onSent: (error: Error | null) => void): void
  close(): unknown
}

export interface ServiceSockets {
  createServer(options: { allowHalfOpen: boolean }, onConnection: (socket: StreamSocket) => void): StreamServer
  createDatagramSocket(): DatagramSocket
}

/** A service that runs. */
export interface Service {
  close(): void
}

/** A TCP server on a port; its connections are held to be destroyed with it. Rejects when the port cannot be had. */
export async function serveTcp(
  sockets: ServiceSockets,
  port: number,
  onConnection: (socket: StreamSocket) => void,
): Promise<Service> {
  const open = new Set<StreamSocket>()
  const server = sockets.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', () => {})
    onConnection(socket)
  })
  await new Promise<void>((listening, failed) => {
    server.once('error', failed)
    server.listen(port, () => {
      server.off('error', failed)
      server.on('error', () => {})
      listening()
    })
  })
  return {
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

/** A UDP socket on a port. Rejects when the port cannot be had. */
export async function serveUdp(
  sockets: ServiceSockets,
  port: number,
  onDatagram: (socket: DatagramSocket, bytes: Buffer, peer: { address: string; port: number }) => void,
): Promise<Service> {
  const socket = sockets.createDatagramSocket()
  await new Promise<void>((bound, failed) => {
    socket.once('error', failed)
    socket.bind(port, () => {
      socket.off('error', failed)
      bound()
    })
  })
  // Errors of single datagrams (port unreachable) are their senders' business.
  socket.on('error', () => {})
  socket.on('message', (bytes: Buffer, peer: { address: string; port: number }) => {
    if (!isServicePort(peer.port)) onDatagram(socket, bytes, peer)
  })
  return { close: () => socket.close() }
}

/**
 * Ports whose services answer whatever comes: an answer to one of them could come back for ever, or be somebody else's
 * attack.
 */
function isServicePort(port: number): boolean {
  return port === 0 || port === 7 || port === 9 || port === 13 || port === 17 || port === 19 || port === 37
}
