// host.dgram: what node:dgram exports, bound to one host.

import { type DatagramContext, DatagramSocket, type DatagramSocketOptions, type RemoteInfo } from './socket.ts'

export type {
  DatagramBindOptions,
  DatagramContext,
  DatagramSocket,
  DatagramSocketOptions,
  RemoteInfo,
} from './socket.ts'

type OnMessage = (message: Buffer, from: RemoteInfo) => void

export interface Dgram {
  /** `udp4` or `udp6`, or options with `type`; `listener` is added for `message`. */
  createSocket(options: 'udp4' | 'udp6' | DatagramSocketOptions, listener?: OnMessage): DatagramSocket
}

export function createDgram(context: DatagramContext): Dgram {
  return { createSocket: (options, listener) => new DatagramSocket(context, options, listener) }
}
