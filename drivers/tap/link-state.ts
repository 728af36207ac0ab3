// The carrier, the MTU and the end of one interface, from the kernel's link messages. Where it gives none (no netlink), the
// state is what the port's writes say.

import {
  type Addon,
  LINK_CARRIER,
  LINK_GONE,
  LINK_UP,
  type NativeInterfaceInfo,
  type NativeLinkWatch,
} from '../../native/index.ts'

const IFF_UP = 0x1

export class LinkState {
  up: boolean
  /** Bytes. */
  mtu: number
  /** The interface was deleted. */
  gone = false
  /** `up` or `gone` changed. */
  onChange: (() => void) | null = null
  private watch: NativeLinkWatch | null = null

  constructor(addon: Addon, info: NativeInterfaceInfo) {
    this.up = (info.flags & IFF_UP) !== 0
    this.mtu = info.mtu
    const watch = new addon.LinkWatch()
    if (watch.open(info.index, (state) => this.take(state)) < 0) return
    watch.keep(false)
    const state = watch.refresh()
    if (state < 0) {
      watch.close()
      return
    }
    this.watch = watch
    this.take(state)
  }

  /** Asks the kernel now; `onChange` comes from within. */
  refresh(): void {
    if (this.watch) this.take(this.watch.refresh())
  }

  /** A write was answered EIO: the interface is down, unless it came up again in the meantime. */
  onWriteRefused(): void {
    if (this.watch) this.refresh()
    else this.set(false)
  }

  onWriteTaken(): void {
    if (!this.up && !this.watch) this.set(true)
  }

  onGone(): void {
    if (this.gone) return
    this.gone = true
    this.up = false
    this.close()
    this.onChange?.()
  }

  /** Idempotent. */
  close(): void {
    this.watch?.close()
  }

  private take(state: number): void {
    if (state < 0 || this.gone) return
    if ((state & LINK_GONE) !== 0) {
      this.onGone()
      return
    }
    if (this.watch && this.watch.mtu() > 0) this.mtu = this.watch.mtu()
    this.set((state & LINK_UP) !== 0 && (state & LINK_CARRIER) !== 0)
  }

  private set(up: boolean): void {
    if (up === this.up || this.gone) return
    this.up = up
    this.onChange?.()
  }
}
