// How large a super-frame the port is handed (Linux: gso_ipv4_max_size of a device). Owns three numbers: what the port says it can
// take, what was asked for, and what it was lowered to when the port refused one in fact. Above MAX_PACKET a super-frame is BIG TCP
// over IPv4: its header says a length of 0.

import { EINVAL } from '../stack/base/errno.ts'
import { GSO_MAX_SIZE, MAX_PACKET } from '../stack/buffer/frame.ts'

/** A packet of the smallest MTU that IPv4 allows to be counted on (RFC 791). */
const LEAST = 576
/** A quarter of a MiB of payload in whole segments of any usual MTU, with headers: pieces of powers of two leave no small rest. */
const USUAL = 262_144 + 2048

export class GsoSize {
  /** The largest that can be asked for: Linux's tso_max_size. */
  readonly most: number
  /** Largest IPv4 packet of a TCP super-frame that the port is handed, bytes. */
  now: number

  /** `port`: what the port says; undefined: 65535. */
  constructor(port: number | undefined) {
    this.most = Math.min(Math.max(port ?? MAX_PACKET, MAX_PACKET), GSO_MAX_SIZE)
    this.now = Math.min(this.most, USUAL)
  }

  /** 0, or EINVAL for what is below 576 or above `most`. */
  set(bytes: number): number {
    if (!Number.isInteger(bytes) || bytes < LEAST || bytes > this.most) return EINVAL
    this.now = bytes
    return 0
  }

  /**
   * The port refused a packet of so many bytes, more than MAX_PACKET, by itself: `forNow` when it only lacked memory in one piece.
   * Then half of it may do; else nothing above MAX_PACKET ever will.
   */
  lower(bytes: number, forNow: boolean): void {
    const next = forNow ? Math.max(bytes >> 1, MAX_PACKET) : MAX_PACKET
    this.now = Math.min(this.now, next)
  }
}
