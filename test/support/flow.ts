// One TCP connection as the scripted peer sees it: relative sequence numbers in both directions, timestamps kept alive,
// content checked against the pattern. `sends` and `expects` name only what a test is about; the rest has defaults.

import { concat } from './bytes.ts'
import { Invariants } from './invariants.ts'
import type { TcpBuild, TcpFields } from './packet.ts'
import { buildTcp, flagBits } from './packet.ts'
import { pattern, patternMismatch } from './pattern.ts'
import type { TcpOptionRecord } from './tcp-options.ts'
import { microseconds, seconds } from './time.ts'

/** A segment that the peer sends. Sequence and acknowledgement numbers are relative: 0 is the SYN of that side. */
export interface Sent extends Omit<TcpBuild, 'options'> {
  flags: string
  /** Default: behind the last that was sent. */
  seq?: number
  /** Default: behind the last in-order byte that came. Only with the ACK flag. */
  ack?: number
  /** Bytes of the pattern at this place; or `payload`. */
  length?: number
  /** With `ts: null` the timestamp of a connection that has them is left out. SACK edges are relative to the stack's stream. */
  options?: Omit<TcpOptionRecord, 'ts'> & { ts?: { val?: number; ecr?: number } | null }
}

/** A segment that the peer wants to see. Only what is named is compared. */
export interface Expected {
  flags?: string
  seq?: number
  ack?: number
  /** Payload bytes. They must be those of the pattern, unless `content` is false or `payload` is given. */
  length?: number
  payload?: Uint8Array
  content?: false
  window?: number | ((window: number) => boolean)
  urgent?: number
  /** null: the option must be absent. SACK edges are relative to the peer's stream. */
  options?: {
    mss?: number | null
    sackOK?: boolean | null
    wscale?: number | null
    ts?: { val?: number; ecr?: number } | true | null
    sack?: [number, number][] | null
  }
  /** All options in order: `mss,sackOK,TS,nop,wscale`. */
  optionOrder?: string
  ttl?: number
  tos?: number
}

/** A segment that came, in relative numbers. */
export interface Seen extends TcpFields {
  time: number
  ttl: number
  tos: number
  /** Payload bytes. */
  length: number
  /** seq + the sequence space that it takes. */
  end: number
}

/** What a flow needs of its peer. */
export interface FlowHost {
  readonly now: number
  readonly address: string
  readonly stackAddress: string
  transmitTcp(segment: Uint8Array, note: string): void
  advance(time: number): void
  fail(message: string): never
  note(line: string): void
  /** A rule that holds for every segment was broken: the test fails when it next looks. */
  breaks(rule: string): void
  /** The most payload of one segment that the peer's device carries, given the MSS that it announced. */
  largestSegment(mss: number): number
}

const MAX_WAIT = 400 * 86_400_000_000

export class Flow {
  readonly host: FlowHost
  /** The peer's port and the stack's; the latter is learned when it is 0. */
  readonly port: number
  stackPort: number
  /** Initial sequence numbers, unsigned. The peer's lies close to the wrap on purpose. */
  iss: number
  stackIss = 0
  knowsStackIss = false
  /** Relative: what the peer sends next, and what it has received in order. */
  sndNxt = 0
  rcvNxt = 0
  /** The window that the peer's segments carry by default, as in the header. */
  window = 65535
  /** The peer's timestamp clock at time 0, milliseconds; the value grows with time. */
  tsBase = 0x7fff_0000
  /** The last TSval that came: echoed. */
  tsRecent = 0
  private readonly invariants: Invariants
  private offeredTs = false
  private stackTs = false
  readonly received: Seen[] = []

  constructor(host: FlowHost, port: number, stackPort: number, iss: number) {
    this.host = host
    this.port = port
    this.stackPort = stackPort
    this.iss = iss >>> 0
    this.invariants = new Invariants((mss) => host.largestSegment(mss))
  }

  /** Timestamps are used: both SYNs had them. */
  get timestamps(): boolean {
    return this.offeredTs && this.stackTs
  }

  get tsNow(): number {
    return (this.tsBase + Math.floor(this.host.now / 1000)) >>> 0
  }

