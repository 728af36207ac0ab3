// What ping(8) says about what it saw: a line for each event, and the statistics at the end. Knows nothing of sending.

import type { PingEvent } from '../control/messages.ts'

/** ICMP and IPv4 headers. */
const ICMP_HEADER = 8
const IP_HEADER = 20

export class PingTally {
  transmitted = 0
  received = 0
  errors = 0
  duplicates = 0
  private readonly address: string
  private readonly size: number
  private readonly started: number
  private least = Number.POSITIVE_INFINITY
  private most = 0
  private sum = 0
  private squares = 0

  /** `started`: milliseconds. */
  constructor(address: string, size: number, started = performance.now()) {
    this.address = address
    this.size = size
    this.started = started
  }

  head(): string {
    const total = this.size + ICMP_HEADER + IP_HEADER
    return `PING ${this.address} (${this.address}) ${this.size}(${total}) bytes of data.`
  }

  /** The line for an event, empty if it has none. */
  add(event: PingEvent): string {
    if (event.ping === 'sent') {
      this.transmitted++
      return ''
    }
    if (event.ping === 'error') {
      this.errors++
      return `From ${event.from} icmp_seq=${event.sequence} ${event.message}`
    }
    if (event.duplicate) this.duplicates++
    else this.count(event.rtt / 1000)
    const { from, sequence, ttl, bytes, rtt, duplicate } = event
    return `${bytes} bytes from ${from}: icmp_seq=${sequence} ttl=${ttl} time=${formatTime(rtt / 1000)} ms${duplicate ? ' (DUP!)' : ''}`
  }

  /** The lines at the end. `now`: milliseconds. */
  foot(now = performance.now()): string {
    const { transmitted, received, errors, duplicates } = this
    const more = `${duplicates > 0 ? `, +${duplicates} duplicates` : ''}${errors > 0 ? `, +${errors} errors` : ''}`
    const lines = [
      '',
      `--- ${this.address} ping statistics ---`,
      `${transmitted} packets transmitted, ${received} received${more}, ${this.lossText()}% packet loss, time ${Math.round(now - this.started)}ms`,
    ]
    if (received > 0) {
      const [least, mean, most, deviation] = this.times().map((time) => time.toFixed(3))
      lines.push(`rtt min/avg/max/mdev = ${least}/${mean}/${most}/${deviation} ms`)
    }
    return lines.join('\n')
  }

  /** The same for programs; times in milliseconds. */
  summary(now = performance.now()): object {
    const { address, transmitted, received, errors, duplicates } = this
    const [min, avg, max, mdev] = this.received > 0 ? this.times() : [null, null, null, null]
    const time = Math.round(now - this.started)
    return { address, transmitted, received, errors, duplicates, loss: this.loss(), time, rtt: { min, avg, max, mdev } }
  }

  private count(milliseconds: number): void {
    this.received++
    this.least = Math.min(this.least, milliseconds)
    this.most = Math.max(this.most, milliseconds)
    this.sum += milliseconds
    this.squares += milliseconds * milliseconds
  }

  private times(): number[] {
    const mean = this.sum / this.received
    return [this.least, mean, this.most, Math.sqrt(Math.max(0, this.squares / this.received - mean * mean))]
  }

  private loss(): number {
    return this.transmitted === 0 ? 0 : ((this.transmitted - this.received) / this.transmitted) * 100
  }

  /** As printf's %g with six digits. */
  private lossText(): string {
    return String(Number(this.loss().toPrecision(6)))
  }
}

/** iputils: three digits after the point below 1 ms, three significant ones up to 100 ms, whole numbers above. */
export function formatTime(milliseconds: number): string {
  if (milliseconds >= 99.95) return milliseconds.toFixed(0)
  if (milliseconds >= 9.995) return milliseconds.toFixed(1)
  if (milliseconds >= 0.9995) return milliseconds.toFixed(2)
  return milliseconds.toFixed(3)
}
