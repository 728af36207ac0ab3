// What the host said, in the capture and in the replay, in one form: a packet with its places in the streams of its
// connection. One book for each of the two sides.

import { ACK, FIN, SYN } from '../../stack/wire/tcp.ts'
import type { SegmentPlaces } from './compare.ts'
import { type Conversation, Places } from './conversation.ts'
import type { Packet } from './packet.ts'

/** One frame of the host. */
export interface Answer extends SegmentPlaces {
  /** Microseconds since the capture began. */
  time: number
  packet: Packet
  conversation: Conversation | null
}

export class AnswerBook {
  readonly answers: Answer[] = []
  private readonly own = new Map<Conversation, Places>()
  /** Behind the last byte of payload. */
  private readonly payloadEnds = new Map<Conversation, number>()
  private readonly other = new Map<Conversation, Places>()

  add(time: number, packet: Packet, conversation: Conversation | null): Answer {
    const { host, peer } = conversation ?? {}
    const { flags, payloadLength } = packet
    let from = packet.sequence >>> 0
    let ack = flags & ACK ? packet.acknowledgment >>> 0 : -1
    if (conversation && host) from = placeIn(this.own, conversation, host, packet.sequence)
    const end = from + payloadLength + (flags & SYN ? 1 : 0) + (flags & FIN ? 1 : 0)
    if (conversation && host) this.own.get(conversation)?.reach(end)
    if (conversation && peer && ack >= 0) {
      ack = placeIn(this.other, conversation, peer, packet.acknowledgment)
      this.other.get(conversation)?.reach(ack)
    }
    if (conversation && payloadLength > 0) {
      this.payloadEnds.set(conversation, Math.max(from + payloadLength, this.payloadEnds.get(conversation) ?? 1))
    }
    const answer = { time, packet, conversation, from, end, ack }
    this.answers.push(answer)
    return answer
  }

  /** Payload bytes of a connection that were sent, each once. */
  bytesSent(conversation: Conversation): number {
    return (this.payloadEnds.get(conversation) ?? 1) - 1
  }
}

function placeIn(
  map: Map<Conversation, Places>,
  conversation: Conversation,
  { initial }: Places,
  sequence: number,
): number {
  let places = map.get(conversation)
  if (!places) {
    places = new Places(initial)
    map.set(conversation, places)
  }
  return places.of(sequence)
}