  /** Sends a segment; what the stack does at once has happened when this returns. */
  sends(sent: Sent): void {
    const isSyn = sent.flags.includes('S')
    const seq = sent.seq ?? this.sndNxt
    // The SYN takes the number before the first byte.
    const payload = sent.payload ?? pattern(isSyn ? seq : seq - 1, sent.length ?? 0)
    const ack = sent.ack ?? this.rcvNxt
    const options = this.optionsFor(sent, isSyn)
    if (isSyn && options.ts) this.offeredTs = true
    const { options: _options, length: _length, ...rest } = sent
    const fields: TcpBuild = {
      window: this.window,
      ...rest,
      sourcePort: this.port,
      destinationPort: this.stackPort,
      seq: (seq + this.iss) >>> 0,
      ack: sent.flags.includes('.') || sent.ack !== undefined ? (ack + this.stackIss) >>> 0 : 0,
      options,
      payload,
    }
    const space = payload.length + (isSyn ? 1 : 0) + (sent.flags.includes('F') ? 1 : 0)
    if (!sent.flags.includes('R')) this.sndNxt = Math.max(this.sndNxt, seq + space)
    this.invariants.onSent(
      { flags: sent.flags, window: fields.window ?? 0, options },
      ack,
      sent.rawOptions !== undefined,
    )
    const note = describe(this.relative(fields as TcpFields, sent.flags, seq, ack))
    this.host.transmitTcp(buildTcp(this.host.address, this.host.stackAddress, fields), `< ${note}`)
  }

  /** The next segment from the stack: it must be this one, and it must have come at this very time. */
  expects(expected: Expected): Seen {
    return this.take(expected, this.host.now)
  }

  /** As `expects`, but time moves on until a segment comes, at most by `limit`. */
  expectsWithin(limit: string | number, expected: Expected): Seen {
    const end = this.host.now + microseconds(limit)
    while (this.received.length === 0 && this.host.now < end) this.host.advance(Math.min(1000, end - this.host.now))
    return this.take(expected, -1)
  }

  /** Nothing comes for `time`, short of its last microsecond, and then this segment. */
  expectsAfter(time: string | number, expected: Expected): Seen {
    const wait = microseconds(time)
    if (wait > MAX_WAIT) throw new RangeError(`a long time: ${time}`)
    this.expectsNothing(wait - 1)
    this.host.advance(1)
    return this.take(expected, this.host.now)
  }

  /** Nothing has come, and nothing comes for `time`. */
  expectsNothing(time: string | number = 0): void {
    this.mustBeEmpty()
    const wait = microseconds(time)
    if (wait > 0) this.host.advance(wait)
    this.mustBeEmpty()
  }

  /** Lets go of what came: the test is not about it. */
  ignoreReceived(): Seen[] {
    return this.received.splice(0)
  }

  /** For the peer: a segment of this connection came. */
  onSegment(tcp: TcpFields, ttl: number, tos: number, time: number): void {
    const isSyn = tcp.flags.includes('S')
    if (isSyn && !this.knowsStackIss) {
      this.stackIss = tcp.seq
      this.knowsStackIss = true
      this.stackPort = tcp.sourcePort
    }
    if (isSyn) this.stackTs = tcp.options.ts !== undefined
    if (tcp.options.ts) this.tsRecent = tcp.options.ts.val
    const seq = (tcp.seq - this.stackIss) | 0
    const length = tcp.payload.length
    const end = seq + length + (isSyn ? 1 : 0) + (tcp.flags.includes('F') ? 1 : 0)
    const hasAck = tcp.flags.includes('.')
    const sack = tcp.options.sack?.map((edges) => edges.map((edge) => (edge - this.iss) | 0) as [number, number])
    const seen: Seen = {
      ...tcp,
      seq,
      ack: hasAck ? (tcp.ack - this.iss) | 0 : tcp.ack,
      options: sack ? { ...tcp.options, sack } : tcp.options,
      time,
      ttl,
      tos,
      length,
      end,
    }
    if (!tcp.flags.includes('R') && seq <= this.rcvNxt && end > this.rcvNxt) this.rcvNxt = end
    this.received.push(seen)
    this.host.note(`${seconds(time)} > ${describe(seen)}`)
    const rule = this.invariants.onSeen(seen, this.timestamps)
    if (rule !== '') this.host.breaks(rule)
  }

  private take(expected: Expected, time: number): Seen {
    const seen = this.received.shift()
    const wanted = `expected ${describeExpected(expected)}`
    if (!seen) this.host.fail(`${wanted}, but nothing came`)
    if (time >= 0 && seen.time !== time) {
      this.host.fail(`${wanted} now, but at ${seconds(seen.time)} came: ${describe(seen)}`)
    }
    const wrong = this.differences(seen, expected)
    if (wrong.length > 0) this.host.fail(`${wanted}, but came: ${describe(seen)}\n  wrong: ${wrong.join('; ')}`)
    return seen
  }

