// The one timer of a host, behind which all deadlines of its stack stand. The contract, and the form that is always at
// hand: Node's setTimeout, whose grain is a millisecond, too coarse for pacing but never wrong. A finer one (the
// addon's timerfd) is injected by `createHost`. A timer never keeps the process alive; sockets and servers do.

export interface HostTimer {
  /** What a person sees: `timerfd` or `setTimeout`. */
  readonly name: string
  /** Called once after each `arm`, at the time or later, from the event loop. */
  onExpire: () => void
  /** Fires after `delay` microseconds (0 or more); a time that stood before is replaced. */
  arm(delay: number): void
  close(): void
}

/** The longest delay that setTimeout takes. A timer that fires early is armed anew by its owner. */
const LONGEST = 0x7fff_ffff

export class NodeTimer implements HostTimer {
  readonly name = 'setTimeout'
  onExpire: () => void = () => {}
  private timer: NodeJS.Timeout | null = null
  private readonly expire = () => {
    this.timer = null
    this.onExpire()
  }

  arm(delay: number): void {
    this.close()
    // setTimeout counts whole milliseconds from the start of the loop's turn: rounding up never fires early.
    const milliseconds = Math.min(Math.ceil(delay / 1000), LONGEST)
    this.timer = setTimeout(this.expire, milliseconds)
    this.timer.unref()
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
  }
}
