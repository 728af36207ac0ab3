// The two ends of a connection in node:net's words. As there, our own end is forgotten at the close; who the peer was can
// still be asked for.

import type { IpAddress } from '../../../stack/base/ip-address.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'

/** As node:net's AddressInfo. */
export interface SocketAddress {
  address: string
  family: string
  port: number
}

export function toSocketAddress(address: IpAddress, port: number): SocketAddress {
  return { address: address.toString(), family: address.family === 4 ? 'IPv4' : 'IPv6', port }
}

export class Addresses {
  private localEnd: SocketAddress | null = null
  private remoteEnd: SocketAddress | null = null

  local(endpoint: TcpEndpoint | null): SocketAddress | null {
    if (!endpoint) return null
    this.localEnd ??= toSocketAddress(endpoint.localAddress, endpoint.localPort)
    return this.localEnd
  }

  remote(endpoint: TcpEndpoint | null): SocketAddress | null {
    if (!this.remoteEnd && endpoint) this.remoteEnd = toSocketAddress(endpoint.remoteAddress, endpoint.remotePort)
    return this.remoteEnd
  }

  forget(): void {
    this.localEnd = null
    this.remoteEnd = null
  }
}
