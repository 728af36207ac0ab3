// A frame: one link-layer packet, as it goes down to a device or comes up from it. A header area with headroom in a
// page of its own, references to the pages of the payload, and what the frame asks the card to do, in the words of
// Linux and virtio-net. Frames are pooled; nothing on the way down or up allocates.

import type { Page } from './page.ts'
import type { PagePool } from './page-pool.ts'

/** The most page references of one frame: as Linux's MAX_SKB_FRAGS. */
export const MAX_REFS = 17
/** Bytes of a header page: room for the virtio-net header, Ethernet with a tag, IPv6 and TCP with all options. */
export const HEADER_PAGE = 256
/** The largest IP packet there is on a wire, and the largest whose length its IP header can tell: 64 KiB - 1. */
export const MAX_PACKET = 65535
/**
 * The largest IP packet that a super-frame may be where a device takes more than 64 KiB (BIG TCP; Linux's GSO_MAX_SIZE). Its
 * IPv4 header says a length of 0, as Linux 6.3 and later write and read it; its segments are ordinary ones.
 */
export const GSO_MAX_SIZE = 524_280

export const GSO_NONE = 0
export const GSO_TCPV4 = 1
export const GSO_UDP = 3
export const GSO_TCPV6 = 4
export const GSO_UDP_L4 = 5
/** IPv4: the segments have one and the same identification. A flag of ours that no hardware knows (SKB_GSO_TCP_FIXEDID). */
export const GSO_FIXED_ID = 0x40
export const GSO_ECN = 0x80

/** What a card found out about a received frame's transport checksum. */
export const CHECKSUM_NONE = 0
/** Verified by the card, or unfinished by design and trusted (NEEDS_CSUM): need not be looked at. */
export const CHECKSUM_UNNECESSARY = 1
/** Looked at and wrong: the transport drops and counts it. */
export const CHECKSUM_BAD = 2

/** Who is told when a frame that was handed to a device could not be sent. `errno` is positive. */
export interface FrameOwner {
  onTransmitError(errno: number): void
}

/**
 * Bytes [start, end) of `head` come first, then the refs in order. A frame that was received usually lies wholly in
 * `head` (its page then is a receive page) and has no refs. The frame owns one reference of `head` and of each ref's page.
 */
export class Frame {
  head!: Page
  start = 0
  end = 0
  readonly pages: Page[] = []
  readonly offsets = new Int32Array(MAX_REFS)
  readonly lengths = new Int32Array(MAX_REFS)
  /** How many refs are in use. */
  refs = 0
  /** Bytes in the refs. */
  refBytes = 0

  /** Offset of the first summed byte from the frame's first byte, -1: no checksum is asked for (NEEDS_CSUM off). */
  csumStart = -1
  /** Offset of the checksum field from `csumStart`. */
  csumOffset = 0
  /** Payload bytes of each segment; 0: not a super-frame. */
  gsoSize = 0
  gsoType = GSO_NONE
  /** Offset of the network header from the frame's first byte. Set by the link layer on the way down, by ingress on the way up. */
  networkOffset = 0
  /** Offset of the transport header from the frame's first byte. Set with `networkOffset`. */
  transportOffset = 0
  /** On receive: CHECKSUM_NONE, CHECKSUM_UNNECESSARY or CHECKSUM_BAD. */
  checksum = CHECKSUM_NONE
  /** On receive: the one's complement sum of all bytes behind the Ethernet header, which the port has made; -1: it has not. */
  sum = -1
  /** On receive: how many segments on the wire this frame stands for, at least 1 (GSO and GRO frames: more). */
  segments = 1
  owner: FrameOwner | null = null
  /** The pool this frame returns to. */
  pool!: FramePool

  /** Bytes of the whole frame. */
  get length(): number {
    return this.end - this.start + this.refBytes
  }

  /** Bytes of the header area. */
  get headLength(): number {
    return this.end - this.start
  }

  /** Appends a reference; the frame takes over the caller's reference to the page. False when all refs are in use. */
  addRef(page: Page, offset: number, length: number): boolean {
    if (this.refs === MAX_REFS) return false
    this.pages[this.refs] = page
    this.offsets[this.refs] = offset
    this.lengths[this.refs] = length
    this.refs++
    this.refBytes += length
    return true
  }

  /** Takes `n` bytes of headroom in front; returns the new `start`. The caller has made sure that there is room. */
  push(n: number): number {
    this.start -= n
    return this.start
  }

  /** Lets go of all pages and returns the frame to its pool. */
  release(): void {
    for (let i = 0; i < this.refs; i++) this.pages[i].release()
    this.pool.recycle(this)
  }
}

/** Frames and their header pages. */
export class FramePool {
  /** Frames that are out: zero at the end of every test. */
  outstanding = 0
  private readonly free: Frame[] = []
  private readonly headers: PagePool

  constructor(headers: PagePool) {
    this.headers = headers
  }

  /**
   * A frame for sending: `start` = `end` = `headroom` in a header page of its own. Null when the header pages are at
   * their limit: the caller tries again when the device has sent.
   */
  allocate(headroom: number): Frame | null {
    const head = this.headers.allocate()
    if (!head) return null
    const frame = this.wrap(head, headroom, headroom)
    return frame
  }

  /** A frame over bytes [start, end) of a page; takes over the caller's reference to the page. */
  wrap(head: Page, start: number, end: number): Frame {
    let frame = this.free.pop()
    if (!frame) {
      frame = new Frame()
      frame.pool = this
    }
    this.outstanding++
    frame.head = head
    frame.start = start
    frame.end = end
    return frame
  }

  recycle(frame: Frame): void {
    frame.head.release()
    frame.refs = 0
    frame.refBytes = 0
    frame.csumStart = -1
    frame.csumOffset = 0
    frame.gsoSize = 0
    frame.gsoType = GSO_NONE
    frame.networkOffset = 0
    frame.transportOffset = 0
    frame.checksum = CHECKSUM_NONE
    frame.sum = -1
    frame.segments = 1
    frame.owner = null
    this.outstanding--
    this.free.push(frame)
  }
}
