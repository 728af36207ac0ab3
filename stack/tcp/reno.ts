// NewReno's congestion avoidance (RFC 5681): one segment per window, half the window at a loss. Owns nothing.

import type { CongestionControl } from './congestion.ts'

export class Reno implements CongestionControl {
  readonly name = 'reno'

  growth(cwnd: number): number {
    return cwnd
  }

  onLoss(cwnd: number): number {
    return Math.max(cwnd >> 1, 2)
  }

  onTimeout(): void {}

  onIdle(): void {}
}
