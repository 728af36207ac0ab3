// The signatures of node:dgram's `send`, brought to one shape:
//   (message, offset, length[, port[, address]][, callback]) and (message or list[, port[, address]][, callback]),
// the port and address only on a socket that is not connected.

import { codedError, invalidType } from '../net/errors.ts'
import { validatePort } from '../net/validate.ts'

export type SendCallback = (error: Error | null, bytes: number) => void

export interface SendRequest {
  bytes: Buffer
  /** 0 on a connected socket. */
  port: number
  /** Empty: the default (this host), or the connected peer. */
  address: string
  callback: SendCallback | null
}

const EXPECTED = 'an instance of Buffer, TypedArray, or DataView, or of type string'

export function sendArguments(values: readonly unknown[], connected: boolean): SendRequest {
  const callback = values.find((value) => typeof value === 'function') as SendCallback | undefined
  const given = values.slice(0, values.indexOf(callback) < 0 ? values.length : values.indexOf(callback))
  const [message, second, third, fourth, fifth] = given
  const sliced = connected
    ? typeof third === 'number'
    : Boolean(fifth) || (typeof fourth === 'number' && fourth > 0) || typeof fourth === 'string'
  const bytes = sliced ? slice(message, second, third) : gather(message)
  if (connected) {
    if (fourth || fifth) throw codedError(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected')
    return { bytes, port: 0, address: '', callback: callback ?? null }
  }
  const port = sliced ? fourth : second
  const address = sliced ? fifth : third
  if (address !== undefined && address !== null && typeof address !== 'string') {
    throw invalidType('address', 'of type string', address)
  }
  return { bytes, port: validatePort(port, 'Port', false), address: address ?? '', callback: callback ?? null }
}

function toBuffer(value: unknown, name: string): Buffer {
  if (typeof value === 'string') return Buffer.from(value)
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw invalidType(name, EXPECTED, value)
}

function gather(message: unknown): Buffer {
  if (!Array.isArray(message)) return toBuffer(message, 'buffer')
  return Buffer.concat(message.map((part) => toBuffer(part, 'buffer list arguments')))
}

function slice(message: unknown, offset: unknown, length: unknown): Buffer {
  const whole = toBuffer(message, 'buffer')
  const from = Number(offset) >>> 0
  const size = Number(length) >>> 0
  if (from > whole.length) throw outOfBounds('offset')
  if (from + size > whole.length) throw outOfBounds('length')
  return whole.subarray(from, from + size)
}

const outOfBounds = (name: string) =>
  codedError(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', `"${name}" is outside of buffer bounds`)
