// The one record in which ingress tells a transport what the network header said; filled anew for each packet.

import type { IpAddress } from '../base/ip-address.ts'
import type { ReceivedPacket } from './contract.ts'
import type { Interface } from './interface.ts'

export class PacketFacts implements ReceivedPacket {
  source!: IpAddress
  destination!: IpAddress
  interface!: Interface
  transportLength = 0
  ttl = 0
  trafficClass = 0
  group = false
}
