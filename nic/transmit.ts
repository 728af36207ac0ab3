// The transmit ladder: the only place where an offload is an `if`. A frame climbs down from what the stack asked for to
// what the port can do, one rung at a time: segmentation in software, one piece instead of many, the checksum in software,
// the ring. Owns the frames that were taken and are not on the ring yet: at most one super-frame in the middle of being cut and
// what the hardware handed back; so a full ring stops the cutting, not the order. Each rung is counted in frames and
// bytes; each byte copied or summed is counted where it happens.

import { EFAULT, EINVAL, EMSGSIZE, ENETDOWN } from '../stack/base/errno.ts'
import {
  type Frame,
  type FramePool,
  GSO_ECN,
  GSO_MAX_SIZE,
  GSO_TCPV4,
  GSO_TCPV6,
  GSO_UDP_L4,
  HEADER_PAGE,
  MAX_PACKET,
  MAX_REFS,
} from '../stack/buffer/frame.ts'
import { PagePool } from '../stack/buffer/page-pool.ts'
import { fold } from './checksum.ts'
import type { ChecksumEngine } from './checksum-engine.ts'
import type { NicCounters } from './counters.ts'
import { ETHERNET_HEADER } from './ethernet-packet.ts'
import { TSO, TSO_ECN, TSO6, USO } from './feature-names.ts'
import type { FeatureSet } from './features.ts'
import type { GsoSize } from './gso-size.ts'
import type { Port } from './port.ts'
import { copyHeader, headerLength, Segmenter } from './segmentation.ts'

/** No memory or no room now; the frame waits. Errors are positive errnos, 0 is done. */
const LATER = -1
const UDP_CHECKSUM = 6
const LINEAR_PAGES = 4096

export interface TransmitParts {
  readonly port: Port
  readonly frames: FramePool
  readonly engine: ChecksumEngine
  readonly features: FeatureSet
  readonly counters: NicCounters
  readonly gsoSize: GsoSize
  /** Tells the owner of a frame that the card could not send, and releases the frame. */
  readonly fail: (frame: Frame, errno: number) => void
}

export class TransmitSide {
  /** Frames put on the ring since the last doorbell. */
  posted = 0
  private readonly port: Port
  private readonly frames: FramePool
  private readonly engine: ChecksumEngine
  private readonly features: FeatureSet
  private readonly counters: NicCounters
  private readonly gsoSize: GsoSize
  /** The port finishes checksums itself, in the pass over its burst. */
  private readonly sumsOnPost: boolean
  private readonly fail: (frame: Frame, errno: number) => void
  /** Pages of one frame of the MTU each. */
  private linear: PagePool
  private readonly segmenter = new Segmenter()
  /** Taken and not on the ring yet: slots `first` to `last` - 1, oldest first. Never shrinks, so that it never allocates twice. */
  private readonly waiting: Frame[] = []
  private first = 0
  private last = 0
  /** A segment that was cut and found no room. */
  private held: Frame | null = null

  constructor(parts: TransmitParts) {
    this.port = parts.port
    this.frames = parts.frames
    this.engine = parts.engine
    this.features = parts.features
    this.counters = parts.counters
    this.fail = parts.fail
    this.gsoSize = parts.gsoSize
    this.sumsOnPost = parts.port.capabilities.sumsOnPost === true
    this.linear = this.linearPages(HEADER_PAGE + ETHERNET_HEADER + 4 + parts.port.mtu)
  }

  /** Frames were taken that are not on the ring yet. */
  get backlog(): boolean {
    return this.first < this.last
  }

  /** Whether the ring has room for any frame: the largest takes a descriptor for its headers and one for each ref. */
  get room(): boolean {
    return this.port.txRingFree >= (this.features.scatterGather ? 1 + MAX_REFS : 1)
  }

  /** Takes a frame, or answers false while there is a backlog or no room on the ring. */
  take(frame: Frame): boolean {
    if (this.first < this.last || !this.room) return false
    const errno = this.descend(frame)
    if (errno === LATER) this.takeBack(frame)
    else if (errno > 0) this.drop(frame, errno)
    return true
  }

  /** Takes a frame that the hardware handed back; it goes down the ladder again behind whatever waits. */
  takeBack(frame: Frame): void {
    this.waiting[this.last++] = frame
  }

  /** Moves what waits to the ring until that is full, memory is short, or `limit` frames are for the next doorbell. */
  pump(limit: number): void {
    while (this.first < this.last && this.posted < limit) {
      const frame = this.waiting[this.first]
      const errno = this.segmenter.frame === null ? this.descend(frame) : this.cut()
      if (errno === LATER) return
      this.first++
      if (this.first === this.last) this.first = this.last = 0
      if (errno > 0) this.drop(frame, errno)
    }
  }

