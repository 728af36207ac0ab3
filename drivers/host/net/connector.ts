// Opening a connection as node:net does it: the name is looked up, the endpoint is made in a later tick, and what goes
// wrong on the way is the socket's `error`. Owns the names and addresses of one attempt; no protocol state.

import { isIP } from 'node:net'
import { EADDRINUSE, EADDRNOTAVAIL, ENETDOWN } from '../../../stack/base/errno.ts'
import { IpAddress } from '../../../stack/base/ip-address.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { ConnectOptions } from './arguments.ts'
import type { SocketContext } from './context.ts'
import { addressError, codedError, invalidType, invalidValue, type NetworkError } from './errors.ts'
import { resolveName } from './lookup.ts'
import { validateFunction, validateNumber, validatePort } from './validate.ts'

/** What the connector needs of a socket. */
export interface ConnectingSocket {
  connecting: boolean
  readonly autoSelectFamilyAttemptedAddresses: string[]
  emit(event: string, ...values: unknown[]): boolean
  destroy(error: Error): unknown
  _unrefTimer(): void
  /** Why it cannot connect now: EALREADY or EISCONN (positive); 0. */
  readonly _busy: number
  _opened(endpoint: TcpEndpoint): void
}

export class Attempt {
  private readonly socket: ConnectingSocket
  private readonly context: SocketContext
  private readonly options: ConnectOptions
  private readonly port: number
  private address = ''
  private family = 0

  /** Throws for bad options. */
  constructor(socket: ConnectingSocket, context: SocketContext, options: ConnectOptions) {
    this.socket = socket
    this.context = context
    this.options = options
    this.port = checkConnectOptions(options)
  }

  /** Looks up and connects. */
  start(): void {
    const { socket, context, options } = this
    const host = options.host || 'localhost'
    const named = isIP(host) === 0
    const lookup = options.lookup ?? context.lookup
    const wanted = { family: toFamily(options.family), hints: options.hints ?? 0 }
    resolveName(lookup, host, wanted, (error, address, family) => {
      if (named) socket.emit('lookup', error, address, family, host)
      if (!socket.connecting) return
      if (error) process.nextTick(() => socket.destroy(error))
      else this.connect(address)
    })
  }

  /** The endpoint's attempt ended with this errno (positive). */
  failed(errno: number, local?: { address: string; port: number }): void {
    const error: NetworkError = addressError('connect', errno, this.address, this.port, local)
    if (local?.port) {
      error.localAddress = local.address
      error.localPort = local.port
    }
    this.socket.emit('connectionAttemptFailed', this.address, this.port, this.family, error)
    this.socket.destroy(error)
  }

  private connect(text: string): void {
    const { socket, options } = this
    const address = IpAddress.parse(text)
    if (!address) {
      const error = codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${text}`)
      process.nextTick(() => socket.destroy(error))
      return
    }
    this.address = text
    this.family = address.family
    if (options.blockList?.check(text, address.family === 4 ? 'ipv4' : 'ipv6')) {
      socket.destroy(codedError(Error, 'ERR_IP_BLOCKED', `IP(${text}) is blocked by net.BlockList`))
      return
    }
    socket._unrefTimer()
    socket.autoSelectFamilyAttemptedAddresses.push(`${text}:${this.port}`)
    socket.emit('connectionAttempt', text, this.port, this.family)
    // A listener may have ended it.
    if (!socket.connecting) return
    const endpoint = this.open(address)
    if (typeof endpoint !== 'number') socket._opened(endpoint)
    else socket.destroy(this.refusal(-endpoint))
  }

  private open(address: IpAddress): TcpEndpoint | number {
    const { socket, context, options } = this
    if (socket._busy !== 0) return -socket._busy
    if (context.closed) return -ENETDOWN
    const { localAddress, localPort, tcp } = options
    return context.tcp.connect(address, this.port, {
      localAddress: localAddress ? IpAddress.from(localAddress) : null,
      localPort: localPort ?? 0,
      ...(tcp ? { options: tcp } : {}),
    })
  }

  /** The stack would not even begin. */
  private refusal(errno: number): NetworkError {
    const { localAddress, localPort } = this.options
    if ((localAddress || localPort) && (errno === EADDRINUSE || errno === EADDRNOTAVAIL)) {
      return addressError('bind', errno, localAddress || '0.0.0.0', localPort)
    }
    const local = { address: localAddress || '0.0.0.0', port: localPort ?? 0 }
    return addressError('connect', errno, this.address, this.port, local)
  }
}

/** The port. */
function checkConnectOptions(options: ConnectOptions): number {
  const { localAddress, localPort, port, path } = options
  if (path) {
    throw invalidValue('options.path', path, 'must not be given: there are no UNIX domain sockets on this host')
  }
  if (port === undefined) {
    throw codedError(TypeError, 'ERR_MISSING_ARGS', 'The "options" or "port" or "path" argument must be specified')
  }
  if (localAddress && !isIP(localAddress)) {
    throw codedError(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${localAddress}`)
  }
  if (localPort) validateNumber(localPort, 'options.localPort')
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType('options.port', 'one of type number or string', port)
  }
  if (options.lookup !== undefined && options.lookup !== null) validateFunction(options.lookup, 'options.lookup')
  return validatePort(port, 'Port')
}

function toFamily(family: number | string | undefined): number {
  if (family === 'IPv4') return 4
  return family === 'IPv6' ? 6 : Number(family ?? 0)
}
