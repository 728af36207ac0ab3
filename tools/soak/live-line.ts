// How the phase goes: a line that changes on a terminal, one line for each phase elsewhere. On standard error, so that the
// report alone is on standard output.

import type { ProgressOutput } from '../lab/progress.ts'
import type { Sample } from './messages.ts'

export class LiveLine {
  private readonly output: ProgressOutput
  private phase = ''
  private begun = 0
  private readonly clock: () => number

  constructor(output: ProgressOutput, clock: () => number = () => performance.now()) {
    this.output = output
    this.clock = clock
  }

  begin(phase: string, about: string): void {
    this.phase = phase
    this.begun = this.clock()
    if (!this.output.isTTY) this.output.write(`pagewire soak: ${phase}: ${about}\n`)
    else this.draw(about)
  }

  show({ endpoints, rss, heap, transmitPages, receivePages }: Sample): void {
    if (!this.output.isTTY) return
    const mib = (bytes: number) => Math.round(bytes / 2 ** 20)
    this.draw(
      `${endpoints} connections, ${transmitPages + receivePages} pages, rss ${mib(rss)} MiB, heap ${mib(heap)} MiB`,
    )
  }

  clear(): void {
    if (this.output.isTTY) this.output.write('\r\x1b[2K')
  }

  private draw(text: string): void {
    const seconds = Math.floor((this.clock() - this.begun) / 1000)
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    const line = `${this.phase} ${time}  ${text}`
    this.output.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.output.columns || 80) - 1))}`)
  }
}