  /** Gives up all that waits: the device is gone. */
  abandon(errno: number): void {
    const frames = this.waiting.slice(this.first, this.last)
    if (this.held) frames.unshift(this.held)
    this.held = null
    this.segmenter.end()
    this.first = this.last = 0
    for (const frame of frames) this.drop(frame, errno)
  }

  close(): void {
    this.linear.close()
  }

  /** The features that a refused super-frame puts in doubt. */
  doubtful(frame: Frame): number {
    if (frame.gsoType & GSO_ECN) return TSO_ECN
    const type = frame.gsoType & ~GSO_ECN
    return type === GSO_TCPV4 ? TSO : type === GSO_TCPV6 ? TSO6 : USO
  }

  /** A whole frame from the top of the ladder. 0: the frame is gone; LATER; or an errno and the frame is the caller's. */
  private descend(frame: Frame): number {
    if (!this.port.up) {
      this.counters.tx_carrier_errors++
      return ENETDOWN
    }
    const errno = this.check(frame)
    if (errno !== 0) return errno
    if (frame.gsoSize === 0 || this.portSegments(frame)) return this.send(frame)
    if (!this.segmenter.begin(frame)) {
      this.counters.tx_malformed++
      return EINVAL
    }
    return this.cut()
  }

  /** Whether the frame may go out at all. Clears a segmentation request that asks for one segment. */
  private check(frame: Frame): number {
    const { counters } = this
    const link = Math.max(frame.networkOffset, ETHERNET_HEADER)
    let packet = frame.length - link
    if (frame.csumStart >= 0 && frame.csumStart + frame.csumOffset + 2 > frame.headLength) {
      counters.tx_malformed++
      return EINVAL
    }
    if (frame.gsoSize > 0) {
      const headers = headerLength(frame)
      if (headers < 0 || packet > largestPacket(frame)) {
        counters.tx_malformed++
        return EINVAL
      }
      if (frame.length - headers > frame.gsoSize) packet = headers - link + frame.gsoSize
      else frame.gsoSize = frame.gsoType = 0
    }
    if (packet <= this.port.mtu) return 0
    counters.tx_oversize++
    return EMSGSIZE
  }

  /** Rung 1: does the port cut this super-frame? */
  private portSegments(frame: Frame): boolean {
    const { features } = this
    const type = frame.gsoType & ~GSO_ECN
    if (frame.gsoType & GSO_ECN && !features.tsoEcn) return false
    if (type === GSO_TCPV4) return features.tso4 && frame.length - frame.networkOffset <= this.gsoSize.now
    if (type === GSO_TCPV6) return features.tso6
    // Without scatter-gather a super-frame would have to be copied into one piece of 64 KiB: cutting it is cheaper.
    return type === GSO_UDP_L4 && features.uso && features.scatterGather
  }

  /** Software segmentation, as far as the ring takes it. 0: the super-frame is all on the ring and released. */
  private cut(): number {
    const { segmenter } = this
    for (;;) {
      const segment = this.held ?? this.nextSegment()
      this.held = null
      if (!segment) break
      const errno = this.send(segment)
      if (errno === LATER) {
        this.held = segment
        return LATER
      }
      if (errno > 0) this.drop(segment, errno)
    }
    if (segmenter.left > 0) return LATER
    this.countCut()
    const frame = segmenter.frame as Frame
    segmenter.end()
    frame.release()
    return 0
  }

  private nextSegment(): Frame | null {
    const segment = this.segmenter.next(this.frames)
    if (segment) this.counters.tx_copied_header_bytes += segment.headLength
    return segment
  }

  private countCut(): void {
    const { counters, segmenter } = this
    const frame = segmenter.frame as Frame
    if (this.features.gso) {
      counters.tx_gso_sw_frames++
      counters.tx_gso_sw_bytes += frame.length
      counters.tx_gso_sw_segments += segmenter.count
    } else {
      counters.tx_nogso_frames++
      counters.tx_nogso_bytes += frame.length
      counters.tx_nogso_segments += segmenter.count
    }
  }

