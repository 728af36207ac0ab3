// What can be set on a UDP socket, and asked for: node:dgram's setters over an endpoint's options. Owns the sizes of both
// buffers and the datagrams that wait to be sent; what needs IGMP throws EOPNOTSUPP.

import { EventEmitter } from 'node:events'
import { EOPNOTSUPP } from '../../../stack/base/errno.ts'
import type { UdpEndpoint } from '../../../stack/udp/contract.ts'
import { codedError, systemError } from '../net/errors.ts'
import { validateNumber } from '../net/validate.ts'
import { SendQueue } from './send-queue.ts'

/** Linux's rmem_default. */
const RECEIVE_BUFFER = 212_992

export abstract class DatagramSettings extends EventEmitter {
  /** Null when the socket is closed. */
  protected _endpoint: UdpEndpoint | null
  protected readonly _queue = new SendQueue()
  private receiveBuffer = RECEIVE_BUFFER

  constructor(endpoint: UdpEndpoint | null) {
    super()
    this._endpoint = endpoint
    endpoint?.setOption('receiveBuffer', RECEIVE_BUFFER)
  }

  setBroadcast(flag: boolean): void {
    this.set('setBroadcast', this._check().setOption('broadcast', Boolean(flag)))
  }

  setTTL(ttl: number): number {
    this.set('setTTL', this._check().setOption('ttl', validateNumber(ttl, 'ttl')))
    return ttl
  }

  /** SO_RCVBUF, bytes. */
  setRecvBufferSize(size: number): void {
    this.set('setRecvBufferSize', this._check().setOption('receiveBuffer', validateSize(size)))
    this.receiveBuffer = size
  }

  /** Bytes of datagrams that may wait for the card. */
  setSendBufferSize(size: number): void {
    this._check()
    this._queue.limit = validateSize(size)
  }

  getRecvBufferSize(): number {
    return this.receiveBuffer
  }

  getSendBufferSize(): number {
    return this._queue.limit
  }

  getSendQueueSize(): number {
    return this._queue.bytes
  }

  getSendQueueCount(): number {
    return this._queue.count
  }

  /** Group membership needs IGMP, which this stack does not have: throws EOPNOTSUPP. */
  addMembership(_group: string, _interface?: string): void {
    throw systemError('addMembership', EOPNOTSUPP)
  }

  dropMembership(_group: string, _interface?: string): void {
    throw systemError('dropMembership', EOPNOTSUPP)
  }

  addSourceSpecificMembership(_source: string, _group: string, _interface?: string): void {
    throw systemError('addSourceSpecificMembership', EOPNOTSUPP)
  }

  dropSourceSpecificMembership(_source: string, _group: string, _interface?: string): void {
    throw systemError('dropSourceSpecificMembership', EOPNOTSUPP)
  }

  setMulticastTTL(_ttl: number): number {
    throw systemError('setMulticastTTL', EOPNOTSUPP)
  }

  setMulticastLoopback(_flag: boolean): boolean {
    throw systemError('setMulticastLoopback', EOPNOTSUPP)
  }

  setMulticastInterface(_interface: string): void {
    throw systemError('setMulticastInterface', EOPNOTSUPP)
  }

  /** The endpoint. Throws ERR_SOCKET_DGRAM_NOT_RUNNING after the close. */
  protected _check(): UdpEndpoint {
    if (!this._endpoint) throw codedError(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running')
    return this._endpoint
  }

  private set(syscall: string, result: number): void {
    if (result < 0) throw systemError(syscall, result)
  }
}

function validateSize(size: number): number {
  if (typeof size === 'number' && size >>> 0 === size) return size
  throw codedError(TypeError, 'ERR_SOCKET_BAD_BUFFER_SIZE', 'Buffer size must be a positive integer')
}
