// The two ends of a connection in node:net's words, remembered so that they can still be asked for after the close.

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
    if (!this.localEnd && endpoint) this.localEnd = toSocketAddress(endpoint.localAddress, endpoint.localPort)
    return this.localEnd
  }

  remote(endpoint: TcpEndpoint | null): SocketAddress | null {
    if (!this.remoteEnd && endpoint) this.remoteEnd = toSocketAddress(endpoint.remoteAddress, endpoint.remotePort)
    return this.remoteEnd
  }

  /** Keeps what is known now: the endpoint goes away. */
  remember(endpoint: TcpEndpoint): void {
    this.local(endpoint)
    this.remote(endpoint)
  }

  forget(): void {
    this.localEnd = null
    this.remoteEnd = null
  }
}
