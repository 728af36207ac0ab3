// What others import of stack/tcp: the contract with its constants, the defaults, and the layer that a stack puts
// together. Everything else is a room of its own and may change.

export * from './contract.ts'
export type { Sequences } from './initial-sequence.ts'
export { DEFAULT_OPTIONS } from './options.ts'
export { TcpLayer } from './tcp-layer.ts'
