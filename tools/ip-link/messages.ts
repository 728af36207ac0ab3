// What `pagewire ip link` asks of a running stack, and what it answers.

export const LINK_QUERIES = ['show', 'set'] as const
export type LinkQuery = (typeof LINK_QUERIES)[number]

export interface LinkRequest {
  query: LinkQuery
  /** For `set`: bytes of the largest IPv4 packet of a super-frame. */
  gsoIpv4MaxSize: number
}

export interface LinkAnswer {
  link?: LinkState
  /** What `set` came to: 0, or a positive errno. */
  errno?: number
}

/** A card, as `ip link` shows it. */
export interface LinkState {
  index: number
  name: string
  /** Its carrier is there. */
  up: boolean
  mtu: number
  address: string
  tsoMaxSize: number
  gsoIpv4MaxSize: number
  received: LinkCounts
  sent: LinkCounts & { carrierErrors: number }
}

export interface LinkCounts {
  bytes: number
  packets: number
  errors: number
  dropped: number
}
