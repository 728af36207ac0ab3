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

/** Throws for what is neither a path nor a FileHandle. */
export function validateFile(file: unknown): void {
  if (typeof file === 'string' || file instanceof URL) return
  if (typeof file === 'object' && file !== null && typeof (file as { fd?: unknown }).fd === 'number') return
  throw invalidType('file', 'of type string or an instance of URL or FileHandle', file)
}

/** A range as `createReadStream` takes it: both included, both optional. */
export function validateRange(start: unknown, end: unknown): void {
  for (const [name, value] of [
    ['start', start],
    ['end', end],
  ] as const) {
    if (value === undefined || (name === 'end' && value === Number.POSITIVE_INFINITY)) continue
    if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
    if (!Number.isSafeInteger(value) || value < 0) throw outOfRange(name, '>= 0 and <= 2 ** 53 - 1', value)
  }
  const from = (start as number | undefined) ?? 0
  if (end !== undefined && from > (end as number)) throw outOfRange('start', `<= "end" (here: ${end})`, start)
}

/** Bytes, 1 to 2^32 - 1: a descriptor of the ring counts in 32 bits. */
export function validateSize(size: unknown, name: string): number {
  if (typeof size !== 'number') throw invalidType(name, 'of type number', size)
  if (!Number.isInteger(size) || size < 1 || size > 0xffff_ffff) throw outOfRange(name, '>= 1 and <= 4294967295', size)
  return size
}
