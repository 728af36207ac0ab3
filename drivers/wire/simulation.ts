// Virtual time: a reactor (drivers/reactor.ts) whose clock moves from one event to the next and stands still in
// between. Owns the order of things: at one instant first the events that are due, in the order in which they were
// asked for, then the polls that were requested, in the order of the requests, then deadlines, and again until all
// is quiet; only then does time move. Owns no network: wires and stacks attach to it.

import type { Clock, Environment, Log, Random } from '../../stack/base/environment.ts'
import { seededRandom } from '../random.ts'
import type { Pollable, Reactor, ReactorHandle } from '../reactor.ts'
import { EventQueue, type SimulationEvent } from './event-queue.ts'
import { drainHost } from './host-queues.ts'

export interface SimulationOptions {
  /** Seed of `environment.random`. Default 1. */
  seed?: number | string
  /** Where the clock starts, integer microseconds. Default 0. */
  start?: number
  /** The most steps (events and polls) at one instant; more is an endless loop and throws. Default 100 000. */
  stepsPerInstant?: number
  /** Where the stacks' words go. Default: nowhere. */
  log?: Log
}

export interface RunOptions {
  /** Stop at this time, microseconds of the clock; what is due then is still done, and the clock stands there. */
  until?: number
  /** The same, counted from now. */
  forMicroseconds?: number
  /** Stop as soon as this holds (looked at whenever an instant is done). Ending without it throws. */
  condition?: () => boolean
  /** The most steps of the whole run; more throws. Default 50 million. */
  limit?: number
}

/** The simulation did not come to an end by itself, or ended without what was waited for. */
export class SimulationError extends Error {
  override name = 'SimulationError'
}

export class Simulation implements Reactor {
  readonly clock: Clock
  readonly environment: Environment
  private time: number
  private readonly events = new EventQueue()
  private readonly handles: SimulatedHandle[] = []
  private requested: SimulatedHandle[] = []
  private readonly stepsPerInstant: number
  private steps = 0
  private running = false

  constructor(options: SimulationOptions = {}) {
    const { seed = 1, start = 0, stepsPerInstant = 100_000, log = () => {} } = options
    if (!Number.isSafeInteger(start) || start < 0)
      throw new RangeError(`start must be an integer of 0 or more: ${start}`)
    this.time = start
    this.stepsPerInstant = stepsPerInstant
    this.clock = { now: () => this.time }
    this.environment = { clock: this.clock, random: seededRandom(seed), log }
  }

  /** Virtual time, microseconds. */
  get now(): number {
    return this.time
  }

  /** Independent chance for a part of the simulation; the name keeps the parts apart. */
  random(name: string): Random {
    return this.environment.random.fork(name)
  }

  /** Calls `run` at `time` (now if that has passed), after what was asked for the same time before. */
  at(time: number, run: () => void): SimulationEvent {
    if (Number.isNaN(time)) throw new RangeError('time is not a number')
    return this.events.add(Math.max(Math.ceil(time), this.time), run)
  }

  /** Calls `run` after `delay` microseconds. */
  after(delay: number, run: () => void): SimulationEvent {
    return this.at(this.time + delay, run)
  }

  attach(pollable: Pollable): ReactorHandle {
    const handle = new SimulatedHandle(pollable, this)
    this.handles.push(handle)
    return handle
  }

  /**
   * Runs stacks and wires only: Node's own queues are not looked at, so nothing that hangs on a promise happens. Without
   * an end it runs until nothing is due. Throws SimulationError when a bound is passed or `condition` never held.
   */
  runSync(options: RunOptions = {}): void {
    this.enter()
    try {
      const run = this.begin(options)
      do {
        this.instant(run)
      } while (!this.finished(run) && this.move(run))
      this.end(run)
    } finally {
      this.running = false
    }
  }

  /**
   * As `runSync`, but lets Node's tick, promise and immediate queues (and its file requests) run empty before time
   * moves, so that streams, promises and callbacks of an application take no virtual time.
   */
  async run(options: RunOptions = {}): Promise<void> {
    this.enter()
    try {
      const run = this.begin(options)
      do {
        do {
          this.instant(run)
          await drainHost()
        } while (this.requested.length > 0 || this.events.next() <= this.time)
      } while (!this.finished(run) && this.move(run))
      this.end(run)
    } finally {
      this.running = false
    }
  }

  /** Runs until the promise settles and gives its outcome; throws SimulationError when it has not within the options. */
  async settle<T>(promise: PromiseLike<T>, options: Omit<RunOptions, 'condition'> = {}): Promise<T> {
    let settled = false
    const mark = () => {
      settled = true
    }
    promise.then(mark, mark)
    await this.run({ ...options, condition: () => settled })
    return promise
  }

