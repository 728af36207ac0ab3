// The figures while the stack runs: one line that is written anew every second on a terminal; elsewhere a plain line from
// time to time, when something has happened.

import { scaled } from '../cli/text.ts'
import type { Figures } from '../serve/status.ts'

const TERMINAL_PERIOD = 1000
const PLAIN_PERIOD = 5000

export interface LiveOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export class LiveLine {
  private readonly name: string
  private readonly figures: () => Figures
  private readonly output: LiveOutput
  private readonly json: boolean
  private last: Figures
  private lastTime: number
  private timer: NodeJS.Timeout | null = null

  constructor(options: { name: string; figures: () => Figures; output: LiveOutput; json: boolean }) {
    this.name = options.name
    this.figures = options.figures
    this.output = options.output
    this.json = options.json
    this.last = options.figures()
    this.lastTime = performance.now()
  }

  private get drawn(): boolean {
    return this.output.isTTY === true && !this.json
  }

  start(): void {
    this.timer = setInterval(() => this.tick(), this.drawn ? TERMINAL_PERIOD : PLAIN_PERIOD)
    this.timer.unref()
    if (this.drawn) this.tick()
  }

  /** Something else is about to be written: the line makes way. */
  clear(): void {
    if (this.drawn) this.output.write('\r\x1b[2K')
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer)
    this.clear()
  }

  private tick(): void {
    const now = performance.now()
    const figures = this.figures()
    const text = this.json
      ? JSON.stringify({ event: 'figures', ...figures })
      : liveText(this.name, this.last, figures, (now - this.lastTime) / 1000)
    if (this.drawn) this.output.write(`\r\x1b[2K${text.slice(0, Math.max(20, (this.output.columns ?? 80) - 1))}`)
    else if (hasChanged(this.last, figures)) this.output.write(`${text}\n`)
    this.last = figures
    this.lastTime = now
  }
}

/** `seconds`: how far the two are apart. */
export function liveText(name: string, before: Figures, now: Figures, seconds: number): string {
  const rate = (key: keyof Figures) => (seconds > 0 ? Math.max(0, now[key] - before[key]) / seconds : 0)
  const way = (arrow: string, packets: 'rxPackets' | 'txPackets', bytes: 'rxBytes' | 'txBytes') =>
    `${arrow} ${scaled(rate(bytes) * 8, 'bit/s')} ${scaled(rate(packets), 'p/s')} (${scaled(now[bytes], 'B')})`
  const parts = [
    way('in', 'rxPackets', 'rxBytes'),
    way('out', 'txPackets', 'txBytes'),
    `${now.connections} conn`,
    `copied ${scaled(rate('copiedBytes'), 'B/s')}`,
    `summed ${scaled(rate('summedBytes'), 'B/s')}`,
  ]
  if (now.retransmissions > 0) parts.push(`${now.retransmissions} resent`)
  return `${name}  ${parts.join('  ')}`
}

function hasChanged(before: Figures, now: Figures): boolean {
  return (Object.keys(now) as (keyof Figures)[]).some((key) => now[key] !== before[key])
}
