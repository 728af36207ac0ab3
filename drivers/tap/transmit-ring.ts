// The transmit ring: frames become chains of descriptors in memory that the addon reads; their completions come back in
// order. Owns the frames between `post` and `take`. Knows nothing of the event loop or of what an error means.

import {
  DESCRIPTOR_CHECKSUM,
  DESCRIPTOR_NEXT,
  DESCRIPTOR_WORDS,
  MAX_PIECES,
  type NativeTap,
} from '../../native/index.ts'
import type { Frame } from '../../stack/buffer/frame.ts'
import type { Memory, Region } from '../../stack/buffer/page.ts'
import { emitVirtioHeader, VIRTIO_HEADER } from './virtio-header.ts'

const DESCRIPTOR_BYTES = DESCRIPTOR_WORDS * 4
const STATUS_BYTES = 4
/** Room for a virtio-net header that finds no headroom in its frame. */
const SPARE_BYTES = 12

export class TransmitRing {
  /** Descriptors, a power of two. */
  size: number
  region: Region
  /** Descriptors that are not in use. */
  free: number
  /** Frames posted and not yet taken back. */
  pending = 0
  /** What the addon said of the frame that `take` gave last: bytes written, or a negative errno. */
  status = 0
  private readonly native: NativeTap
  private readonly memory: Memory
  private readonly vnetHeader: boolean
  private descriptors: Int32Array
  private statuses: Int32Array
  private spare: DataView
  private spareOffset: number
  /** By the index of the frame's first descriptor. */
  private frames: (Frame | null)[]
  private pieces: Uint8Array
  /** The first descriptor of the oldest frame, and the next free one. */
  private head = 0
  private tail = 0

  constructor(native: NativeTap, memory: Memory, size: number, vnetHeader: boolean) {
    this.native = native
    this.memory = memory
    this.size = size
    this.free = size
    this.vnetHeader = vnetHeader
    this.spareOffset = size * (DESCRIPTOR_BYTES + STATUS_BYTES)
    this.region = memory.allocate(this.spareOffset + size * SPARE_BYTES)
    const { buffer } = this.region
    this.descriptors = new Int32Array(buffer, 0, size * DESCRIPTOR_WORDS)
    this.statuses = new Int32Array(buffer, size * DESCRIPTOR_BYTES, size)
    this.spare = new DataView(buffer, this.spareOffset, size * SPARE_BYTES)
    this.frames = new Array<Frame | null>(size).fill(null)
    this.pieces = new Uint8Array(size)
  }

  /** Another size, a power of two. Only while no frame is pending. The addon must be told of the new region. */
  resize(size: number): void {
    const fresh = new TransmitRing(this.native, this.memory, size, this.vnetHeader)
    this.memory.release(this.region)
    this.size = this.free = size
    this.region = fresh.region
    this.descriptors = fresh.descriptors
    this.statuses = fresh.statuses
    this.spare = fresh.spare
    this.spareOffset = fresh.spareOffset
    this.frames = fresh.frames
    this.pieces = fresh.pieces
    this.head = this.tail = 0
  }

  /** Puts a frame on the ring; with `sum` the addon finishes its checksum. False: no room; the caller keeps it. */
  post(frame: Frame, sum: boolean): boolean {
    const inHeadroom = this.vnetHeader && frame.start >= VIRTIO_HEADER && frame.head.touchable
    const inSpare = this.vnetHeader && !inHeadroom
    const pieces = (inSpare ? 2 : 1) + frame.refs
    if (pieces > this.free || pieces > MAX_PIECES) return false
    const first = this.tail
    let request = 0
    if (sum) {
      const before = inHeadroom ? VIRTIO_HEADER : 0
      request = DESCRIPTOR_CHECKSUM | (frame.csumOffset << 8) | ((frame.csumStart + before) << 16)
      frame.csumStart = -1
    }
    if (inSpare) {
      emitVirtioHeader(frame, this.spare, first * SPARE_BYTES)
      this.describe(this.region.id, this.spareOffset + first * SPARE_BYTES, VIRTIO_HEADER, DESCRIPTOR_NEXT)
    }
    const start = inHeadroom ? frame.start - VIRTIO_HEADER : frame.start
    if (inHeadroom) emitVirtioHeader(frame, frame.head.view, start)
    const { head, refs } = frame
    this.describe(head.region, head.regionOffset + start, frame.end - start, request | (refs > 0 ? DESCRIPTOR_NEXT : 0))
    for (let i = 0; i < refs; i++) {
      const page = frame.pages[i]
      this.describe(
        page.region,
        page.regionOffset + frame.offsets[i],
        frame.lengths[i],
        i + 1 < refs ? DESCRIPTOR_NEXT : 0,
      )
    }
    this.frames[first] = frame
    this.pieces[first] = pieces
    this.free -= pieces
    this.pending++
    return true
  }

  /** One native call for all that is posted. Returns how many frames are completed, or a negative errno. */
  transmit(): number {
    return this.native.transmit(this.head, this.pending)
  }

  /** Takes the oldest frame off the ring; its completion is in `status`. */
  take(): Frame {
    const first = this.head
    const frame = this.frames[first] as Frame
    this.status = this.statuses[first]
    this.frames[first] = null
    this.head = (first + this.pieces[first]) & (this.size - 1)
    this.free += this.pieces[first]
    this.pending--
    return frame
  }

  /** Takes the ring out of the registry. No frame is pending any more. */
  close(): void {
    this.memory.release(this.region)
  }

  private describe(region: number, offset: number, length: number, flags: number): void {
    const at = this.tail * DESCRIPTOR_WORDS
    this.descriptors[at] = region
    this.descriptors[at + 1] = offset
    this.descriptors[at + 2] = length
    this.descriptors[at + 3] = flags
    this.tail = (this.tail + 1) & (this.size - 1)
  }
}
