// How large a segment may be (RFC 9293 3.7.1, RFC 6691): what the peer said, what the path carries, what the application
// allows. Owns the three limits. Sizes are payload with the options of the header still to be subtracted.

/** RFC 9293 3.7.1: the peer said nothing (or 0). IPv4 and IPv6 differ; Linux takes the smaller for both. */
export const DEFAULT_MSS = 536
/** A smaller one would leave nothing beside 40 bytes of options (Linux's tcp_min_snd_mss). */
export const MIN_MSS = 48
const TCP_HEADER = 20

/** The MSS option of a SYN over a path with this MTU and network header; `limit`: TCP_MAXSEG, 0: none. */
export function advertisedMss(mtu: number, networkHeader: number, limit: number): number {
  const path = mtu - networkHeader - TCP_HEADER
  return limit > 0 ? Math.min(path, limit) : path
}

export class SegmentSize {
  /** The peer's MSS option as taken. */
  peer = DEFAULT_MSS
  /** Path MTU less the headers without options. */
  private path = DEFAULT_MSS
  private limit = 0
  /** The largest payload of a segment without options. */
  mss = DEFAULT_MSS

  /** What the option of a SYN said; -1: it was absent. */
  onOption(value: number): void {
    this.peer = value <= 0 ? DEFAULT_MSS : value
    this.compute()
  }

  /** The path's MTU and the length of its network header. True if the segments' size changed. */
  onPath(mtu: number, networkHeader: number): boolean {
    const before = this.mss
    this.path = mtu - networkHeader - TCP_HEADER
    this.compute()
    return this.mss !== before
  }

  /** TCP_MAXSEG, 0: none. */
  setLimit(limit: number): void {
    this.limit = limit
    this.compute()
  }

  /** What our SYN says. */
  get advertised(): number {
    return this.limit > 0 ? Math.min(this.path, this.limit) : this.path
  }

  private compute(): void {
    const own = this.limit > 0 ? Math.min(this.path, this.limit) : this.path
    this.mss = Math.max(Math.min(this.peer, own), MIN_MSS)
  }
}
