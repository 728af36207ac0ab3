// The contract of a port, owned by the card that needs it; drivers implement and inject it: a TAP, a simulated wire,
// a capture, a fault injector. A port is the hardware: it has a ring, and capabilities, and no opinion.

import type { Frame, FramePool } from '../stack/buffer/frame.ts'
import type { Memory } from '../stack/buffer/page.ts'

/** What the port's hardware can do with a frame it is handed, and what it may hand up. */
export interface PortCapabilities {
  /** Finishes the checksum of a frame with `csumStart >= 0` (ethtool: tx-checksum-ip-generic). */
  txChecksum: boolean
  /** Gathers a frame from header area and refs. Without it only frames of one piece are taken. */
  scatterGather: boolean
  /** Segments TCP over IPv4 / over IPv6. */
  tso4: boolean
  tso6: boolean
  /** Segments TCP with CWR set as RFC 3168 wants. */
  tsoEcn: boolean
  /** Segments UDP (UDP_L4). */
  uso: boolean
  /**
   * Largest IPv4 packet of a TCP super-frame (`tso4`), bytes: 65535 when absent, at most GSO_MAX_SIZE. What is larger than 65535
   * says a length of 0 in its header (Linux's BIG TCP).
   */
  gsoMaxSize?: number
  /** Its driver sums frames in the pass that hands them to the hardware: software all the same, in fewer calls. */
  sumsOnPost?: boolean
  /** Can be told to hand up frames whose checksum is unfinished by design or verified. */
  rxChecksum: boolean
  /** Can be told to hand up TCP super-frames of up to 64 KiB. */
  rxGroHw: boolean
}

/** Sizes of the rings of a port, in descriptors. */
export interface PortRings {
  transmit: number
  receive: number
}

/** What the card tells the port to hand up: the changeable receive features. */
export interface PortReceiveOptions {
  rxChecksum: boolean
  /** Only with `rxChecksum`. */
  rxGroHw: boolean
}

export interface Port {
  readonly name: string
  readonly capabilities: Readonly<PortCapabilities>
  /** Largest IP packet on the wire, bytes. */
  readonly mtu: number
  readonly up: boolean
  /** The registry in which the pages of frames posted here must live. */
  readonly memory: Memory
  /** Descriptors in the transmit ring and how many are free. A frame takes 1 + refs. */
  readonly txRingSize: number
  readonly txRingFree: number
  /** Applies the receive features; false when the hardware refuses (the card then keeps what it had). */
  setReceiveOptions(options: PortReceiveOptions): boolean
  /** The rings as they are and the largest they can be; absent for a port whose rings cannot be changed. */
  readonly rings?: { readonly now: PortRings; readonly most: PortRings } | undefined
  /** Changes the rings' sizes, losing nothing. 0, or a positive errno: EINVAL (not this size), EBUSY (frames wait there now). */
  setRings?(sizes: PortRings): number
  /**
   * Puts a finished frame on the ring. False: no room; the card keeps it. The port then owns it until `onComplete`. With `sum`,
   * which only a port that `sumsOnPost` is asked for, the port finishes the frame's checksum with the processor when it walks the
   * burst: `csumStart` is -1 from then on. A page that cannot be read is the frame's EFAULT.
   */
  post(frame: Frame, sum?: boolean): boolean
  /** One call to the hardware for all that was posted. Completions may come from within it. */
  doorbell(): void
  /**
   * Takes at most `budget` frames from the hardware, each to `onFrame`. Returns how many. Unless `thorough` some may be left, of
   * which `onReadable` tells.
   */
  receive(budget: number, thorough?: boolean): number
  /** The one sink of this port, and the pool from which the port takes the frames that it hands up. */
  attach(sink: PortSink, frames: FramePool): void
  /** Frees the hardware. Frames still on the ring complete with ECANCELED-like errno ENODEV. Idempotent. */
  close(): void
  /** Hardware counters beyond the card's own, named as the driver names them; read on the cold path only. */
  readonly statistics: Readonly<Record<string, number>>
}

/** What a port calls. */
export interface PortSink {
  /**
   * A frame from the wire; the sink owns it. The port has set `csumStart`, `csumOffset`, `gsoSize`, `gsoType`, `segments`,
   * and `checksum` to CHECKSUM_UNNECESSARY where the hardware vouches for it.
   */
  onFrame(frame: Frame): void
  /** A posted frame is done; it is the sink's again, unchanged. `errno` is 0 or what the hardware answered (positive). */
  onComplete(frame: Frame, errno: number): void
  /** Frames wait to be received: the card asks for a poll. Called again only after a `receive` that took less than its budget. */
  onReadable(): void
  /** The ring, or what is behind it, has room again. */
  onWritable(): void
  /** The carrier came or went. `gone`: the hardware was taken away for good. */
  onLink(up: boolean, gone: boolean): void
}
