// The contract of a device, owned by the stack that needs it; `nic/` implements it. The stack never asks what a card
// can do: it hands down frames with offload requests, and takes frames with verdicts.

import type { MacAddress } from './base/mac-address.ts'
import type { Frame } from './buffer/frame.ts'

/** Frames that one poll takes from a device before others get their turn, unless the device says otherwise. */
export const POLL_BUDGET = 64

export interface Device {
  /** The name a person knows it by, as `pw0`. */
  readonly name: string
  readonly address: MacAddress
  /** Largest IP packet on the wire, bytes. A super-frame is larger; its segments are not. */
  readonly mtu: number
  /**
   * Largest IPv4 packet of a TCP super-frame, bytes: MAX_PACKET when absent, at most GSO_MAX_SIZE (Linux: gso_ipv4_max_size).
   * May go down and up.
   */
  readonly gsoMaxSize?: number
  /** Carrier: false while the interface is down or gone. */
  readonly up: boolean
  /**
   * Takes a frame for sending. True: the device owns it now. False: no room, the caller keeps it and tries again after
   * `onWritable`. A frame that was taken is never dropped silently: it is sent, or counted and its owner told.
   */
  transmit(frame: Frame): boolean
  /** True while `transmit` would take a super-frame. Asking before building saves building in vain. */
  readonly writable: boolean
  /** The doorbell: everything taken since the last one goes to the hardware in one go. */
  flush(): void
  /** Frames that a poll of the stack takes from it at most, 1 or more; POLL_BUDGET when absent. */
  readonly pollBudget?: number
  /**
   * Takes at most `budget` frames from the hardware and hands each to the receiver. Returns how many there were. `thorough`: it
   * matters now that none is left that could be taken; otherwise the device may leave what it will ring for again.
   */
  poll(budget: number, now: number, thorough: boolean): number
  /** The one receiver of this device. */
  attach(receiver: DeviceReceiver): void
}

/** What a device calls. `onFrame` comes within `poll` only; the others may come at any time outside of the stack's own calls, or within `flush`. */
export interface DeviceReceiver {
  /** The receiver owns the frame. */
  onFrame(frame: Frame, now: number): void
  /** Frames wait: the stack asks its host for a poll. */
  onReadable(): void
  /** Room again after `transmit` answered false. */
  onWritable(): void
  /** The carrier came or went. `gone`: the device was taken away for good. */
  onLink(up: boolean, gone: boolean): void
}
