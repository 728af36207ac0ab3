// TCP options by hand (RFC 9293 3.1, RFC 7323, RFC 2018): built in Linux's order, taken apart with their order and their
// padding kept, so that a test can name both.

import { concat, read16, read32, u16, u32 } from './bytes.ts'

export interface TcpOptionRecord {
  mss?: number
  sackOK?: boolean
  /** TSval and TSecr, unsigned. */
  ts?: { val: number; ecr: number }
  /** Shift count. */
  wscale?: number
  /** Left and right edges. */
  sack?: [number, number][]
}

const NOP = 1

export function buildOptions(options: TcpOptionRecord): Uint8Array {
  const parts: Uint8Array[] = []
  const { mss, sackOK, ts, wscale, sack } = options
  const isSyn = mss !== undefined || sackOK || wscale !== undefined
  if (mss !== undefined) parts.push(Uint8Array.of(2, 4), u16(mss))
  if (sackOK) parts.push(Uint8Array.of(...(ts ? [] : [NOP, NOP]), 4, 2))
  if (ts) parts.push(Uint8Array.of(...(isSyn && sackOK ? [] : [NOP, NOP]), 8, 10), u32(ts.val), u32(ts.ecr))
  if (wscale !== undefined) parts.push(Uint8Array.of(NOP, 3, 3, wscale))
  if (sack?.length) {
    parts.push(Uint8Array.of(NOP, NOP, 5, 2 + 8 * sack.length))
    for (const [left, right] of sack) parts.push(u32(left), u32(right))
  }
  return concat(...parts)
}

/** Throws for options that lie about their length or leave their room. */
export function dissectOptions(bytes: Uint8Array): { options: TcpOptionRecord; order: string } {
  const options: TcpOptionRecord = {}
  const order: string[] = []
  let at = 0
  while (at < bytes.length) {
    const kind = bytes[at]
    if (kind === 0) {
      order.push('eol')
      break
    }
    if (kind === NOP) {
      order.push('nop')
      at++
      continue
    }
    const length = bytes[at + 1]
    if (!(length >= 2 && at + length <= bytes.length)) throw new Error(`TCP: option ${kind} of length ${length}`)
    order.push(take(kind, bytes.subarray(at, at + length), options))
    at += length
  }
  return { options, order: order.join(',') }
}

const LENGTHS: Record<number, number> = { 2: 4, 3: 3, 4: 2, 8: 10 }

function take(kind: number, bytes: Uint8Array, options: TcpOptionRecord): string {
  if (kind in LENGTHS && bytes.length !== LENGTHS[kind]) throw new Error(`TCP: option ${kind} of ${bytes.length} bytes`)
  switch (kind) {
    case 2:
      options.mss = read16(bytes, 2)
      return 'mss'
    case 3:
      options.wscale = bytes[2]
      return 'wscale'
    case 4:
      options.sackOK = true
      return 'sackOK'
    case 5:
      if (bytes.length % 8 !== 2) throw new Error(`TCP: SACK of ${bytes.length} bytes`)
      options.sack = []
      for (let at = 2; at < bytes.length; at += 8) options.sack.push([read32(bytes, at), read32(bytes, at + 4)])
      return 'sack'
    case 8:
      options.ts = { val: read32(bytes, 2), ecr: read32(bytes, 6) }
      return 'TS'
    default:
      return `option ${kind}`
  }
}
