// Keep-alive (RFC 9293 3.8.4, RFC 1122 4.2.3.6): whether a peer that was silent for long is asked, and given up. Owns the
// count of probes; the time it was last heard is told.

import { NEVER } from '../base/deadlines.ts'
import type { TcpOptions } from './contract.ts'

export const KEEP_WAIT = 0
export const KEEP_PROBE = 1
export const KEEP_DEAD = 2

export class KeepAlive {
  probes = 0

  /** Anything of the peer came. */
  onHeard(): void {
    this.probes = 0
  }

  /** When to look at the connection again. */
  deadline(options: TcpOptions, heardAt: number, now: number): number {
    if (!options.keepAlive) return NEVER
    return this.probes === 0 ? heardAt + options.keepIdle : now + options.keepInterval
  }

  /** The deadline passed: wait on, probe, or give up. Never while data is in flight: then retransmission decides. */
  onDeadline(options: TcpOptions, heardAt: number, busy: boolean, now: number): number {
    if (busy || (this.probes === 0 && now - heardAt < options.keepIdle)) return KEEP_WAIT
    if (this.probes >= options.keepCount) return KEEP_DEAD
    this.probes++
    return KEEP_PROBE
  }
}
