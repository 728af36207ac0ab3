// A simulation that keeps step with the machine's clock, so that stacks on a simulated wire can serve real clients:
// it runs whenever a stack asks for a poll and whenever something is due.

import { Simulation, type SimulationOptions } from '../../drivers/wire/index.ts'

/** setTimeout takes no more than this, milliseconds. */
const LONGEST_WAIT = 0x7fff_ffff

type Handle = Parameters<Simulation['request']>[0]

export class RealTimeSimulation extends Simulation {
  /** The machine's clock at virtual time 0, microseconds. */
  private readonly origin = machineTime()
  private awake = false
  private stopped = false
  private timer: NodeJS.Timeout | null = null

  constructor(options: Omit<SimulationOptions, 'start' | 'stepsPerInstant'> = {}) {
    // Whole transfers take one instant where the wire has no delay.
    super({ ...options, stepsPerInstant: 10_000_000 })
  }

  /** Microseconds from virtual time to the time since 1970. */
  get epochOffset(): number {
    return Date.now() * 1000 - (machineTime() - this.origin)
  }

  override request(handle: Handle): void {
    super.request(handle)
    this.wake()
  }

  /** Nothing happens on the wire any more. */
  stop(): void {
    this.stopped = true
    if (this.timer) clearTimeout(this.timer)
  }

  private wake(): void {
    if (this.awake || this.stopped) return
    this.awake = true
    queueMicrotask(this.turn)
  }

  private readonly turn = (): void => {
    if (this.stopped) return
    // `awake` stays set meanwhile: what is asked for from within is done by this very run.
    try {
      this.runSync({ until: machineTime() - this.origin })
    } finally {
      this.awake = false
      this.sleep()
    }
  }

  private sleep(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    const due = this.nextDue
    if (this.stopped || due === Number.POSITIVE_INFINITY) return
    const wait = Math.ceil((due - (machineTime() - this.origin)) / 1000)
    this.timer = setTimeout(() => this.wake(), Math.min(Math.max(wait, 0), LONGEST_WAIT))
    this.timer.unref()
  }
}

function machineTime(): number {
  return Math.floor(Number(process.hrtime.bigint() / 1000n))
}
