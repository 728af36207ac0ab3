// Errors in Node's shapes: what the network did (code, negative errno, syscall, address, port), and misuse (TypeError and
// RangeError with an ERR_ code). Owns their texts.

import { getSystemErrorMap } from 'node:util'
import { errnoName } from '../../../stack/base/errno.ts'

export interface NetworkError extends NodeJS.ErrnoException {
  address?: string
  port?: number
  localAddress?: string
  localPort?: number
}

/** `read ECONNRESET`. `errno` may have either sign. */
export function systemError(syscall: string, errno: number): NetworkError {
  return build(`${syscall} ${errnoName(errno)}`, syscall, errno)
}

/** `connect ECONNREFUSED 192.0.2.1:80 - Local (192.0.2.2:40000)`. */
export function addressError(
  syscall: string,
  errno: number,
  address: string | undefined,
  port: number | undefined,
  local?: { address: string; port: number },
): NetworkError {
  const where = port && port > 0 ? `${address}:${port}` : address
  const details = local ? ` - Local (${local.address}:${local.port})` : ''
  const error = build(`${syscall} ${errnoName(errno)}${where ? ` ${where}` : ''}${details}`, syscall, errno)
  if (address !== undefined) error.address = address
  if (port) error.port = port
  return error
}

/** `listen EADDRINUSE: address already in use 192.0.2.2:80`. */
export function listenError(errno: number, address: string, port: number): NetworkError {
  const where = port > 0 ? `${address}:${port}` : address
  const error = build(`listen ${errnoName(errno)}: ${describe(errnoName(errno))} ${where}`, 'listen', errno)
  error.address = address
  if (port > 0) error.port = port
  return error
}

/** `getaddrinfo ENOTFOUND example.org`. */
export function notFoundError(hostname: string): NetworkError {
  const error: NetworkError & { hostname?: string } = new Error(`getaddrinfo ENOTFOUND ${hostname}`)
  error.errno = -3008
  error.code = 'ENOTFOUND'
  error.syscall = 'getaddrinfo'
  error.hostname = hostname
  return error
}

/** An error whose `code` is Node's name for the mistake. */
export function codedError<E extends Error>(
  kind: new (message: string) => E,
  code: string,
  message: string,
): E & { code: string } {
  return Object.assign(new kind(message), { code })
}

export const invalidType = (name: string, expected: string, value: unknown) =>
  codedError(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${expected}. Received ${show(value)}`)

export const invalidValue = (name: string, value: unknown, reason: string) =>
  codedError(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument '${name}' ${reason}. Received ${show(value)}`)

export const outOfRange = (name: string, range: string, value: unknown) =>
  codedError(
    RangeError,
    'ERR_OUT_OF_RANGE',
    `The value of "${name}" is out of range. It must be ${range}. Received ${show(value)}`,
  )

export const socketClosed = () => codedError(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed')

export const streamDestroyed = (what: string) =>
  codedError(Error, 'ERR_STREAM_DESTROYED', `Cannot call ${what} after a stream was destroyed`)

export const serverNotRunning = () => codedError(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.')

export const serverAlreadyListening = () =>
  codedError(Error, 'ERR_SERVER_ALREADY_LISTEN', 'Listen method has been called more than once without closing.')

function build(message: string, syscall: string, errno: number): NetworkError {
  const error: NetworkError = new Error(message)
  error.errno = -Math.abs(errno)
  error.code = errnoName(errno)
  error.syscall = syscall
  return error
}

function describe(code: string): string {
  for (const [name, text] of getSystemErrorMap().values()) if (name === code) return text
  return 'unknown error'
}

function show(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return `function ${value.name}`
  if (typeof value === 'object' && value !== null) return `an instance of ${value.constructor?.name ?? 'Object'}`
  return String(value)
}
