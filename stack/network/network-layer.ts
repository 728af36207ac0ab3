// What IPv4 and IPv6 both are to `Network`, so that they stand side by side: one layer per family behind this contract.

import type { Cidr, Family, IpAddress } from '../base/ip-address.ts'
import type { MacAddress } from '../base/mac-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { EthernetLink } from '../link/ethernet-link.ts'
import type { NeighbourCache } from '../link/neighbour-cache.ts'
import type { Path, ReceivedPacket, TransportProtocol } from './contract.ts'
import type { Interface } from './interface.ts'
import type { RouteTable } from './routes.ts'

export interface NetworkLayer {
  readonly family: Family
  readonly routes: RouteTable
  /** Starts to take packets of this family from the link. On the loopback interface no neighbour is asked for. */
  attach(port: Interface, link: EthernetLink, loopback: boolean): void
  /** Addresses, routes and neighbours of the interface go; who waits for a neighbour is told `errno` (0: silently). */
  detach(port: Interface, errno: number): void
  /** 0, -EINVAL (no address for a host), -EEXIST. */
  addAddress(port: Interface, cidr: Cidr): number
  /** 0, -EADDRNOTAVAIL. */
  removeAddress(port: Interface, address: IpAddress): number
  /** The carrier of an interface came or went. */
  onLink(port: Interface, up: boolean): void
  /** The neighbours on an interface, null when it has none of this family. */
  neighbours(port: Interface): NeighbourCache | null
  /** Asks whether an address is in use on the link: 0, and later `onVerdict` once; or -EINVAL. */
  probe(port: Interface, address: IpAddress, onVerdict: (rival: MacAddress | null) => void): number
  path(destination: IpAddress, source: IpAddress | null, broadcast: boolean): Path | number
  replyPath(destination: IpAddress, source: IpAddress): Path | number
  isLocal(address: IpAddress): boolean
  register(protocol: number, transport: TransportProtocol): void
  sendPortUnreachable(frame: Frame, packet: ReceivedPacket, now: number): void
  updatePathMtu(destination: IpAddress, mtu: number, now: number): boolean
}
