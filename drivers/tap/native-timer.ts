// A host's timer with the grain of microseconds: the addon's timerfd in Node's event loop. Has the shape of the host's
// timer (drivers/host/timer.ts) and needs no TAP.

import type { NativeTimerHandle } from '../../native/index.ts'
import { errnoName } from '../../stack/base/errno.ts'
import { needAddon } from './addon.ts'

export class NativeTimer {
  readonly name = 'timerfd'
  /** Called once after each `arm`, at the time or later, from the event loop. What it throws is an uncaughtException. */
  onExpire: () => void = () => {}
  private readonly native: NativeTimerHandle

  /** Does not keep the process alive until `ref` is called. Throws TapError ENOADDON, or Error when out of descriptors. */
  constructor() {
    this.native = new (needAddon().Timer)()
    const error = this.native.open(() => this.onExpire())
    if (error < 0) throw new Error(`no timer can be made: ${errnoName(error)}`)
    this.native.keep(false)
  }

  /** Fires after `delay` microseconds (0 or less: in the next turn of the loop); a time that stood before is replaced. */
  arm(delay: number): void {
    this.native.arm(delay)
  }

  disarm(): void {
    this.native.disarm()
  }

  ref(): void {
    this.native.keep(true)
  }

  unref(): void {
    this.native.keep(false)
  }

  /** Idempotent; afterwards nothing fires. */
  close(): void {
    this.native.close()
  }
}
