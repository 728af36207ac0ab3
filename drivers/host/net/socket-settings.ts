// TCP_NODELAY, SO_KEEPALIVE and IP_TOS as a socket wants them, also while it has no endpoint. A value that never changes, so
// that sockets share it: who wants another setting gets another value.

import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { SocketOptions } from './arguments.ts'
import { outOfRange } from './errors.ts'

const SECOND = 1_000_000

export class SocketSettings {
  readonly noDelay: boolean
  readonly keepAlive: boolean
  /** Milliseconds; below a second: TCP_KEEPIDLE stays as it is. */
  readonly keepAliveDelay: number
  /** 0 to 255. */
  readonly trafficClass: number

  private constructor(noDelay: boolean, keepAlive: boolean, keepAliveDelay: number, trafficClass: number) {
    this.noDelay = noDelay
    this.keepAlive = keepAlive
    this.keepAliveDelay = keepAliveDelay
    this.trafficClass = trafficClass
  }

  static of({ noDelay, keepAlive, keepAliveInitialDelay = 0 }: SocketOptions): SocketSettings {
    return new SocketSettings(Boolean(noDelay), Boolean(keepAlive), keepAliveInitialDelay, 0)
  }

  /** Sets what is not the default on a new endpoint. */
  apply(endpoint: TcpEndpoint): void {
    if (this.noDelay) endpoint.setOption('noDelay', true)
    if (this.keepAlive) this.applyKeepAlive(endpoint)
    if (this.trafficClass) endpoint.setOption('trafficClass', this.trafficClass)
  }

  /** Throws RangeError for what is no byte. */
  withTrafficClass(endpoint: TcpEndpoint | null, value: number): SocketSettings {
    if (!Number.isInteger(value) || value < 0 || value > 255) throw outOfRange('tos', '>= 0 and <= 255', value)
    endpoint?.setOption('trafficClass', value)
    return new SocketSettings(this.noDelay, this.keepAlive, this.keepAliveDelay, value)
  }

  withNoDelay(endpoint: TcpEndpoint | null, enable: boolean): SocketSettings {
    endpoint?.setOption('noDelay', enable)
    if (enable === this.noDelay) return this
    return new SocketSettings(enable, this.keepAlive, this.keepAliveDelay, this.trafficClass)
  }

  withKeepAlive(endpoint: TcpEndpoint | null, enable: boolean, delay: number): SocketSettings {
    const same = enable === this.keepAlive && delay === this.keepAliveDelay
    const settings = same ? this : new SocketSettings(this.noDelay, enable, delay, this.trafficClass)
    if (endpoint) settings.applyKeepAlive(endpoint)
    return settings
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
