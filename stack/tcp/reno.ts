// NewReno's congestion avoidance (RFC 5681 3.1): one segment more per window of acknowledged ones, half the window at a
// loss. Owns nothing: the window itself says all there is to know. What is sent again is recovery.ts.

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
