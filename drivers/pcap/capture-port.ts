// A port that can record what passes it, in both directions, as pcapng. Captures start and stop while traffic runs, several
// at a time; while none runs a frame costs one comparison. A frame is recorded when the hardware has taken it (a frame
// that was refused was never on the wire) or has brought it. A super-frame is one packet, as in Linux. Checksums that
// are left to the hardware are finished in the copy, so that nobody sees a false "incorrect checksum".

import { TypeScriptChecksum } from '../../nic/checksum.ts'
import type { ChecksumEngine } from '../../nic/checksum-engine.ts'
import { HiddenTail } from '../../nic/hidden-tail.ts'
import type { Port } from '../../nic/port.ts'
import type { Clock } from '../../stack/base/environment.ts'
import type { Frame } from '../../stack/buffer/frame.ts'
import { WrappedPort } from '../wrapped-port.ts'
import {
  type CaptureStatistics,
  DIRECTION_INBOUND,
  DIRECTION_OUTBOUND,
  enhancedPacket,
  interfaceDescription,
  interfaceStatistics,
  PACKET_OFFSET,
  sectionHeader,
} from './blocks.ts'

/** Where a capture goes: a Node Writable will do. Each call gets whole blocks in bytes of their own. */
export interface CaptureSink {
  write(bytes: Uint8Array): unknown
  /** Bytes that wait to be written, where the sink has a queue. */
  readonly writableLength?: number
}

export interface CaptureOptions {
  /** Where a packet's time comes from. */
  clock: Clock
  /** Microseconds to add to the clock to get those since 1970. Default 0: a simulation's capture begins in 1970. */
  epochOffset?: number
  /** The most bytes of a packet that are recorded. Default: all, up to 262144: what Wireshark and libpcap take for a packet at all. */
  snapLength?: number
  /** The interface's name in the file. Default: the port's. */
  name?: string
  /** Called with each frame; false leaves it out. It must not change the frame. */
  filter?: (frame: Frame, direction: 'in' | 'out') => boolean
  /** Reads pages that only native code may touch. Default: the TypeScript engine, which records their headers only. */
  engine?: ChecksumEngine
  /** Packets are left out, and counted, while more than this many bytes wait in the sink. Default 64 MiB. */
  queueLimit?: number
  /** The sink threw: the capture has ended. */
  onError?: (error: unknown) => void
}

const LONGEST = 262_144
const DEFAULT_QUEUE = 64 * 1024 * 1024
const UDP_CHECKSUM = 6

export class CapturePort extends WrappedPort {
  private sessions: CaptureSession[] = []
  private readonly work: CaptureWork = { copied: 0, summed: 0 }

  /** With what the captures of this port copied and summed, which the card's own counters do not have. */
  override get statistics(): Readonly<Record<string, number>> {
    const { copied, summed } = this.work
    return { ...this.inner.statistics, capture_copied_bytes: copied, capture_summed_bytes: summed }
  }

  /**
   * Begins a capture. The function that it returns ends it: writes the statistics block and returns what it says;
   * calling it again only returns that. Throws what the sink throws at the first block. The sink is not closed.
   */
  start(sink: CaptureSink, options: CaptureOptions): () => CaptureStatistics {
    const session = new CaptureSession(sink, options, this.name, this.work)
    this.sessions = [...this.sessions, session]
    return () => {
      this.sessions = this.sessions.filter((other) => other !== session)
      return session.stop()
    }
  }

  /** How many captures run. */
  get captures(): number {
    return this.sessions.length
  }

  override onFrame(frame: Frame): void {
    if (this.sessions.length > 0) this.record(frame, DIRECTION_INBOUND)
    super.onFrame(frame)
  }

  override onComplete(frame: Frame, errno: number): void {
    if (errno === 0 && this.sessions.length > 0) this.record(frame, DIRECTION_OUTBOUND)
    super.onComplete(frame, errno)
  }

  /** Ends the captures and closes the port. */
  override close(): void {
    super.close()
    for (const session of this.sessions) session.stop()
    this.sessions = []
  }

  private record(frame: Frame, direction: number): void {
    for (const session of this.sessions) {
      if (!session.record(frame, direction)) this.sessions = this.sessions.filter((other) => other !== session)
    }
  }
}

