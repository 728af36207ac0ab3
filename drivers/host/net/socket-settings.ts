// TCP_NODELAY, SO_KEEPALIVE and IP_TOS of one socket, kept until there is an endpoint and then set on it.

import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { SocketOptions } from './arguments.ts'
import { outOfRange } from './errors.ts'

const SECOND = 1_000_000

export class SocketSettings {
  private noDelay: boolean
  private keepAlive: boolean
  /** Milliseconds; below a second: TCP_KEEPIDLE stays as it is. */
  private keepAliveDelay: number
  /** 0 to 255. */
  trafficClass = 0

  constructor(options: SocketOptions) {
    this.noDelay = Boolean(options.noDelay)
    this.keepAlive = Boolean(options.keepAlive)
    this.keepAliveDelay = options.keepAliveInitialDelay ?? 0
  }

  /** Sets what is not the default on a new endpoint. */
  apply(endpoint: TcpEndpoint): void {
    if (this.noDelay) endpoint.setOption('noDelay', true)
    if (this.keepAlive) this.applyKeepAlive(endpoint)
    if (this.trafficClass) endpoint.setOption('trafficClass', this.trafficClass)
  }

  /** Throws RangeError for what is no byte. */
  setTrafficClass(endpoint: TcpEndpoint | null, value: number): void {
    if (!Number.isInteger(value) || value < 0 || value > 255) throw outOfRange('tos', '>= 0 and <= 255', value)
    this.trafficClass = value
    endpoint?.setOption('trafficClass', value)
  }

  setNoDelay(endpoint: TcpEndpoint | null, enable: boolean): void {
    this.noDelay = enable
    endpoint?.setOption('noDelay', enable)
  }

  setKeepAlive(endpoint: TcpEndpoint | null, enable: boolean, delay: number): void {
    this.keepAlive = enable
    this.keepAliveDelay = delay
    if (endpoint) this.applyKeepAlive(endpoint)
  }

  /** As libuv does it: with a delay also TCP_KEEPINTVL of a second and TCP_KEEPCNT of 10. */
  private applyKeepAlive(endpoint: TcpEndpoint): void {
    const seconds = Math.trunc(this.keepAliveDelay / 1000)
    if (this.keepAlive && seconds > 0) {
      endpoint.setOption('keepIdle', seconds * SECOND)
      endpoint.setOption('keepInterval', SECOND)
      endpoint.setOption('keepCount', 10)
    }
    endpoint.setOption('keepAlive', this.keepAlive)
  }
}
