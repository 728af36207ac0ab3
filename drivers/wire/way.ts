// One way of a simulated wire: the bottleneck with its queue, loss, reordering, duplication, corruption, propagation.
// Owns the frames that are on their way and nothing of the ports. Every chance has a stream of its own, so that
// switching one on does not shift another.

import type { Random } from '../../stack/base/environment.ts'
import type { Page } from '../../stack/buffer/page.ts'
import { type FrameImage, finishChecksum, imageBytes, isSegmentable, segmentImage } from './frame-image.ts'
import type { Simulation } from './simulation.ts'
import type { Chance, WaySettings } from './wire-options.ts'

/** What happened on one way, in frames (and bytes where it says so). */
export interface WayStatistics {
  sent: number
  sentBytes: number
  delivered: number
  lost: number
  queueDropped: number
  reordered: number
  duplicated: number
  corrupted: number
  /** The longest the queue has been. */
  queueHighest: number
}

/** Takes images from one port and gives them to another. */
export class Way {
  readonly statistics: WayStatistics = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    lost: 0,
    queueDropped: 0,
    reordered: 0,
    duplicated: 0,
    corrupted: 0,
    queueHighest: 0,
  }
  settings: WaySettings
  private readonly simulation: Simulation
  private readonly deliver: (image: FrameImage) => void
  private readonly allocate: (length: number) => Page | null
  private readonly lossRandom: Random
  private readonly reorderRandom: Random
  private readonly duplicateRandom: Random
  private readonly corruptRandom: Random
  private readonly travelling = new Set<FrameImage>()
  /** When each frame of the bottleneck's queue begins to leave, and its bytes. */
  private readonly waiting: { leaves: number; bytes: number }[] = []
  private waitingBytes = 0
  private busyUntil = 0
  private index = 0

  constructor(
    simulation: Simulation,
    settings: WaySettings,
    random: Random,
    to: { deliver(image: FrameImage): void; allocate(length: number): Page | null },
  ) {
    this.simulation = simulation
    this.settings = settings
    this.deliver = (image) => to.deliver(image)
    this.allocate = (length) => to.allocate(length)
    this.lossRandom = random.fork('loss')
    this.reorderRandom = random.fork('reorder')
    this.duplicateRandom = random.fork('duplicate')
    this.corruptRandom = random.fork('corrupt')
  }

  /** Frames between the ports now. */
  get inFlight(): number {
    return this.travelling.size
  }

  /** Takes the image; its page reaches `deliver` or is released. */
  send(image: FrameImage): void {
    const { statistics, settings } = this
    const index = this.index++
    statistics.sent++
    statistics.sentBytes += image.length
    const departure = this.departure(image.length)
    if (departure < 0) {
      statistics.queueDropped++
      image.page.release()
      return
    }
    if (this.happens(settings.loss, this.lossRandom, image, index)) {
      statistics.lost++
      image.page.release()
      return
    }
    let arrival = departure + settings.delay
    if (this.happens(settings.reorder, this.reorderRandom, image, index)) {
      statistics.reordered++
      arrival += settings.reorderDelay
    }
    if (this.happens(settings.duplicate, this.duplicateRandom, image, index)) this.duplicate(image, arrival + 1)
    if (this.happens(settings.corrupt, this.corruptRandom, image, index)) this.corrupt(image, arrival)
    else this.travel(image, arrival)
  }

  /** Everything on its way is lost. */
  clear(): void {
    this.statistics.lost += this.travelling.size
    for (const image of this.travelling) image.page.release()
    this.travelling.clear()
    this.waiting.length = 0
    this.waitingBytes = 0
    this.busyUntil = 0
  }

  private happens(chance: Chance, random: Random, image: FrameImage, index: number): boolean {
    if (typeof chance === 'function') return chance(imageBytes(image), index)
    return chance > 0 && random.uint32() < chance * 0x1_0000_0000
  }

  /** When the last bit of a frame is past the bottleneck; -1: the queue has no room. Microseconds, with fractions. */
  private departure(bytes: number): number {
    const { now } = this.simulation
    const { rate, queueFrames, queueBytes } = this.settings
    if (rate === Number.POSITIVE_INFINITY) return now
    while (this.waiting.length > 0 && this.waiting[0].leaves <= now) {
      this.waitingBytes -= (this.waiting.shift() as { bytes: number }).bytes
    }
    const leaves = Math.max(now, this.busyUntil)
    if (leaves > now) {
      if (this.waiting.length + 1 > queueFrames || this.waitingBytes + bytes > queueBytes) return -1
      this.waiting.push({ leaves, bytes })
      this.waitingBytes += bytes
      this.statistics.queueHighest = Math.max(this.statistics.queueHighest, this.waiting.length)
    }
    this.busyUntil = leaves + (bytes * 8 * 1e6) / rate
    return this.busyUntil
  }

  private travel(image: FrameImage, arrival: number): void {
    this.travelling.add(image)
    this.simulation.at(arrival, () => {
      if (!this.travelling.delete(image)) return
      this.statistics.delivered++
      this.deliver(image)
    })
  }

  private duplicate(image: FrameImage, arrival: number): void {
    const page = this.allocate(image.length)
    if (!page) return
    page.bytes.set(image.page.bytes.subarray(0, Math.min(page.length, image.page.length)))
    this.statistics.duplicated++
    this.travel({ ...image, page }, arrival)
  }

  /** Flips one bit of one frame as it would be on a real wire: what was left to the hardware is finished first. */
  private corrupt(image: FrameImage, arrival: number): void {
    this.statistics.corrupted++
    const frames = isSegmentable(image) ? segmentImage(image, this.allocate) : [image]
    for (const frame of frames) finishChecksum(frame)
    const bytes = imageBytes(frames[this.corruptRandom.below(frames.length)])
    const bit = this.corruptRandom.below((bytes.length - 14) * 8 || 1)
    bytes[14 + (bit >>> 3)] ^= 1 << (bit & 7)
    for (const frame of frames) this.travel(frame, arrival)
  }
}
