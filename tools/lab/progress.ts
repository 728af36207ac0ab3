// How far a series of measurements is (the lab's, and those of bench): a bar on a terminal, one line for each round elsewhere. On standard error, so that the table alone is
// on standard output.

export interface ProgressOutput {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const BAR = 24

export class Progress {
  private readonly output: ProgressOutput
  private readonly steps: number
  private readonly started: number
  private readonly clock: () => number
  private readonly command: string
  private done = 0
  private stage = ''

  constructor(
    output: ProgressOutput,
    steps: number,
    clock: () => number = () => performance.now(),
    command = 'pagewire lab',
  ) {
    this.output = output
    this.steps = steps
    this.clock = clock
    this.command = command
    this.started = clock()
  }

  /** One more step begins: `what` of `stage`. Steps that were done count for the time that is left. */
  step(stage: string, what: string): void {
    if (this.output.isTTY) this.draw(`${stage}: ${what}`)
    else if (stage !== this.stage) this.output.write(`${this.command}: ${stage}\n`)
    this.stage = stage
    this.done++
  }

  /** Makes way for other words. */
  clear(): void {
    if (this.output.isTTY) this.output.write('\r\x1b[2K')
  }

  private draw(text: string): void {
    const share = Math.min(1, this.done / this.steps)
    const filled = Math.round(share * BAR)
    const bar = `[${'#'.repeat(filled)}${'.'.repeat(BAR - filled)}]`
    const line = `${bar} ${String(Math.floor(share * 100)).padStart(3)} % ${this.left(share)}  ${text}`
    this.output.write(`\r\x1b[2K${line.slice(0, Math.max(20, (this.output.columns || 80) - 1))}`)
  }

  private left(share: number): string {
    if (share === 0) return ' -:--'
    const seconds = Math.round(((this.clock() - this.started) / 1000) * (1 / share - 1))
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} left`
  }
}
