// The routing table of one family: longest prefix first, then the lowest metric (RFC 1122 3.3.1).

import type { Cidr, IpAddress } from '../base/ip-address.ts'
import type { Interface } from './interface.ts'

export interface Route {
  /** 0.0.0.0/0 and ::/0 are the default route. */
  readonly destination: Cidr
  /** null: the destination is on the link. */
  readonly gateway: IpAddress | null
  readonly interface: Interface
  /** The lower is preferred among equal prefixes. */
  readonly metric: number
  /** The preferred source, null: chosen from the interface. */
  readonly source: IpAddress | null
  /** `kernel` routes come and go with an address, `static` ones were added by a caller. */
  readonly protocol: 'kernel' | 'static'
}

export interface RouteOptions {
  destination: Cidr
  gateway?: IpAddress | null
  /** Found from the gateway if absent. */
  interface?: Interface
  metric?: number
  source?: IpAddress | null
}
