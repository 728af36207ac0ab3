// Echo (RFC 862): what comes goes back, until the peer has ended.

import { type Service, type ServiceSockets, serveTcp, serveUdp } from './sockets.ts'

export const ECHO_PORT = 7

export function serveEchoTcp(sockets: ServiceSockets): Promise<Service> {
  return serveTcp(sockets, ECHO_PORT, (socket) => {
    socket.setNoDelay(true)
    socket.pipe(socket)
  })
}

export function serveEchoUdp(sockets: ServiceSockets): Promise<Service> {
  return serveUdp(sockets, ECHO_PORT, (socket, bytes, peer) => socket.send(bytes, peer.port, peer.address, ignore))
}

/** A datagram that cannot be sent is lost, as any other. */
function ignore(): void {}
