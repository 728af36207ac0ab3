// Feeds the recorded frames to the card. A peer acknowledges only what it got: where the capture acknowledges bytes that our
// stack has not sent yet (it may cut or pace them otherwise), the frame waits until they are sent, the frames of its
// connection behind it; meanwhile the card hands up an acknowledgment of what was sent, as often as that grows. A wait is
// bounded, after it the frame is fed all the same.

import type { RecordedPort } from '../../drivers/recorded/index.ts'
import type { Simulation } from '../../drivers/wire/index.ts'
import type { MacAddress } from '../../stack/base/mac-address.ts'
import { RST } from '../../stack/wire/tcp.ts'
import type { Conversation } from './conversation.ts'
import { acknowledgmentOnly, finished, isSuperFrame } from './packet.ts'
import type { RecordedFrame } from './recording.ts'

/** Virtual microseconds that a frame waits for our stack at most. */
const PATIENCE = 3_000_000
/** Payload of a segment where nobody said how much fits (RFC 9293 3.7.1). */
const DEFAULT_MSS = 536

interface Line {
  waiting: { frame: RecordedFrame; since: number }[]
  /** The furthest place that our stack has sent, and that it was told the peer has. */
  sent: number
  told: number
  patience: boolean
}

export class Feeder {
  fed = 0
  /** Frames that had to wait, and acknowledgments that were made in the meantime. */
  held = 0
  partial = 0
  private readonly simulation: Simulation
  private readonly port: RecordedPort
  private readonly mac = new Uint8Array(6)
  private readonly lines = new Map<Conversation, Line>()

  constructor(simulation: Simulation, port: RecordedPort, mac: MacAddress) {
    this.simulation = simulation
    this.port = port
    mac.write(new DataView(this.mac.buffer), 0)
  }

  /** The time of a frame has come. */
  offer(frame: RecordedFrame): void {
    const line = frame.conversation && this.lineOf(frame.conversation)
    if (!line) {
      this.feed(frame)
      return
    }
    line.waiting.push({ frame, since: this.simulation.now })
    if (!this.advance(line)) this.held++
  }

  /** Our stack has sent up to this place of its stream. */
  onSent(conversation: Conversation, place: number): void {
    const line = this.lineOf(conversation)
    if (place <= line.sent) return
    line.sent = place
    // Not from within the transmission.
    if (line.waiting.length > 0) this.simulation.after(0, () => this.advance(line))
  }

  /** Whether frames are waiting. */
  get waits(): boolean {
    for (const { waiting } of this.lines.values()) if (waiting.length > 0) return true
    return false
  }

  private lineOf(conversation: Conversation): Line {
    let line = this.lines.get(conversation)
    if (!line) {
      line = { waiting: [], sent: 0, told: 0, patience: false }
      this.lines.set(conversation, line)
    }
    return line
  }

  /** Feeds what may be fed. True: nothing waits. */
  private advance(line: Line): boolean {
    while (line.waiting.length > 0) {
      const { frame, since } = line.waiting[0]
      const { acknowledged } = frame
      if (acknowledged > line.sent && this.simulation.now - since < PATIENCE) {
        this.tell(line, frame)
        this.wait(line, since + PATIENCE)
        return false
      }
      line.told = Math.max(line.told, acknowledged)
      line.waiting.shift()
      this.feed(frame)
    }
    return true
  }

  private tell(line: Line, { packet, conversation }: RecordedFrame): void {
    const host = conversation?.host
    if (!host || line.sent <= Math.max(1, line.told) || packet.flags & RST) return
    line.told = line.sent
    this.partial++
    this.port.deliver(acknowledgmentOnly(packet, (host.initial + line.sent) | 0, this.mac))
  }

  private wait(line: Line, until: number): void {
    if (line.patience) return
    line.patience = true
    this.simulation.at(until, () => {
      line.patience = false
      this.advance(line)
    })
  }

  private feed({ packet, conversation }: RecordedFrame): void {
    const mss = conversation?.hostSyn?.mss ?? -1
    const isTcp = packet.kind === 'tcp'
    const size = mss > 0 ? mss : DEFAULT_MSS
    const segments = isTcp ? Math.max(1, Math.ceil(packet.payloadLength / size)) : 1
    const gsoSize = isTcp && isSuperFrame(packet) ? size : 0
    if (this.port.deliver(finished(packet, this.mac), segments, gsoSize)) this.fed++
  }
}
