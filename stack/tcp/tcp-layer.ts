// TCP as one object of a stack (RFC 9293): hands received segments to their connection, makes the callbacks, lets
// connections send. This is the outline; the mechanisms follow.

import { ENETUNREACH } from '../base/errno.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import {
  type IcmpError,
  type Network,
  PROTOCOL_TCP,
  type ReceivedPacket,
  type TransportProtocol,
} from '../network/contract.ts'
import type { Tcp, TcpEndpoint, TcpListener, TcpOptions } from './contract.ts'
import { DEFAULT_OPTIONS, mergeOptions } from './options.ts'

export class TcpLayer implements Tcp, TransportProtocol {
  readonly defaults: TcpOptions
  readonly context: StackContext

  constructor(context: StackContext, network: Network, defaults?: Partial<TcpOptions>) {
    this.context = context
    const merged = mergeOptions(DEFAULT_OPTIONS, defaults)
    if (!merged) throw new RangeError('a default TCP option is out of range')
    this.defaults = merged
    network.register(PROTOCOL_TCP, this)
  }

  connect(): TcpEndpoint | number {
    return -ENETUNREACH
  }

  listen(): TcpListener | number {
    return -ENETUNREACH
  }

  endpoints(): Iterable<TcpEndpoint> {
    return []
  }

  listeners(): Iterable<TcpListener> {
    return []
  }

  get timeWaits(): number {
    return 0
  }

  onPacket(frame: Frame, _packet: ReceivedPacket, _now: number): void {
    frame.release()
  }

  onIcmpError(_error: IcmpError, _view: DataView, _at: number, _available: number, _now: number): void {}

  dispatch(): boolean {
    return false
  }

  pollTransmit(_now: number): void {}

  onWritable(): void {}

  shutdown(_errno: number): void {}
}
