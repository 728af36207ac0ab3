// Discard (RFC 863): what comes is thrown away, and nothing is answered.

import { type Service, type ServiceSockets, serveTcp, serveUdp } from './sockets.ts'

export const DISCARD_PORT = 9

export function serveDiscardTcp(sockets: ServiceSockets): Promise<Service> {
  return serveTcp(sockets, DISCARD_PORT, (socket) => {
    socket.on('end', () => socket.end())
    socket.resume()
  })
}

export function serveDiscardUdp(sockets: ServiceSockets): Promise<Service> {
  return serveUdp(sockets, DISCARD_PORT, () => {})
}
