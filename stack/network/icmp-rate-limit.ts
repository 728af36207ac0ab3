// How many ICMP errors we send (RFC 1812 4.3.2.8), as Linux does it: a bucket of 50 filled by 1000 a second for all,
// drawn from with a random surplus so that it tells nobody anything, and for each host one a second with six saved up.

import type { IpAddress } from '../base/ip-address.ts'
import type { StackContext } from '../context.ts'

/** icmp_msgs_per_sec, icmp_msgs_burst, icmp_ratelimit in microseconds, XRLIM_BURST_FACTOR. */
const PER_SECOND = 1000
const BURST = 50
const HOST_INTERVAL = 1_000_000
const HOST_BURST = 6
/** Hosts that are remembered; the one longest unheard of is forgotten first. */
const HOSTS = 1024
/** Credit is added in steps of at least this many microseconds (HZ / 50). */
const STEP = 20_000

interface HostBucket {
  tokens: number
  stamp: number
}

export class IcmpRateLimit {
  private readonly context: StackContext
  private readonly random: StackContext['environment']['random']
  private readonly hosts = new Map<number, HostBucket>()
  private credit = BURST
  private stamp: number

  constructor(context: StackContext) {
    this.context = context
    this.random = context.environment.random.fork('icmp-rate-limit')
    this.stamp = context.now
  }

  /** Whether an error may go to `host` now; counts why not. */
  allows(host: IpAddress, now: number): boolean {
    const { counters } = this.context
    if (!this.hasCredit(now)) {
      counters.IcmpOutRateLimitGlobal++
      return false
    }
    if (!host.isLoopback && !this.takeToken(host.hash(), now)) {
      counters.IcmpOutRateLimitHost++
      return false
    }
    this.credit = Math.max(this.credit - 1 - this.random.below(3), 0)
    return true
  }

  private hasCredit(now: number): boolean {
    const delta = Math.min(now - this.stamp, 1_000_000)
    if (this.credit < BURST && delta >= STEP) {
      const gained = Math.floor((PER_SECOND * delta) / 1_000_000)
      this.credit = Math.min(this.credit + gained, BURST)
      this.stamp = now
    }
    return this.credit > 0
  }

  /** Linux's inet_peer_xrlim_allow: tokens are time, one error costs an interval. */
  private takeToken(host: number, now: number): boolean {
    let bucket = this.hosts.get(host)
    if (bucket) this.hosts.delete(host)
    else bucket = { tokens: HOST_BURST * HOST_INTERVAL, stamp: now }
    bucket.tokens = Math.min(bucket.tokens + now - bucket.stamp, HOST_BURST * HOST_INTERVAL)
    bucket.stamp = now
    if (this.hosts.size >= HOSTS) this.hosts.delete(this.hosts.keys().next().value as number)
    this.hosts.set(host, bucket)
    if (bucket.tokens < HOST_INTERVAL) return false
    bucket.tokens -= HOST_INTERVAL
    return true
  }
}
