// Node's event loop as a reactor (drivers/reactor.ts). A poll that was asked for runs as a microtask: in the same turn of
// the loop, after the code that runs now and its ticks, so that many writes make one burst. A poll whose budget ran
// out goes on after the loop had its turn (setImmediate), and meanwhile nothing else polls: packets never starve
// the application. With busy polling the loop does not sleep for some time after something came, but looks for more: a
// core that sleeps takes tens of microseconds to wake. Owns the arming of the one timer; an exception of the application
// passes through and becomes an uncaughtException, as one in a callback of node:net does.

import { NEVER } from '../../stack/base/deadlines.ts'
import type { Clock } from '../../stack/base/environment.ts'
import type { Pollable, Reactor, ReactorHandle } from '../reactor.ts'
import type { HostTimer } from './timer.ts'

export class NodeReactor implements Reactor {
  readonly clock: Clock
  private readonly makeTimer: () => HostTimer
  private readonly busyPoll: number

  /** `makeTimer` gives each pollable a timer of its own; `busyPoll`: microseconds without sleep after something came. */
  constructor(clock: Clock, makeTimer: () => HostTimer, busyPoll = 0) {
    this.clock = clock
    this.makeTimer = makeTimer
    this.busyPoll = busyPoll
  }

  attach(pollable: Pollable): ReactorHandle {
    return new NodeHandle(pollable, this.clock, this.makeTimer(), this.busyPoll)
  }
}

/** A microtask without the asynchronous resource that queueMicrotask makes for each; costs a third of it. */
const RESOLVED = Promise.resolve()

/**
 * Answers of an application that come in later ticks ask for polls of their own, each of which may bring more to answer:
 * after so many the loop gets its turn, whatever asks.
 */
const POLLS_IN_TURN = 8
/** Or after so many bytes, which the hardware takes in about half a millisecond. */
const OCTETS_IN_TURN = 4 * 1024 * 1024

/** Any interval keeps the loop alive; this one fires once in 24 days. */
const LONG = 0x7fff_ffff

class NodeHandle implements ReactorHandle {
  private readonly pollable: Pollable
  private readonly clock: Clock
  private readonly timer: HostTimer
  private readonly keeper = setInterval(() => {}, LONG)
  /** A poll is on its way, as a microtask or an immediate. */
  private requested = false
  private detached = false
  /** Polls asked for since the loop had its turn for certain, and the bytes that had gone through by then. */
  private inTurn = 0
  private octets = 0
  /** When the timer fires; NEVER: it is not armed. It is left to fire early rather than armed for each later deadline. */
  private armed = NEVER
  private readonly busyPoll: number
  /** Busy polling: when something came last, how much had come by then, and that the loop is kept awake. */
  private cameAt = Number.NEGATIVE_INFINITY
  private arrivals = 0
  private spinning = false

  constructor(pollable: Pollable, clock: Clock, timer: HostTimer, busyPoll: number) {
    this.pollable = pollable
    this.clock = clock
    this.timer = timer
    this.busyPoll = busyPoll
    timer.onExpire = () => {
      this.armed = NEVER
      this.requestPoll()
    }
  }

  requestPoll(): void {
    if (this.requested || this.detached) return
    this.requested = true
    const { octets = 0 } = this.pollable
    if (++this.inTurn <= POLLS_IN_TURN && octets - this.octets < OCTETS_IN_TURN) {
      RESOLVED.then(this.runAsTask)
      return
    }
    this.beginTurn()
  }

  /** The poll goes on when the loop has had its turn. */
  private beginTurn(): void {
    this.inTurn = 0
    this.octets = this.pollable.octets ?? 0
    setImmediate(this.run)
  }

  ref(): void {
    if (!this.detached) this.keeper.ref()
  }

  unref(): void {
    this.keeper.unref()
  }

  detach(): void {
    this.detached = true
    clearInterval(this.keeper)
    this.timer.close()
  }

  private readonly run = (): void => {
    this.requested = false
    if (this.detached) return
    let more = true
    try {
      more = this.pollable.poll()
    } finally {
      if (more) this.continueLater()
      this.armTimer()
      if (this.busyPoll > 0) this.stayAwake()
    }
  }

  /** A promise would swallow what is thrown. */
  private readonly runAsTask = (): void => {
    try {
      this.run()
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  private stayAwake(): void {
    const { arrivals = 0 } = this.pollable
    const now = this.clock.now()
    if (arrivals !== this.arrivals) {
      this.arrivals = arrivals
      this.cameAt = now
    }
    if (this.spinning || this.detached || now - this.cameAt >= this.busyPoll) return
    this.spinning = true
    setImmediate(this.spin)
  }

  private readonly spin = (): void => {
    this.spinning = false
    // A poll that is on its way looks for itself.
    if (this.requested) this.stayAwake()
    else this.run()
  }

  private continueLater(): void {
    if (this.requested || this.detached) return
    this.requested = true
    this.beginTurn()
  }

  private armTimer(): void {
    if (this.detached) return
    const deadline = this.pollable.nextDeadline()
    if (deadline >= this.armed) return
    const delay = deadline - this.clock.now()
    if (delay <= 0) {
      this.continueLater()
      return
    }
    this.armed = deadline
    this.timer.arm(Math.ceil(delay))
  }
}
