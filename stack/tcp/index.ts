// What others import of stack/tcp.

export * from './contract.ts'
export { DEFAULT_OPTIONS } from './options.ts'
export { TcpLayer } from './tcp-layer.ts'