  private mustBeEmpty(): void {
    if (this.received.length > 0) {
      const what = this.received.map((seen) => `${seconds(seen.time)} > ${describe(seen)}`)
      this.host.fail(`expected nothing, but came: ${what.join(' | ')}`)
    }
  }

  private differences(seen: Seen, expected: Expected): string[] {
    const wrong: string[] = []
    const compare = (what: string, has: unknown, wants: unknown) => {
      if (wants !== undefined && JSON.stringify(has) !== JSON.stringify(wants)) {
        wrong.push(`${what} ${JSON.stringify(has)}, not ${JSON.stringify(wants)}`)
      }
    }
    if (expected.flags !== undefined && flagBits(seen.flags) !== flagBits(expected.flags)) {
      wrong.push(`flags ${seen.flags}, not ${expected.flags}`)
    }
    for (const key of ['seq', 'ack', 'length', 'urgent', 'ttl', 'tos', 'optionOrder'] as const) {
      compare(key, seen[key], expected[key])
    }
    if (typeof expected.window === 'function') {
      if (!expected.window(seen.window)) wrong.push(`window ${seen.window} is not as it should be`)
    } else compare('window', seen.window, expected.window)
    compareOptions(seen.options, expected.options ?? {}, compare)
    const content = expected.payload
      ? firstDifference(seen.payload, expected.payload)
      : expected.content === false
        ? -1
        : patternMismatch(seen.payload, seen.seq - 1)
    if (content >= 0)
      wrong.push(`payload differs from ${expected.payload ? 'the given at' : 'the pattern at'} ${content}`)
    return wrong
  }

  private optionsFor(sent: Sent, isSyn: boolean): TcpOptionRecord {
    const { ts, sack, ...others } = sent.options ?? {}
    const options: TcpOptionRecord = others
    if (sack) options.sack = sack.map((edges) => edges.map((edge) => (edge + this.stackIss) >>> 0) as [number, number])
    if (ts) options.ts = { val: (ts.val ?? this.tsNow) >>> 0, ecr: (ts.ecr ?? this.tsRecent) >>> 0 }
    else if (ts === undefined && !isSyn && this.timestamps && !sent.flags.includes('R')) {
      options.ts = { val: this.tsNow, ecr: this.tsRecent }
    }
    return options
  }

  private relative(fields: TcpFields, flags: string, seq: number, ack: number): TcpFields & { length: number } {
    return { ...fields, flags, seq, ack, length: fields.payload.length }
  }
}

function compareOptions(
  has: TcpOptionRecord,
  wants: NonNullable<Expected['options']>,
  compare: (what: string, has: unknown, wants: unknown) => void,
): void {
  for (const key of ['mss', 'sackOK', 'wscale', 'sack'] as const) {
    if (wants[key] !== undefined) compare(key, has[key] ?? null, wants[key])
  }
  if (wants.ts === null || wants.ts === true) compare('ts', has.ts !== undefined, wants.ts === true)
  else if (wants.ts) {
    compare('TSval', has.ts?.val ?? null, wants.ts.val)
    compare('TSecr', has.ts?.ecr ?? null, wants.ts.ecr)
  }
}

function firstDifference(has: Uint8Array, wants: Uint8Array): number {
  const longer = concat(has.length > wants.length ? has : wants)
  for (let i = 0; i < longer.length; i++) if (has[i] !== wants[i]) return i
  return -1
}

/** One line as packetdrill and tcpdump print it. */
export function describe(tcp: Omit<TcpFields, 'optionOrder'> & { length: number }): string {
  const { flags, seq, ack, length, window, options } = tcp
  const words = [`${flags || 'none'} ${seq}:${seq + length}(${length})`]
  if (flags.includes('.')) words.push(`ack ${ack}`)
  words.push(`win ${window}`)
  const list: string[] = []
  if (options?.mss !== undefined) list.push(`mss ${options.mss}`)
  if (options?.sackOK) list.push('sackOK')
  if (options?.ts) list.push(`TS val ${options.ts.val} ecr ${options.ts.ecr}`)
  if (options?.wscale !== undefined) list.push(`wscale ${options.wscale}`)
  if (options?.sack) list.push(`sack ${options.sack.map((edges) => edges.join(':')).join(' ')}`)
  if (list.length > 0) words.push(`<${list.join(',')}>`)
  return words.join(' ')
}

function describeExpected(expected: Expected): string {
  const { payload, window, ...rest } = expected
  const shown = {
    ...rest,
    ...(payload ? { payload: `${payload.length} bytes` } : {}),
    ...(window === undefined ? {} : { window: typeof window === 'number' ? window : 'as given' }),
  }
  return JSON.stringify(shown).replaceAll('"', '')
}
