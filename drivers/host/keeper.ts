// What keeps the process alive, counted as in Node: each open server, socket and pending connect holds it unless it was
// unref'd. A host with a card but nothing open does not. Closed connections whose bytes are still on their way hold it
// too (a kernel would go on sending them after the process; here the process is the kernel).

import type { ReactorHandle } from '../reactor.ts'

export class Keeper {
  private holders = 0
  private lingering = false
  private held = false
  private readonly handle: ReactorHandle

  constructor(handle: ReactorHandle) {
    this.handle = handle
    handle.unref()
  }

  /** True while something that was not unref'd is open. */
  get open(): boolean {
    return this.holders > 0
  }

  hold(): void {
    this.holders++
    this.update()
  }

  drop(): void {
    this.holders--
    this.update()
  }

  /** Whether bytes of closed connections are still to be sent. Looked at only while nothing is open. */
  linger(lingering: boolean): void {
    this.lingering = lingering
    this.update()
  }

  private update(): void {
    const hold = this.holders > 0 || this.lingering
    if (hold === this.held) return
    this.held = hold
    if (hold) this.handle.ref()
    else this.handle.unref()
  }
}

/** One holder that can be ref'd, unref'd and let go, any number of times. */
export class Hold {
  private readonly keeper: Keeper
  private wanted = true
  private active = false

  constructor(keeper: Keeper) {
    this.keeper = keeper
  }

  /** The thing is open: it counts as long as it is ref'd. */
  start(): void {
    this.set(true, this.wanted)
  }

  /** The thing is closed. */
  stop(): void {
    this.set(false, this.wanted)
  }

  ref(): void {
    this.set(this.active, true)
  }

  unref(): void {
    this.set(this.active, false)
  }

  private set(active: boolean, wanted: boolean): void {
    const held = this.active && this.wanted
    const holds = active && wanted
    this.active = active
    this.wanted = wanted
    if (holds === held) return
    if (holds) this.keeper.hold()
    else this.keeper.drop()
  }
}