/** Bytes that were copied to be recorded, headers too, and bytes that were summed. */
interface CaptureWork {
  copied: number
  summed: number
}

class CaptureSession {
  private readonly sink: CaptureSink
  private readonly options: CaptureOptions
  private readonly engine: ChecksumEngine
  private readonly epoch: number
  private readonly snapLength: number
  private readonly queueLimit: number
  private readonly statistics: CaptureStatistics
  private readonly work: CaptureWork
  private readonly tail = new HiddenTail()
  private stopped = false

  constructor(sink: CaptureSink, options: CaptureOptions, name: string, work: CaptureWork) {
    this.work = work
    this.sink = sink
    this.options = options
    this.engine = options.engine ?? new TypeScriptChecksum()
    this.epoch = options.epochOffset ?? 0
    this.snapLength = Math.min(options.snapLength || LONGEST, LONGEST)
    this.queueLimit = options.queueLimit ?? DEFAULT_QUEUE
    const start = this.time()
    this.statistics = { start, end: start, received: 0, dropped: 0, written: 0 }
    sink.write(sectionHeader('pagewire'))
    sink.write(interfaceDescription(options.name ?? name, options.snapLength ?? 0))
  }

  /** False when the sink failed: the capture has ended. */
  record(frame: Frame, direction: number): boolean {
    const { statistics, options } = this
    if (options.filter && !options.filter(frame, direction === DIRECTION_INBOUND ? 'in' : 'out')) return true
    statistics.received++
    if ((this.sink.writableLength ?? 0) > this.queueLimit) {
      statistics.dropped++
      return true
    }
    if (!this.write(this.block(frame, direction))) return false
    statistics.written++
    return true
  }

  stop(): CaptureStatistics {
    if (!this.stopped) {
      this.stopped = true
      this.statistics.end = this.time()
      this.write(interfaceStatistics(this.statistics))
    }
    return this.statistics
  }

  private time(): number {
    return this.options.clock.now() + this.epoch
  }

  private write(bytes: Uint8Array): boolean {
    try {
      this.sink.write(bytes)
      return true
    } catch (error) {
      this.stopped = true
      this.options.onError?.(error)
      return false
    }
  }

  private block(frame: Frame, direction: number): Uint8Array {
    const original = frame.length
    let captured = Math.min(original, this.snapLength)
    const inHead = Math.min(captured, frame.headLength)
    let bytes = enhancedPacket(this.time(), captured, original, direction)
    if (captured > inHead && !this.copyPayload(frame, bytes, original - captured)) {
      captured = inHead
      bytes = enhancedPacket(this.time(), captured, original, direction)
    }
    bytes.set(frame.head.bytes.subarray(frame.start, frame.start + inHead), PACKET_OFFSET)
    this.work.copied += captured
    if (frame.csumStart >= 0) this.finishChecksum(frame, bytes, captured)
    return bytes
  }

  private copyPayload(frame: Frame, bytes: Uint8Array, beyond: number): boolean {
    this.tail.hide(frame, beyond)
    const result = this.engine.copyRefs(frame, bytes, PACKET_OFFSET + frame.headLength)
    this.tail.restore(frame)
    return result >= 0
  }

  private finishChecksum(frame: Frame, bytes: Uint8Array, captured: number): void {
    const at = frame.csumStart + frame.csumOffset
    if (at + 2 > captured) return
    const sum = this.engine.sumFrame(frame, frame.csumStart)
    if (sum < 0) return
    this.work.summed += frame.length - frame.csumStart
    const checksum = ~sum & 0xffff
    const written = checksum === 0 && frame.csumOffset === UDP_CHECKSUM ? 0xffff : checksum
    bytes[PACKET_OFFSET + at] = written >>> 8
    bytes[PACKET_OFFSET + at + 1] = written & 0xff
  }
}

/** A port around `port` that can be captured while it runs. */
export function capturePort(port: Port): CapturePort {
  return new CapturePort(port)
}

/** A port around `port` whose capture into `sink` runs from now until the port is closed. */
export function pcapngWriter(port: Port, sink: CaptureSink, options: CaptureOptions): CapturePort {
  const capture = new CapturePort(port)
  capture.start(sink, options)
  return capture
}