  /** Rungs 2 to 4 for a frame that is segmented or need not be. 0: on the ring; LATER; or an errno. */
  private send(frame: Frame): number {
    const { features, port } = this
    const pieces = features.scatterGather ? 1 + frame.refs : 1
    if (port.txRingFree < pieces) return LATER
    if (frame.refs > 0 && !features.scatterGather) {
      const errno = this.linearize(frame)
      if (errno !== 0) return errno
    }
    const sums = frame.csumStart >= 0 && !features.txChecksum
    const passes = sums && this.sumsOnPost
    if (sums && !passes) {
      const errno = this.finishChecksum(frame, this.engine.sumFrame(frame, frame.csumStart), frame.length)
      if (errno !== 0) return errno
    }
    // Once it is posted the frame is the port's: what is left to the port is read off before.
    const { refs, csumStart, gsoSize, length } = frame
    if (!port.post(frame, passes)) {
      if (port.txRingFree < port.txRingSize) return LATER
      // An empty ring refuses it: it never will take it.
      this.counters.tx_malformed++
      return EINVAL
    }
    this.posted++
    if (passes) this.countSummed(length, csumStart)
    this.countHardware(refs, passes ? -1 : csumStart, gsoSize, length)
    return 0
  }

  private countHardware(refs: number, csumStart: number, gsoSize: number, bytes: number): void {
    const { counters } = this
    if (refs > 0) {
      counters.tx_sg_hw_frames++
      counters.tx_sg_hw_bytes += bytes
    }
    if (csumStart >= 0) {
      counters.tx_csum_hw_frames++
      counters.tx_csum_hw_bytes += bytes
    }
    if (gsoSize > 0) {
      counters.tx_gso_hw_frames++
      counters.tx_gso_hw_bytes += bytes
    }
  }

  /** Rung 2: the one copy, into a page of the card; the sum in the same pass when the checksum is ours too. */
  private linearize(frame: Frame): number {
    const { counters, engine } = this
    const { start, headLength, refBytes } = frame
    const bytes = headLength + refBytes
    if (start + bytes > this.linear.pageSize) {
      // The MTU grew since: the old pages go as they come back.
      this.linear.close()
      this.linear = this.linearPages(start + bytes)
    }
    const page = this.linear.allocate()
    if (!page) return LATER
    const sums = frame.csumStart >= 0 && frame.csumStart <= headLength && !this.features.txChecksum
    const sum = sums
      ? engine.copyAndSumRefs(frame, page.bytes, start + headLength)
      : engine.copyRefs(frame, page.bytes, start + headLength)
    if (sum < 0) {
      page.release()
      return EFAULT
    }
    copyHeader(frame.head.view, start, page.view, start, headLength)
    counters.tx_copied_bytes += refBytes
    counters.tx_copied_header_bytes += headLength
    counters.tx_linearized_frames++
    counters.tx_linearized_bytes += bytes
    for (let i = 0; i < frame.refs; i++) frame.pages[i].release()
    frame.refs = 0
    frame.refBytes = 0
    if (!sums) {
      this.replaceHead(frame, page, bytes)
      return 0
    }
    // The engine's sum begins at an even offset; the header's part may end at an odd one.
    this.replaceHead(frame, page, headLength)
    const header = engine.sumFrame(frame, frame.csumStart)
    const odd = (headLength - frame.csumStart) & 1
    const swapped = odd ? ((sum & 0xff) << 8) | (sum >>> 8) : sum
    frame.end += refBytes
    return this.finishChecksum(frame, header < 0 ? -1 : fold(header + swapped), bytes)
  }

  private linearPages(bytes: number): PagePool {
    return new PagePool(this.port.memory, { pageSize: (bytes + 63) & ~63, slab: 32, limit: LINEAR_PAGES })
  }

  private replaceHead(frame: Frame, page: Frame['head'], bytes: number): void {
    frame.head.release()
    frame.head = page
    frame.end = frame.start + bytes
  }

  /** Rung 3: writes the checksum. `sum` is that of everything from `csumStart` on, the pseudo-header's in the field. */
  private finishChecksum(frame: Frame, sum: number, bytes: number): number {
    if (sum < 0) return EFAULT
    this.countSummed(bytes, frame.csumStart)
    const checksum = ~sum & 0xffff
    // RFC 768: a computed zero is sent as all ones, since zero says that there is none.
    const written = checksum === 0 && frame.csumOffset === UDP_CHECKSUM ? 0xffff : checksum
    frame.head.view.setUint16(frame.start + frame.csumStart + frame.csumOffset, written)
    frame.csumStart = -1
    return 0
  }

  private countSummed(bytes: number, csumStart: number): void {
    const { counters } = this
    counters.tx_summed_bytes += bytes - csumStart
    counters.tx_csum_sw_frames++
    counters.tx_csum_sw_bytes += bytes
  }

  private drop(frame: Frame, errno: number): void {
    this.counters.tx_dropped++
    this.fail(frame, errno)
  }
}

/** BIG TCP is for TCP over IPv4; any other packet says its length. */
function largestPacket(frame: Frame): number {
  return (frame.gsoType & ~GSO_ECN) === GSO_TCPV4 ? GSO_MAX_SIZE : MAX_PACKET
}
