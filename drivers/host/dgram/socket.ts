// dgram.Socket's face over a UDP endpoint: Node's events, signatures and errors. Owns what is bound and connected in Node's
// sense; the datagrams themselves are the endpoint's.

import { AsyncResource } from 'node:async_hooks'
import type { LookupFunction } from 'node:net'
import { EAGAIN, ENETDOWN } from '../../../stack/base/errno.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import { WRITABLE } from '../../../stack/tcp/contract.ts'
import type { Udp, UdpDatagram } from '../../../stack/udp/contract.ts'
import { Hold } from '../keeper.ts'
import { type SocketAddress, toSocketAddress } from '../net/addresses.ts'
import type { SocketContext } from '../net/context.ts'
import { addressError, codedError, invalidType, systemError } from '../net/errors.ts'
import { resolveName } from '../net/lookup.ts'
import { checkSignal, validatePort } from '../net/validate.ts'
import type { Closable } from '../open-list.ts'
import { DatagramSettings } from './datagram-settings.ts'
import { type SendCallback, type SendRequest, sendArguments } from './send-arguments.ts'

export interface DatagramSocketOptions {
  type: 'udp4' | 'udp6'
  lookup?: LookupFunction | undefined
  recvBufferSize?: number | undefined
  sendBufferSize?: number | undefined
  signal?: AbortSignal | undefined
  reuseAddr?: boolean | undefined
  reusePort?: boolean | undefined
  ipv6Only?: boolean | undefined
}

export interface DatagramBindOptions {
  port?: number | undefined
  address?: string | undefined
  exclusive?: boolean | undefined
  fd?: number | undefined
}

/** What `message` tells of the sender. */
export interface RemoteInfo extends SocketAddress {
  size: number
}

export interface DatagramContext extends SocketContext {
  readonly udp: Udp
}

type State = 'unbound' | 'binding' | 'bound'

export class DatagramSocket extends DatagramSettings implements Closable {
  _openPlace = -1
  readonly type: 'udp4' | 'udp6'
  readonly #context: DatagramContext
  readonly #lookup: LookupFunction | null
  readonly #scope = new AsyncResource('PAGEWIREUDP')
  readonly #hold: Hold
  readonly #datagram = { page: null, offset: 0, length: 0, sourcePort: 0 } as unknown as UdpDatagram
  #state: State = 'unbound'
  #connection: 'none' | 'connecting' | 'connected' = 'none'
  /** Calls that wait until the socket is bound. */
  #afterBind: (() => void)[] = []

  constructor(context: DatagramContext, given: 'udp4' | 'udp6' | DatagramSocketOptions, listener?: unknown) {
    const options: DatagramSocketOptions = typeof given === 'object' && given !== null ? given : { type: given }
    if (options.type !== 'udp4' && options.type !== 'udp6') {
      throw codedError(TypeError, 'ERR_SOCKET_BAD_TYPE', 'Bad socket type specified. Valid types are: udp4, udp6')
    }
    checkSignal(options.signal)
    super(context.closed ? null : context.udp.open())
    this.type = options.type
    this.#context = context
    this.#lookup = options.lookup ?? context.lookup
    this.#hold = new Hold(context.keeper)
    if (options.recvBufferSize) this.setRecvBufferSize(options.recvBufferSize)
    if (options.sendBufferSize) this.setSendBufferSize(options.sendBufferSize)
    if (typeof listener === 'function') this.on('message', listener as (...values: unknown[]) => void)
    if (this._endpoint) {
      this._endpoint.onReadiness = (events) => this.#scope.runInAsyncScope(this.#onReadiness, this, events)
      context.open.add(this)
      if (options.signal) this.#closeOnAbort(options.signal)
    }
  }

  #closeOnAbort(signal: AbortSignal): void {
    const onAbort = () => {
      if (this._endpoint) this.close()
    }
    if (signal.aborted) {
      onAbort()
      return
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.once('close', () => signal.removeEventListener('abort', onAbort))
  }

