// Checks of single arguments, with the errors that Node throws.

import { codedError, invalidType, outOfRange } from './errors.ts'

/** The port as a number. Throws ERR_SOCKET_BAD_PORT and ERR_INVALID_ARG_TYPE as Node does. */
export function validatePort(port: unknown, name: string, allowZero = true): number {
  const valid =
    (typeof port === 'number' || (typeof port === 'string' && port.trim() !== '')) &&
    Number(port) === Number(port) >>> 0 &&
    Number(port) <= 0xffff &&
    (allowZero || Number(port) !== 0)
  if (valid) return Number(port) | 0
  throw codedError(
    RangeError,
    'ERR_SOCKET_BAD_PORT',
    `${name} should be ${allowZero ? '>=' : '>'} 0 and < 65536. Received ${describePort(port)}.`,
  )
}

function describePort(port: unknown): string {
  return typeof port === 'number' || typeof port === 'string' ? `type ${typeof port} ('${port}')` : String(port)
}

/** Milliseconds of a time-out, 0 to 2^31 - 1, more is taken as that. */
export function validateDuration(milliseconds: unknown, name: string): number {
  if (typeof milliseconds !== 'number') throw invalidType(name, 'of type number', milliseconds)
  if (!(milliseconds >= 0 && Number.isFinite(milliseconds))) {
    throw outOfRange(name, 'a non-negative finite number', milliseconds)
  }
  return Math.min(milliseconds, 0x7fff_ffff)
}

export function validateFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidType(name, 'of type function', value)
}

export function validateNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
  return value
}

/** Throws for what is given as a signal and is none. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  if (typeof signal === 'object' && signal !== null && 'aborted' in signal) return
  throw invalidType('options.signal', 'an instance of AbortSignal', signal)
}
