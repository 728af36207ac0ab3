// The timestamps option and PAWS (RFC 7323) of one connection. Owns TS.Recent and its age, and our clock: ticks of a
// millisecond with a random offset per peer. Values are signed 32-bit integers compared as sequence numbers.

import { after, before } from '../base/sequence.ts'

/** 24 days without a segment: TS.Recent may have wrapped and counts no more (5.5). */
const EXPIRY = 24 * 24 * 3600 * 1_000_000
/** A tick of the clock, microseconds. */
export const TICK = 1000
const WRAP = 0x100000000

export class Timestamps {
  /** Both sides offered the option. */
  enabled = false
  recent = 0
  private recentAt = 0
  private hasRecent = false
  readonly offset: number

  constructor(offset: number) {
    this.offset = offset
  }

  /** TSval for a segment that leaves at `now`. */
  value(now: number): number {
    return timestampAt(now, this.offset)
  }

  /** The first TSval of the peer, from its SYN. */
  begin(value: number, now: number): void {
    this.enabled = true
    this.remember(value, now)
  }

  /** R1 of 5.3: whether a segment with this TSval is older than what was seen, and to be refused. */
  isOld(value: number, now: number): boolean {
    return this.hasRecent && before(value, this.recent) && now - this.recentAt < EXPIRY
  }

  /**
   * R3: an acceptable segment moves TS.Recent when it spans the last acknowledgment sent (4.3, 5.3). The caller has made
   * sure that its ACK is acceptable too.
   */
  onSegment(value: number, sequence: number, lastAckSent: number, now: number): void {
    if (after(sequence, lastAckSent)) return
    if (this.hasRecent && before(value, this.recent) && now - this.recentAt < EXPIRY) return
    this.remember(value, now)
  }

  /** The round trip that an echoed value tells, microseconds to the millisecond; -1 if it is none of ours. */
  roundTrip(echo: number, now: number): number {
    const ticks = (this.value(now) - echo) | 0
    return ticks < 0 ? -1 : ticks * TICK
  }

  private remember(value: number, now: number): void {
    this.recent = value
    this.recentAt = now
    this.hasRecent = true
  }
}

/** The millisecond clock with an offset, as a signed 32-bit integer. */
export function timestampAt(now: number, offset: number): number {
  return ((Math.floor(now / TICK) % WRAP) + offset) | 0
}
