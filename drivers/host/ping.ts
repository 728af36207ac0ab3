// ping: echo requests at an interval, their answers as they come. Owns the sending and the waiting of one run, in the
// reactor's time; identifiers, time-outs and matching are the stack's.

import { errnoName } from '../../stack/base/errno.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import type { EchoClient, EchoResult } from '../../stack/network/echo-client.ts'
import { Hold } from './keeper.ts'
import type { SocketContext } from './net/context.ts'
import { outOfRange, systemError } from './net/errors.ts'
import type { Closable } from './open-list.ts'
import type { Timeout } from './timeouts.ts'

export interface PingOptions {
  /** How many requests. Default: without end, as ping; `break` ends it. */
  count?: number
  /** Milliseconds between two. Default 1000. */
  interval?: number
  /** Bytes of data, 0 to 65507. Default 56. */
  size?: number
  /** Milliseconds that an answer is waited for. Default 10 000. */
  timeout?: number
  /** 1 to 255. Default 64. */
  ttl?: number
  /** One of the host's addresses. */
  source?: string
  signal?: AbortSignal
}

export interface PingReply {
  /** 1 and up. */
  sequence: number
  /** Who answered (for an error: who reported it), null when nobody did. */
  from: string | null
  /** Milliseconds with fractions, from the sending to the answer. */
  time: number
  ttl: number
  /** Bytes of the answer's ICMP message. */
  bytes: number
  /** Null for an answer; else `ETIMEDOUT`, `EHOSTUNREACH`, `ENETUNREACH`, ... */
  error: string | null
  /** ICMP type and code of the answer. */
  type: number
  code: number
}

/** Yields a reply (or its failure) for each request, as they come. Throws for bad options at the first `next`. */
export async function* ping(
  context: SocketContext,
  echo: EchoClient,
  address: string,
  options: PingOptions = {},
): AsyncGenerator<PingReply, void, undefined> {
  const run = new PingRun(context, echo, IpAddress.from(address), options)
  try {
    run.start()
    for (let reply = await run.next(); reply; reply = await run.next()) yield reply
  } finally {
    run.stop()
  }
}

class PingRun implements Closable {
  _openPlace = -1
  private readonly context: SocketContext
  private readonly echo: EchoClient
  private readonly address: IpAddress
  private readonly options: PingOptions
  private readonly count: number
  private readonly interval: number
  private readonly identifier: number
  private readonly hold: Hold
  private readonly timer: Timeout
  private readonly replies: PingReply[] = []
  private readonly waiting = new Set<number>()
  private sent = 0
  private failure: Error | null = null
  private wake: (() => void) | null = null
  private readonly onAbort = () => this.fail(this.options.signal?.reason)

  constructor(context: SocketContext, echo: EchoClient, address: IpAddress, options: PingOptions) {
    this.context = context
    this.echo = echo
    this.address = address
    this.options = options
    this.count = check('count', options.count ?? Number.POSITIVE_INFINITY, 1, Number.POSITIVE_INFINITY)
    this.interval = check('interval', options.interval ?? 1000, 0, 0x7fff_ffff)
    check('size', options.size ?? 56, 0, 65507)
    check('timeout', options.timeout ?? 10_000, 0, 0x7fff_ffff)
    check('ttl', options.ttl ?? 64, 1, 255)
    this.identifier = echo.identifier()
    this.hold = new Hold(context.keeper)
    this.timer = context.timeouts.create(() => this.send())
  }

  start(): void {
    const { signal } = this.options
    signal?.throwIfAborted()
    if (this.context.closed) throw systemError('ping', 100)
    signal?.addEventListener('abort', this.onAbort, { once: true })
    this.context.open.add(this)
    this.hold.start()
    this.send()
  }

  stop(): void {
    this.options.signal?.removeEventListener('abort', this.onAbort)
    this.timer.set(0)
    for (const sequence of this.waiting) this.echo.cancel(this.identifier, sequence)
    this.waiting.clear()
    this.context.open.delete(this)
    this.hold.stop()
  }

  closeWithHost(): void {
    this.fail(systemError('ping', 100))
    this.stop()
  }

  /** The next reply, null when all have come. */
  async next(): Promise<PingReply | null> {
    for (;;) {
      if (this.failure) throw this.failure
      const reply = this.replies.shift()
      if (reply) return reply
      if (this.sent >= this.count && this.waiting.size === 0) return null
      await new Promise<void>((resolve) => {
        this.wake = resolve
      })
    }
  }

  private fail(reason: unknown): void {
    this.failure = reason instanceof Error ? reason : new Error(String(reason))
    this.ring()
  }

  private send(): void {
    const number = ++this.sent
    const sequence = number & 0xffff
    const { size, timeout, ttl, source } = this.options
    this.waiting.add(sequence)
    const request = {
      identifier: this.identifier,
      sequence,
      payloadLength: size ?? 56,
      ttl: ttl ?? 64,
      timeout: (timeout ?? 10_000) * 1000,
      source: source === undefined ? null : IpAddress.from(source),
    }
    const result = this.echo.send(this.address, request, (answer) => this.onResult(number, sequence, answer))
    if (result < 0) this.onRefused(number, sequence, result)
    if (this.sent < this.count) this.timer.set(Math.max(this.interval, 0.001))
  }

  private onResult(number: number, sequence: number, result: EchoResult): void {
    this.waiting.delete(sequence)
    const { errno, from, ttl, length, roundTrip, type, code } = result
    this.replies.push({
      sequence: number,
      from: from ? from.toString() : null,
      time: roundTrip / 1000,
      ttl,
      bytes: length,
      error: errno === 0 ? null : errnoName(errno),
      type,
      code,
    })
    this.ring()
  }

  private onRefused(number: number, sequence: number, errno: number): void {
    this.waiting.delete(sequence)
    const error = errnoName(errno)
    this.replies.push({ sequence: number, from: null, time: 0, ttl: 0, bytes: 0, error, type: 0, code: 0 })
    this.ring()
  }

  private ring(): void {
    const { wake } = this
    this.wake = null
    wake?.()
  }
}

function check(name: string, value: number, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value
  throw outOfRange(name, `a number from ${least} to ${most}`, value)
}
