// What a TAP port counts beyond the card's own counters, named as `ethtool -S` shows them. Bytes here are those of the
// system calls, the virtio-net header among them.

import { clearWide, WIDE } from '../../stack/base/wide.ts'

export class TapStatistics {
  /** Native calls to send, and gathered writes that they made. */
  tap_doorbells = 0
  tap_writes = 0
  tap_tx_bytes = WIDE
  /** Writes that the device had no room for; their frames waited. */
  tap_tx_eagain = 0
  /** Frames answered with an error, and those of them that found the interface down. */
  tap_tx_errors = 0
  tap_tx_eio = 0
  /** Native calls to receive, and reads that they made. */
  tap_rx_calls = 0
  tap_reads = 0
  tap_rx_bytes = WIDE
  tap_rx_errors = 0
  /** Frames shorter than an Ethernet header, or whose virtio-net header contradicts them; dropped. */
  tap_rx_short = 0
  tap_rx_bad_header = 0
  /** Times that no page was left to read into; the frames wait in the kernel. */
  tap_rx_no_page = 0
  /** Times that the event loop woke for this device. */
  tap_wakeups = 0
  /** Bytes of files that the prefetching thread has walked. */
  tap_prefetched_bytes = 0

  constructor() {
    clearWide(this)
  }

  snapshot(): Record<string, number> {
    return Object.fromEntries(Object.entries(this))
  }
}
