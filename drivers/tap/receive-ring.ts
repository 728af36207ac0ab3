// The receive ring: pages that wait to be filled, one descriptor each. It is always filled from its first slot on, and a
// page that was used is replaced by the one that came back to the pool last: what the kernel writes to is warm in the
// cache. Owns the pages between posting and `take`. Reads beyond a page's end cannot happen: a page holds the largest frame.
// Without the virtio-net header that is one of the MTU, and pages are as small: close together they stay in the cache, and
// TCP keeps what it would have to copy out of a page of 64 KiB.

import { DESCRIPTOR_CHECKSUM, DESCRIPTOR_WORDS, type NativeTap } from '../../native/index.ts'
import type { Memory, Page, Region } from '../../stack/buffer/page.ts'
import { PagePool } from '../../stack/buffer/page-pool.ts'
import { VIRTIO_HEADER } from './virtio-header.ts'

const ETHERNET_HEADER = 14
/**
 * Bytes of a receive page. The largest frame is 10 + 18 + 65535: virtio-net header, Ethernet with a VLAN tag, IP. The
 * Ethernet header begins at byte 10, so that the IP header behind it stands at a multiple of 4.
 */
export const RECEIVE_PAGE = 65600

/** Behind the first bytes of a page: Ethernet header and two VLAN tags, which the MTU does not count. */
const LINK_BYTES = 22
/** Small pages are slices of so many, and as many more of them may be out. */
const SMALL_SLAB = 64
const SMALL_FACTOR = 16

/** The pages of one port. Tells when a page comes back after there was none. */
class ReceivePool extends PagePool {
  onRoom: (() => void) | null = null

  override recycle(page: Page): void {
    super.recycle(page)
    this.tell()
  }

  override surrender(page: Page): Uint8Array {
    const bytes = super.surrender(page)
    this.tell()
    return bytes
  }

  private tell(): void {
    const { onRoom } = this
    this.onRoom = null
    onRoom?.()
  }
}

export class ReceiveRing {
  size: number
  region: Region
  /** Where in a page a read begins, and where the Ethernet header then is. */
  readonly readOffset: number
  pool: ReceivePool
  /** Whether the addon sums what it reads, behind the Ethernet header: when nobody else vouches for a checksum. */
  sums = true
  private readonly native: NativeTap
  private readonly memory: Memory
  private descriptors: Int32Array
  private statuses: Int32Array
  private pages: (Page | null)[]
  /** What a descriptor says to have its bytes summed. */
  private readonly request: number
  private readonly limit: number
  private readonly vnetHeader: boolean
  private closed = false

  /** `limit`: the most pages that may be out at a time, those that wait in the ring among them. */
  constructor(native: NativeTap, memory: Memory, size: number, limit: number, vnetHeader: boolean, mtu: number) {
    this.native = native
    this.memory = memory
    this.size = size
    this.readOffset = vnetHeader ? 0 : VIRTIO_HEADER
    this.request = DESCRIPTOR_CHECKSUM | ((ETHERNET_HEADER + VIRTIO_HEADER - this.readOffset) << 16)
    this.limit = limit
    this.vnetHeader = vnetHeader
    this.pool = this.makePool(mtu)
    this.region = memory.allocate(size * (DESCRIPTOR_WORDS + 1) * 4)
    this.descriptors = new Int32Array(this.region.buffer, 0, size * DESCRIPTOR_WORDS)
    this.statuses = new Int32Array(this.region.buffer, size * DESCRIPTOR_WORDS * 4, size)
    this.pages = new Array<Page | null>(size).fill(null)
  }

  /** Another size, a power of two. Pages that wait go back to the pool. The addon must be told of the new region. */
  resize(size: number): void {
    for (let slot = 0; slot < this.size; slot++) if (this.pages[slot]) this.take(slot).release()
    const region = this.memory.allocate(size * (DESCRIPTOR_WORDS + 1) * 4)
    this.memory.release(this.region)
    this.size = size
    this.region = region
    this.descriptors = new Int32Array(region.buffer, 0, size * DESCRIPTOR_WORDS)
    this.statuses = new Int32Array(region.buffer, size * DESCRIPTOR_WORDS * 4, size)
    this.pages = new Array<Page | null>(size).fill(null)
  }

  /** Pages that are out, without those that wait in the ring. */
  get outstanding(): number {
    let waiting = 0
    for (const page of this.pages) if (page) waiting++
    return this.pool.outstanding - waiting
  }

  private makePool(mtu: number): ReceivePool {
    const { memory, limit } = this
    const pageSize = (VIRTIO_HEADER + LINK_BYTES + mtu + 63) & ~63
    if (this.vnetHeader || pageSize * 4 > RECEIVE_PAGE) {
      return new ReceivePool(memory, { pageSize: RECEIVE_PAGE, slab: 1, limit, detachable: true })
    }
    return new ReceivePool(memory, { pageSize, slab: SMALL_SLAB, limit: limit * SMALL_FACTOR })
  }

  /** Pages for frames that the old ones cannot hold. Those that are out come back to their own pool. */
  private grow(mtu: number): void {
    for (let slot = 0; slot < this.size; slot++) if (this.pages[slot]) this.take(slot).release()
    this.pool.close()
    this.pool = this.makePool(mtu)
  }

  /** Posts pages for frames of the MTU so that `wanted` wait. Returns how many do: fewer when the pool is at its limit. */
  fill(wanted: number, mtu: number): number {
    const { pageSize } = this.pool
    if (pageSize < RECEIVE_PAGE && pageSize < VIRTIO_HEADER + LINK_BYTES + mtu) this.grow(mtu)
    const { pages, descriptors } = this
    for (let slot = 0; slot < wanted; slot++) {
      if (pages[slot]) continue
      const page = this.pool.allocate()
      if (!page) return slot
      pages[slot] = page
      const at = slot * DESCRIPTOR_WORDS
      descriptors[at] = page.region
      descriptors[at + 1] = page.regionOffset + this.readOffset
      descriptors[at + 2] = page.length - this.readOffset
      descriptors[at + 3] = this.sums ? this.request : 0
    }
    return wanted
  }

  /** One native call. Returns how many slots, from the first on, are completed, or a negative errno. */
  receive(posted: number): number {
    return this.native.receive(0, posted)
  }

  /** Takes a page that cannot be read into any more out of its slot: somebody detached its ArrayBuffer. */
  giveUp(slot: number): void {
    const page = this.take(slot)
    if (this.pool.detachable) this.pool.surrender(page)
    else page.release()
  }

  /** The completion of a slot: bytes read, or a negative errno. */
  status(slot: number): number {
    return this.statuses[slot]
  }

  /** The sum of a slot's frame behind its Ethernet header, -1: none. */
  sum(slot: number): number {
    const flags = this.descriptors[slot * DESCRIPTOR_WORDS + 3]
    return (flags & DESCRIPTOR_CHECKSUM) !== 0 ? flags >>> 16 : -1
  }

  /** Takes the page out of a slot; the caller owns it. */
  take(slot: number): Page {
    const page = this.pages[slot] as Page
    this.pages[slot] = null
    return page
  }

  /** Lets go of the pages that wait. Those that are out come back when their frames are released. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.pool.onRoom = null
    for (let slot = 0; slot < this.size; slot++) {
      if (this.pages[slot]) this.take(slot).release()
    }
    this.pool.close()
    this.memory.release(this.region)
  }
}
