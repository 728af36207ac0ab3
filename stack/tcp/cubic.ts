// CUBIC (RFC 9438) with beta 0.7, C 0.4 and fast convergence. Owns the curve of one connection: its plateau, when it began,
// and the window that Reno would have. Integers throughout (time in 1/1024 s, the window in segments), so that results
// kept as golden files hold on every engine. HyStart is not here yet.

import type { CongestionControl } from './congestion.ts'

/** beta = 717/1024, C = 410/1024; alpha of the Reno-friendly region is 3 (1 - beta) / (1 + beta) = 542/1024. */
const SCALE = 1024
const BETA = 717
const C = 410
const ALPHA = 542
const TICKS_CUBED = SCALE ** 3
/** The Reno window is kept in 1/1024 segments. */
const ESTIMATE_SCALE = SCALE
/** Without growth in sight the window still probes: one segment per so many windows (as Linux). */
const PROBE_WINDOWS = 100
/** The curve is asked at most for this long ago, so that its cube stays exact. */
const MAX_TICKS = 1 << 20

export class Cubic implements CongestionControl {
  /** W_max: the window before the last loss (4.6), lowered by fast convergence (4.7). 0: no loss seen. */
  private lastMax = 0
  /** The plateau of the present curve and its time from the start of the epoch, in ticks: W_max and K. */
  private origin = 0
  private k = 0
  /** When this epoch of congestion avoidance began; -1: not yet. */
  private epochAt = -1
  /** W_est (4.3). */
  private estimate = 0
  private epochWindow = 0

  get name(): 'cubic' {
    return 'cubic'
  }

  growth(cwnd: number, acked: number, srtt: number, now: number): number {
    if (this.epochAt < 0) this.beginEpoch(cwnd, now)
    // 4.2: where the curve will be a round trip from now, at most half a window ahead.
    const ticks = Math.min(Math.floor(((now - this.epochAt + srtt) * SCALE) / 1_000_000), MAX_TICKS)
    const target = Math.min(this.curve(ticks), cwnd + (cwnd >> 1))
    const cubic = target > cwnd ? Math.floor(cwnd / (target - cwnd)) : PROBE_WINDOWS * cwnd
    return Math.max(Math.min(cubic, this.friendly(cwnd, acked)), 2)
  }

  onLoss(cwnd: number): number {
    this.epochAt = -1
    // 4.7: a flow that did not come back to its old plateau makes room for others.
    this.lastMax = cwnd < this.lastMax ? Math.floor((cwnd * (SCALE + BETA)) / (2 * SCALE)) : cwnd
    return Math.max(Math.floor((cwnd * BETA) / SCALE), 2)
  }

  onTimeout(): void {
    this.epochAt = -1
    this.lastMax = 0
  }

  onIdle(idle: number): void {
    if (this.epochAt >= 0) this.epochAt += idle
  }

  private beginEpoch(cwnd: number, now: number): void {
    this.epochAt = now
    this.epochWindow = cwnd
    this.estimate = cwnd * ESTIMATE_SCALE
    if (cwnd < this.lastMax) {
      this.origin = this.lastMax
      this.k = cubicRoot(Math.floor(((this.lastMax - cwnd) * SCALE * TICKS_CUBED) / C))
    } else {
      this.origin = cwnd
      this.k = 0
    }
  }

  /** W_cubic(t) = C (t - K)^3 + W_max, in segments. */
  private curve(ticks: number): number {
    const t = ticks - this.k
    const rise = Math.floor((((C * t * t) / SCALE) * Math.abs(t)) / TICKS_CUBED)
    return t < 0 ? this.origin - rise : this.origin + rise
  }

  /** 4.3: how many ACKs a segment costs if Reno's window is larger than ours. */
  private friendly(cwnd: number, acked: number): number {
    const alpha = this.estimate >= Math.max(this.lastMax, this.epochWindow) * ESTIMATE_SCALE ? SCALE : ALPHA
    this.estimate += Math.floor((alpha * acked) / cwnd)
    const window = Math.floor(this.estimate / ESTIMATE_SCALE)
    return window > cwnd ? Math.floor(cwnd / (window - cwnd)) : Number.MAX_SAFE_INTEGER
  }
}

/** The integer cube root: the largest r with r^3 <= x, for 0 <= x < 2^53. */
export function cubicRoot(x: number): number {
  let r = 0
  for (let bit = 2 ** 17; bit >= 1; bit /= 2) {
    const next = r + bit
    if (next * next * next <= x) r = next
  }
  return r
}
