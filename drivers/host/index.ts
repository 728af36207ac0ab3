// What others take from the host.

export type { ConnectionEnd, ConnectionRow } from './connections.ts'
export { createHost } from './create-host.ts'
export type {
  DatagramBindOptions,
  DatagramSocket,
  DatagramSocketOptions,
  Dgram,
  RemoteInfo,
} from './dgram/index.ts'
export type { CloseOptions, Host, HostEvents, Leaks } from './host.ts'
export type { HostNic } from './host-nic.ts'
export type {
  Connect,
  ConnectOptions,
  CreateServer,
  ListenOptions,
  Net,
  NetworkError,
  Server,
  ServerOptions,
  Socket,
  SocketOptions,
} from './net/index.ts'
export type { HostOptions, InterfaceOptions } from './options.ts'
export type { PingOptions, PingReply } from './ping.ts'
