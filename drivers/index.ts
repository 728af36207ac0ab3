// The public face of the package: `import { createHost } from 'pagewire'`, and the parts that a host is built from, for those
// who build it otherwise: TAPs, simulated wires, captures, faults, chance.

export type { Port } from '../nic/port.ts'
export type { Environment, Log, LogLevel, Random } from '../stack/base/environment.ts'
export { IpAddress } from '../stack/base/ip-address.ts'
export type { TcpInfo, TcpOptions, TcpState } from '../stack/tcp/contract.ts'
export { type FaultOptions, type FaultRates, faultInjector } from './fault-injector.ts'
export * from './host/index.ts'
export {
  type CaptureOptions,
  type CaptureSink,
  type CaptureStatistics,
  capturePort,
  pcapngWriter,
} from './pcap/index.ts'
export { hostRandom, seededRandom } from './random.ts'
export type { Pollable, Reactor, ReactorHandle } from './reactor.ts'
export {
  addonAvailable,
  configureInterface,
  interfaceInfo,
  type OpenTapOptions,
  openTap,
  TapError,
  type TapPort,
} from './tap/index.ts'
export { createWire, Simulation, type Wire, type WireOptions } from './wire/index.ts'
