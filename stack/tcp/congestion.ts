// What a congestion control algorithm is to the connection. An algorithm owns how the window grows in congestion
// avoidance and how far it falls at a loss; the window itself, slow start and validation are congestion-window.ts.
// Windows are whole segments, as in Linux. Room for HyStart and for rate-based algorithms: they answer the same calls.

import { Cubic } from './cubic.ts'
import { Reno } from './reno.ts'

export interface CongestionControl {
  readonly name: 'cubic' | 'reno'
  /** How many acknowledged segments one more segment of window costs now, at least 1. Called only while the window is in use. */
  growth(cwnd: number, acked: number, srtt: number, now: number): number
  /** A loss: the new slow start threshold for a window of `cwnd`, at least 2. */
  onLoss(cwnd: number): number
  /** A retransmission timeout, after `onLoss`: what was learned of the path's curve is void. */
  onTimeout(): void
  /** Sending resumed after `idle` microseconds without anything in flight: the clock of the curve stood still. */
  onIdle(idle: number): void
}

export function createCongestionControl(name: 'cubic' | 'reno'): CongestionControl {
  return name === 'cubic' ? new Cubic() : new Reno()
}
