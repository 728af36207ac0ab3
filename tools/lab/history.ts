// What was measured in January 2001: Linux 2.4.1-pre10 with and without the zero-copy patches, a PIII-650 that saturates
// 100BaseT (11.5 MB/s), processor time of the sender in percent by the subtractive measure.

export interface HistoryRow {
  what: string
  /** The card's switches that it corresponds to; segmentation offload came later. */
  sg: boolean
  tx: boolean
  sendfile: number
  readWrite: number
}

export const HISTORY: readonly HistoryRow[] = [
  { what: 'without zero copy', sg: false, tx: false, sendfile: 29.6, readWrite: 34.5 },
  { what: 'zero copy', sg: true, tx: true, sendfile: 18.2, readWrite: 38.1 },
  { what: "zero copy, card's checksum off", sg: true, tx: false, sendfile: 22.9, readWrite: 39.2 },
]

/** What everything is a ratio to: read+write without zero copy. */
export const HISTORY_BASE = HISTORY[0].readWrite

export function historyRatio(percent: number): number {
  return Math.round((percent / HISTORY_BASE) * 100) / 100
}