  /** Whether anything is due, ever. Deadlines of pollables that are unref'd do not count. */
  get idle(): boolean {
    return this.requested.length === 0 && this.nextTime(true) === Number.POSITIVE_INFINITY
  }

  /** When something is due next, microseconds of the clock; infinity if nothing is. For those who run it in real time. */
  get nextDue(): number {
    return this.requested.length > 0 ? this.time : this.nextTime(false)
  }

  /** For handles only. */
  request(handle: SimulatedHandle): void {
    this.requested.push(handle)
  }

  /** For handles only. */
  remove(handle: SimulatedHandle): void {
    const at = this.handles.indexOf(handle)
    if (at >= 0) this.handles.splice(at, 1)
  }

  private enter(): void {
    if (this.running) throw new SimulationError('the simulation runs already')
    this.running = true
  }

  private begin(options: RunOptions): Run {
    const { until = Number.POSITIVE_INFINITY, forMicroseconds, condition = null, limit = 50_000_000 } = options
    const end = forMicroseconds === undefined ? until : Math.min(until, this.time + forMicroseconds)
    if (Number.isNaN(end)) throw new RangeError('the end of the run is not a number')
    return { end: Math.floor(end), condition, limit: this.steps + limit, met: false }
  }

  private finished(run: Run): boolean {
    if (run.condition?.()) run.met = true
    return run.met
  }

  /** Moves the clock to what is due next. False: nothing is, within the run. */
  private move(run: Run): boolean {
    if (run.end === Number.POSITIVE_INFINITY && this.idle) return false
    const next = this.nextTime(false)
    if (next > run.end || next === Number.POSITIVE_INFINITY) return false
    this.time = Math.max(this.time, next)
    return true
  }

  private end(run: Run): void {
    if (run.condition && !run.met) {
      const why = run.end === Number.POSITIVE_INFINITY ? 'nothing was due any more' : `the end was ${run.end} us`
      throw new SimulationError(`the condition did not hold at ${this.time} us, and ${why}`)
    }
    if (!run.met && run.end !== Number.POSITIVE_INFINITY) this.time = Math.max(this.time, run.end)
  }

  private nextTime(refOnly: boolean): number {
    let next = this.events.next()
    for (let i = 0; i < this.handles.length; i++) {
      const handle = this.handles[i]
      if (refOnly && !handle.referenced) continue
      const deadline = Math.ceil(handle.pollable.nextDeadline())
      if (deadline < next) next = deadline
    }
    return next
  }

  /** Everything that is due now, until all is quiet. */
  private instant(run: Run): void {
    const from = this.steps
    for (;;) {
      for (let event = this.events.take(this.time); event; event = this.events.take(this.time)) {
        this.count(from, run)
        event()
      }
      if (this.requested.length > 0) {
        const turn = this.requested
        this.requested = []
        for (const handle of turn) {
          this.count(from, run)
          handle.poll()
        }
      } else if (!this.requestDue()) return
    }
  }

  /** Requests polls for those whose deadline has come. */
  private requestDue(): boolean {
    let any = false
    for (const handle of this.handles) {
      if (handle.pollable.nextDeadline() > this.time) continue
      handle.requestPoll()
      any = true
    }
    return any
  }

  private count(from: number, run: Run): void {
    this.steps++
    if (this.steps - from > this.stepsPerInstant) {
      throw new SimulationError(`more than ${this.stepsPerInstant} steps at ${this.time} us: an endless loop`)
    }
    if (this.steps > run.limit) throw new SimulationError(`the run took too many steps, at ${this.time} us`)
  }
}

interface Run {
  end: number
  condition: (() => boolean) | null
  limit: number
  met: boolean
}

class SimulatedHandle implements ReactorHandle {
  readonly pollable: Pollable
  referenced = true
  private readonly simulation: Simulation
  private requested = false
  private detached = false

  constructor(pollable: Pollable, simulation: Simulation) {
    this.pollable = pollable
    this.simulation = simulation
  }

  requestPoll(): void {
    if (this.requested || this.detached) return
    this.requested = true
    this.simulation.request(this)
  }

  poll(): void {
    this.requested = false
    if (this.detached) return
    if (this.pollable.poll()) this.requestPoll()
  }

  ref(): void {
    this.referenced = true
  }

  unref(): void {
    this.referenced = false
  }

  detach(): void {
    this.detached = true
    this.simulation.remove(this)
  }
}
