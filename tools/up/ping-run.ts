// One run of ping inside the stack: echo requests at their times, and an event for each that is sent, answered or
// refused. Waits at the end as iputils does: for the slowest answer so far, or for the whole time-out when there was
// none.

import type { Host } from '../../drivers/index.ts'
import { errnoName } from '../../stack/base/errno.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import type { EchoResult } from '../../stack/network/echo-client.ts'
import type { PingEvent, PingRequest } from '../control/messages.ts'

/** Requests that are made up for at once when the process was late. */
const CATCH_UP = 64
/** After this long without another answer, with some before, the run is over: at least, milliseconds. */
const LAST_WAIT = 1000

const ETIMEDOUT = 'ETIMEDOUT'

/**
 * `ownAddress` stands for who reports what went wrong before a packet left. Resolves with the number of requests sent, when all is said or `signal` fires. Rejects when there is no way there.
 */
export function runPing(
  host: Host,
  request: PingRequest,
  emit: (event: PingEvent) => void,
  signal: AbortSignal,
  ownAddress: string,
): Promise<{ transmitted: number }> {
  return new PingRun(host, request, emit, ownAddress).run(signal)
}

class PingRun {
  private readonly host: Host
  private readonly request: PingRequest
  private readonly emit: (event: PingEvent) => void
  private readonly ownAddress: string
  private readonly destination: IpAddress
  private readonly identifier: number
  private readonly waiting = new Set<number>()
  private readonly started = performance.now()
  private sent = 0
  private slowest = -1
  private timer: NodeJS.Timeout | null = null
  private finish: (error: Error | null) => void = () => {}

  constructor(host: Host, request: PingRequest, emit: (event: PingEvent) => void, ownAddress: string) {
    this.host = host
    this.ownAddress = ownAddress
    this.request = request
    this.emit = emit
    this.destination = IpAddress.from(request.address)
    this.identifier = host.stack.echo.identifier()
  }

  async run(signal: AbortSignal): Promise<{ transmitted: number }> {
    const stop = () => this.finish(null)
    try {
      await new Promise<void>((resolve, reject) => {
        this.finish = (error) => (error ? reject(error) : resolve())
        if (signal.aborted) resolve()
        signal.addEventListener('abort', stop)
        this.turn()
      })
    } finally {
      signal.removeEventListener('abort', stop)
      this.finish = () => {}
      if (this.timer) clearTimeout(this.timer)
      for (const sequence of this.waiting) this.host.stack.echo.cancel(this.identifier, sequence)
    }
    return { transmitted: this.sent }
  }

  /** Sends what is due and comes back for the next. */
  private turn(): void {
    const { count, interval } = this.request
    const elapsed = (performance.now() - this.started) / 1000
    const due = Math.floor(elapsed / interval) + 1
    const until = Math.min(due, count === 0 ? due : count, this.sent + CATCH_UP)
    while (this.sent < until) if (!this.sendOne()) return
    if (count !== 0 && this.sent >= count) this.waitForLast()
    else this.timer = setTimeout(() => this.turn(), Math.max(0, (this.sent * interval - elapsed) * 1000))
  }

  private sendOne(): boolean {
    const number = ++this.sent
    const sequence = number & 0xffff
    const { size, ttl, timeout } = this.request
    this.emit({ ping: 'sent', sequence: number })
    this.waiting.add(sequence)
    const result = this.host.stack.echo.send(
      this.destination,
      {
        identifier: this.identifier,
        sequence,
        payloadLength: size,
        ttl: ttl || 64,
        timeout: Math.round(timeout * 1e6),
      },
      (answer) => this.onResult(number, sequence, answer),
    )
    if (result >= 0) return true
    this.waiting.delete(sequence)
    const name = errnoName(result)
    if (name === 'EAGAIN' || name === 'ENOBUFS') return true
    this.finish(new Error(`${this.destination}: ${REASONS[name] ?? name}`))
    return false
  }

  private onResult(number: number, sequence: number, result: EchoResult): void {
    if (!this.waiting.delete(sequence)) return
    const { errno, roundTrip, ttl, length } = result
    const from = result.from?.toString() ?? this.ownAddress
    if (errno === 0) {
      this.slowest = Math.max(this.slowest, roundTrip / 1000)
      this.emit({ ping: 'reply', from, sequence: number, ttl, bytes: length, rtt: roundTrip, duplicate: false })
    } else if (errnoName(errno) !== ETIMEDOUT) {
      this.emit({ ping: 'error', from, sequence: number, message: describeError(result) })
    }
    const { count } = this.request
    if (count !== 0 && this.sent >= count && this.waiting.size === 0) this.finish(null)
  }

  private waitForLast(): void {
    if (this.waiting.size === 0) {
      this.finish(null)
      return
    }
    const { timeout, interval } = this.request
    const wait = this.slowest < 0 ? timeout * 1000 : Math.max(2 * this.slowest, interval * 1000, LAST_WAIT)
    this.timer = setTimeout(() => this.finish(null), Math.min(wait, timeout * 1000))
  }
}

/** What an ICMP error says, in the words of ping(8). */
export function describeError({ type, code, errno }: Pick<EchoResult, 'type' | 'code' | 'errno'>): string {
  if (type === 3) return UNREACHABLE[code] ?? `Dest Unreachable, Bad Code: ${code}`
  if (type === 11) return code === 1 ? 'Frag reassembly time exceeded' : 'Time to live exceeded'
  return REASONS[errnoName(errno)] ?? errnoName(errno)
}

const UNREACHABLE: Record<number, string> = {
  0: 'Destination Net Unreachable',
  1: 'Destination Host Unreachable',
  2: 'Destination Protocol Unreachable',
  3: 'Destination Port Unreachable',
  4: 'Frag needed and DF set',
  5: 'Source Route Failed',
  9: 'Destination Net Prohibited',
  10: 'Destination Host Prohibited',
  13: 'Packet filtered',
}

const REASONS: Record<string, string> = {
  ENETUNREACH: 'Network is unreachable',
  EHOSTUNREACH: 'Destination Host Unreachable',
  EMSGSIZE: 'Message too long',
  EACCES: 'Permission denied: a broadcast address',
  ENETDOWN: 'Network is down',
  EINVAL: 'Invalid argument',
}
