// What others import of stack/udp.

export * from './contract.ts'
export { UdpLayer } from './udp-layer.ts'
