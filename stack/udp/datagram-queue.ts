// The datagrams that came and were not yet taken by one endpoint, within a bound in bytes. Small ones are copied
// together into shared pages; a large one keeps the page it arrived in. Owns the references of its pages.

import { EAGAIN } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { Page } from '../buffer/page.ts'
import { PageFiller } from '../buffer/page-filler.ts'
import type { PagePool } from '../buffer/page-pool.ts'
import { copyOut } from '../network/frame-bytes.ts'
import type { UdpDatagram } from './contract.ts'

/**
 * A datagram that fills less than this share of the page it came in is copied, so that a page is never held for little.
 */
const SHARE = 4
/** What a datagram is charged beside its bytes, so that empty ones are bounded too. */
const OVERHEAD = 256

/** A place in the ring, used again and again. */
interface Place {
  page: Page | null
  offset: number
  length: number
  source: IpAddress
  sourcePort: number
  destination: IpAddress
}

export class DatagramQueue {
  /** SO_RCVBUF: the most that may be charged at a time; a single datagram always fits. */
  limit: number
  count = 0
  private readonly filler: PageFiller
  private places: Place[] = []
  private head = 0
  private charged = 0

  constructor(pages: PagePool, limit: number) {
    this.filler = new PageFiller(pages)
    this.limit = limit
  }

  /** Bytes of all datagrams. */
  get bytes(): number {
    return this.charged - this.count * OVERHEAD
  }

  /**
   * Takes a copy of, or a reference to, the `length` bytes of the frame from `from` on; the frame stays the caller's.
   * False: no room for it.
   */
  push(
    frame: Frame,
    from: number,
    length: number,
    source: IpAddress,
    sourcePort: number,
    destination: IpAddress,
  ): boolean {
    if (this.count > 0 && this.charged + length + OVERHEAD > this.limit) return false
    const whole = frame.refs === 0 && length * SHARE >= frame.head.length
    const page = whole ? frame.head.retain() : this.filler.take(length)
    if (page === null) return false
    const offset = whole ? frame.start + from : this.filler.offset
    if (!whole && !copyOut(frame, from, length, page.bytes, offset)) {
      page.release()
      return false
    }
    const place = this.nextPlace(source)
    place.page = page
    place.offset = offset
    place.length = length
    place.source = source
    place.sourcePort = sourcePort
    place.destination = destination
    this.count++
    this.charged += length + OVERHEAD
    return true
  }

  /**
   * The oldest datagram, whose page reference is the caller's now: its length, which may be 0, or -EAGAIN when there is
   * none.
   */
  shift(out: UdpDatagram): number {
    if (this.count === 0) return -EAGAIN
    const place = this.places[this.head]
    out.page = place.page as Page
    out.offset = place.offset
    out.length = place.length
    out.source = place.source
    out.sourcePort = place.sourcePort
    out.destination = place.destination
    place.page = null
    this.head = (this.head + 1) % this.places.length
    this.count--
    this.charged -= place.length + OVERHEAD
    if (this.count === 0) this.filler.close()
    return out.length
  }

  /** Lets go of all datagrams. */
  clear(): void {
    for (let i = 0; i < this.count; i++) {
      const place = this.places[(this.head + i) % this.places.length]
      place.page?.release()
      place.page = null
    }
    this.count = 0
    this.charged = 0
    this.filler.close()
  }

  private nextPlace(some: IpAddress): Place {
    if (this.count === this.places.length) this.grow(some)
    return this.places[(this.head + this.count) % this.places.length]
  }

  private grow(some: IpAddress): void {
    const size = this.places.length
    const ordered: Place[] = []
    for (let i = 0; i < size; i++) ordered.push(this.places[(this.head + i) % size])
    for (let i = 0; i < Math.max(size, 4); i++) {
      ordered.push({ page: null, offset: 0, length: 0, source: some, sourcePort: 0, destination: some })
    }
    this.places = ordered
    this.head = 0
  }
}
