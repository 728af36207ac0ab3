// The options of a TCP header: maximum segment size (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), SACK
// (RFC 2018). Written in Linux's order and padding. Unknown options are skipped by their length; one that lies about
// its length ends the list (what came before it counts), a known one of a wrong length is skipped, as in Linux.

export const OPTION_END = 0
export const OPTION_NOP = 1
export const OPTION_MSS = 2
export const OPTION_WINDOW_SCALE = 3
export const OPTION_SACK_PERMITTED = 4
export const OPTION_SACK = 5
export const OPTION_TIMESTAMPS = 8

/** The most bytes of options a header can have. */
export const OPTIONS_MAX = 40
/** The most SACK blocks that fit a header; beside timestamps three. */
export const SACK_BLOCKS = 4
/** Bytes of `nop, nop, TS`. */
export const TIMESTAMPS_LENGTH = 12

/** The options of one header, as received or to be sent. One object is filled anew for each segment. */
export class TcpOptions {
  /** The maximum segment size, 0 to 65535; -1: absent. */
  mss = -1
  /** The shift of the window, 0 to 255 as on the wire; -1: absent. */
  windowScale = -1
  sackPermitted = false
  timestamps = false
  /** TSval and TSecr as signed 32-bit integers; meaningful only with `timestamps`. */
  tsVal = 0
  tsEcr = 0
  /** How many SACK blocks there are, 0 to 4. */
  sackBlocks = 0
  /** Left and right edges of the blocks, in the order of the wire: block i is [2 i] to [2 i + 1]. */
  readonly sack = new Int32Array(2 * SACK_BLOCKS)

  clear(): void {
    this.mss = -1
    this.windowScale = -1
    this.sackPermitted = false
    this.timestamps = false
    this.sackBlocks = 0
  }
}

/**
 * Reads the options in bytes [at, end). Never throws and never reads past `end`. False: the list is malformed (an
 * option's length is below 2 or runs past the end); `out` then holds what came before. SYN-only options are reported
 * wherever they stand.
 */
export function parseOptions(view: DataView, at: number, end: number, out: TcpOptions): boolean {
  out.clear()
  let i = at
  if (end - i === TIMESTAMPS_LENGTH && view.getInt32(i) === NOP_NOP_TIMESTAMPS) {
    readTimestamps(view, i + 2, out)
    return true
  }
  while (i < end) {
    const kind = view.getUint8(i)
    if (kind === OPTION_END) return true
    if (kind === OPTION_NOP) {
      i++
      continue
    }
    if (i + 1 >= end) return false
    const length = view.getUint8(i + 1)
    if (length < 2 || i + length > end) return false
    readOption(view, i, kind, length, out)
    i += length
  }
  return true
}

/** What most segments carry, as one word: no loop is needed. */
const NOP_NOP_TIMESTAMPS = 0x0101080a

function readOption(view: DataView, at: number, kind: number, length: number, out: TcpOptions): void {
  if (kind === OPTION_TIMESTAMPS) {
    if (length === 10) readTimestamps(view, at, out)
  } else if (kind === OPTION_SACK) {
    if (length >= 10 && (length - 2) % 8 === 0) readSack(view, at + 2, (length - 2) >>> 3, out)
  } else if (kind === OPTION_MSS) {
    if (length === 4) out.mss = view.getUint16(at + 2)
  } else if (kind === OPTION_WINDOW_SCALE) {
    if (length === 3) out.windowScale = view.getUint8(at + 2)
  } else if (kind === OPTION_SACK_PERMITTED) {
    if (length === 2) out.sackPermitted = true
  }
}

function readTimestamps(view: DataView, at: number, out: TcpOptions): void {
  out.timestamps = true
  out.tsVal = view.getInt32(at + 2)
  out.tsEcr = view.getInt32(at + 6)
}

function readSack(view: DataView, at: number, blocks: number, out: TcpOptions): void {
  const count = Math.min(blocks, SACK_BLOCKS)
  for (let i = 0; i < 2 * count; i++) out.sack[i] = view.getInt32(at + 4 * i)
  out.sackBlocks = count
}

/** Bytes that `emitOptions` will write: a multiple of 4, at most 40. */
export function optionsLength(from: TcpOptions): number {
  let length = 0
  if (from.mss >= 0) length += 4
  // On a SYN sackOK takes the place of the two nops before the timestamps.
  if (from.sackPermitted || from.timestamps) length += from.timestamps ? TIMESTAMPS_LENGTH : 4
  if (from.windowScale >= 0) length += 4
  const blocks = fittingBlocks(from, length)
  return blocks > 0 ? length + 4 + 8 * blocks : length
}

function fittingBlocks(from: TcpOptions, used: number): number {
  const room = (OPTIONS_MAX - used - 4) >> 3
  return Math.min(from.sackBlocks, room)
}

/**
 * Writes the options in Linux's order and returns their length: `mss`, `sackOK TS` (or `nop nop TS`, or `nop nop
 * sackOK`), `nop wscale`, `nop nop sack`. SACK blocks that do not fit are left out from the end.
 */
export function emitOptions(from: TcpOptions, view: DataView, at: number): number {
  let i = at
  if (from.mss >= 0) {
    view.setInt32(i, (OPTION_MSS << 24) | (4 << 16) | from.mss)
    i += 4
  }
  if (from.timestamps) {
    view.setUint16(i, from.sackPermitted ? (OPTION_SACK_PERMITTED << 8) | 2 : NOP_NOP)
    view.setUint16(i + 2, (OPTION_TIMESTAMPS << 8) | 10)
    view.setInt32(i + 4, from.tsVal)
    view.setInt32(i + 8, from.tsEcr)
    i += TIMESTAMPS_LENGTH
  } else if (from.sackPermitted) {
    view.setUint16(i, NOP_NOP)
    view.setUint16(i + 2, (OPTION_SACK_PERMITTED << 8) | 2)
    i += 4
  }
  if (from.windowScale >= 0) {
    view.setInt32(i, (OPTION_NOP << 24) | (OPTION_WINDOW_SCALE << 16) | (3 << 8) | from.windowScale)
    i += 4
  }
  const blocks = fittingBlocks(from, i - at)
  return (blocks > 0 ? emitSack(from, blocks, view, i) : i) - at
}

const NOP_NOP = 0x0101

function emitSack(from: TcpOptions, blocks: number, view: DataView, at: number): number {
  view.setUint16(at, NOP_NOP)
  view.setUint16(at + 2, (OPTION_SACK << 8) | (2 + 8 * blocks))
  for (let i = 0; i < 2 * blocks; i++) view.setInt32(at + 4 + 4 * i, from.sack[i])
  return at + 4 + 8 * blocks
}