  // ---- bind and connect

  bind(port?: number, address?: string, callback?: () => void): this
  bind(port?: number, callback?: () => void): this
  bind(callback?: () => void): this
  bind(options: DatagramBindOptions, callback?: () => void): this
  bind(...values: unknown[]): this {
    this._check()
    if (this.#state !== 'unbound') throw codedError(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound')
    const [first, second] = values
    const options: DatagramBindOptions =
      typeof first === 'object' && first !== null
        ? first
        : { port: first as number, ...(typeof second === 'string' ? { address: second } : {}) }
    const port = typeof options.port === 'function' || !options.port ? 0 : validatePort(options.port, 'Port')
    const callback = values[values.length - 1]
    if (typeof callback === 'function') this.#onceBound(callback as () => void)
    this.#state = 'binding'
    this.#resolve(options.address || this.#any, (error, text) => {
      if (!this._endpoint) return
      const failure = error ?? this.#bindTo(text, port)
      this.#state = failure ? 'unbound' : 'bound'
      if (failure) {
        this.#afterBind = []
        this.emit('error', failure)
        return
      }
      this.#hold.start()
      this.emit('listening')
      const calls = this.#afterBind
      this.#afterBind = []
      for (const call of calls) call()
    })
    return this
  }

  #onceBound(callback: () => void): void {
    const remove = () => {
      this.removeListener('error', remove)
      this.removeListener('listening', onListening)
    }
    const onListening = () => {
      remove()
      callback.call(this)
    }
    this.on('error', remove)
    this.on('listening', onListening)
  }

  get #any(): string {
    return this.type === 'udp4' ? '0.0.0.0' : '::'
  }

  #bindTo(text: string, port: number): Error | null {
    const address = text === '0.0.0.0' || text === '::' ? null : IpAddress.from(text)
    const result = this._endpoint?.bind(address, port) ?? -ENETDOWN
    return result < 0 ? addressError('bind', result, text, port) : null
  }

  /** Binds if that was not done, and calls back when it is. */
  #whenBound(call: () => void): void {
    if (this.#state === 'unbound') this.bind(0)
    if (this.#state === 'bound') call()
    else this.#afterBind.push(call)
  }

  connect(port: number, address?: string, callback?: (error?: Error) => void): void
  connect(port: number, callback: (error?: Error) => void): void
  connect(...values: unknown[]): void {
    const port = validatePort(values[0], 'Port', false)
    const address = typeof values[1] === 'function' ? '' : (values[1] ?? '')
    if (typeof address !== 'string') throw invalidType('address', 'of type string', address)
    const callback = values.find((value) => typeof value === 'function') as ((error?: Error) => void) | undefined
    this._check()
    if (this.#connection !== 'none') throw codedError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected')
    this.#connection = 'connecting'
    this.#whenBound(() => {
      if (callback) this.once('connect', callback)
      this.#resolve(address, (error, text) => {
        if (!this._endpoint) return
        const result = error ? 0 : this._endpoint.connect(IpAddress.from(text), port)
        const failure = error ?? (result < 0 ? addressError('connect', result, address, port) : null)
        this.#connection = failure ? 'none' : 'connected'
        process.nextTick(() => this.#afterConnect(failure, callback))
      })
    })
  }

  #afterConnect(failure: Error | null, callback: ((error?: Error) => void) | undefined): void {
    if (!failure) this.emit('connect')
    else if (callback) {
      this.removeListener('connect', callback)
      callback(failure)
    } else this.emit('error', failure)
  }

  disconnect(): void {
    if (this.#connection !== 'connected') throw notConnected()
    this._check().disconnect()
    this.#connection = 'none'
  }

  close(callback?: () => void): this {
    if (typeof callback === 'function') this.on('close', callback)
    if (this.#state === 'binding' && this.#afterBind.length > 0) {
      this.#afterBind.push(() => this.close())
      return this
    }
    const endpoint = this._check()
    endpoint.onReadiness = null
    this._endpoint = null
    this._queue.fail(-ENETDOWN)
    endpoint.close()
    this.#hold.stop()
    this.#context.open.delete(this)
    process.nextTick(() => this.emit('close'))
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._endpoint) await new Promise<void>((resolve) => this.close(resolve))
  }

  closeWithHost(): void {
    this.#afterBind = []
    if (this._endpoint) this.close()
  }

  // ---- datagrams

  send(message: unknown, offset: number, length: number, port?: number, address?: string, callback?: SendCallback): void
  send(message: unknown, offset: number, length: number, port: number, callback?: SendCallback): void
  send(message: unknown, offset: number, length: number, callback?: SendCallback): void
  send(message: unknown, port?: number, address?: string, callback?: SendCallback): void
  send(message: unknown, port: number, callback?: SendCallback): void
  send(message: unknown, callback?: SendCallback): void
  send(...values: unknown[]): void {
    const request = sendArguments(values, this.#connection === 'connected')
    this._check()
    this.#whenBound(() => {
      if (request.port === 0) this.#send(request, null)
      else {
        this.#resolve(request.address, (error, text) => {
          if (!error) this.#send(request, text)
          else if (request.callback) request.callback(error, 0)
          else this.emit('error', error)
        })
      }
    })
  }

  #send(request: SendRequest, text: string | null): void {
    const endpoint = this._endpoint
    if (!endpoint) return
    const { bytes, port, callback } = request
    const address = text === null ? null : IpAddress.from(text)
    this._queue.send({
      bytes,
      transmit: () => (address ? endpoint.send(bytes, address, port) : endpoint.send(bytes)),
      done: (result) => {
        if (!callback) return
        const error = result < 0 ? addressError('send', result, request.address || (text ?? undefined), port) : null
        process.nextTick(callback, error, error ? 0 : result)
      },
    })
  }

  #onReadiness(events: number): void {
    try {
      this.#receiveAll()
    } finally {
      if (events & WRITABLE) this._queue.flush()
    }
  }

  #receiveAll(): void {
    const datagram = this.#datagram
    let threw = true
    try {
      while (this._endpoint) {
        const length = this._endpoint.receive(datagram)
        if (length === -EAGAIN) break
        if (length < 0) this.emit('error', systemError('recvmsg', length))
        else this.#emitMessage(datagram, length)
      }
      threw = false
    } finally {
      if (threw) process.nextTick(() => this.#receiveAll())
    }
  }

  #emitMessage(datagram: UdpDatagram, length: number): void {
    const { page, offset, source, sourcePort } = datagram
    const message = Buffer.allocUnsafe(length)
    message.set(page.bytes.subarray(offset, offset + length))
    page.release()
    const from: RemoteInfo = { ...toSocketAddress(source, sourcePort), size: length }
    this.emit('message', message, from)
  }

  /** Names through the lookup; nothing stands for this host, as in Node. In a later tick. */
  #resolve(address: string, callback: (error: Error | null, text: string) => void): void {
    const name = address || 'localhost'
    const family = this.type === 'udp4' ? 4 : 6
    resolveName(this.#lookup, name, { family }, callback)
  }

  // ---- what can be asked and set

  address(): SocketAddress {
    const { localAddress, localPort } = this._check()
    if (this.#state !== 'bound') throw systemError('getsockname', 9)
    return localAddress
      ? toSocketAddress(localAddress, localPort)
      : { address: this.#any, family: this.type === 'udp4' ? 'IPv4' : 'IPv6', port: localPort }
  }

  remoteAddress(): SocketAddress {
    const { remoteAddress, remotePort } = this._check()
    if (this.#connection !== 'connected' || !remoteAddress) throw notConnected()
    return toSocketAddress(remoteAddress, remotePort)
  }

  ref(): this {
    this.#hold.ref()
    return this
  }

  unref(): this {
    this.#hold.unref()
    return this
  }
}

const notConnected = () => codedError(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected')
