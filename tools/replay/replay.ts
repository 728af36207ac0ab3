// One replay: the frames of a recording to a host of ours, each at its time, in virtual time; then what the stack answered
// held against what the capture says. Bounded by the capture: every frame makes a bounded number of steps, and time after
// its last frame is short.

import { Simulation } from '../../drivers/wire/index.ts'
import { type Answer, AnswerBook } from './answers.ts'
import { compare, type Pair, type Verdict } from './compare.ts'
import type { Conversation } from './conversation.ts'
import { Feeder } from './feeder.ts'
import { ReplayHost } from './host.ts'
import { dissect } from './packet.ts'
import { isEchoRequest, type RecordedFrame, type Recording } from './recording.ts'

/** A frame that came in, or an answer, or two that belong together. */
export interface ReplayEvent {
  /** Microseconds since the capture began. */
  time: number
  arrived: RecordedFrame | null
  answer: Pair | null
}

export interface ReplayedConnection {
  conversation: Conversation
  /** It came about: in the capture, and with our stack. */
  recorded: boolean
  replayed: boolean
  /** Payload bytes that our stack's application took, and that our stack sent. */
  received: number
  sent: number
}

export interface Replay {
  events: ReplayEvent[]
  connections: ReplayedConnection[]
  verdicts: Record<Verdict, number>
  /** Frames fed; those of them that waited for our stack; acknowledgments that were made meanwhile. */
  fed: number
  held: number
  partial: number
  unsent: number
  /** Pages and frames that were not given back: none, or the stack has a fault. */
  leaks: number
}

/** Microseconds before the capture, in which the card is announced; and after it, in which delayed answers come. */
const LEAD = 10_000_000
const GRACE = 50_000
/** No more than the feeder's patience. */
const LATEST = 5_000_000

export function replay(recording: Recording): Replay {
  const { frames, duration } = recording
  const simulation = new Simulation({ stepsPerInstant: 100_000 + 100 * frames.length })
  const sent = new AnswerBook()
  const captured = new AnswerBook()
  let feeder: Feeder | null = null
  const host: ReplayHost = new ReplayHost(simulation, recording, LEAD, (bytes) => {
    if (!feeder) return
    const packet = dissect(bytes)
    if (!packet) return
    const isTcp = packet.kind === 'tcp'
    const conversation = isTcp ? host.find(packet.destination, packet.destinationPort, packet.sourcePort) : null
    const answer = sent.add(simulation.now - LEAD, packet, conversation)
    if (conversation) feeder.onSent(conversation, answer.end)
  })
  const limit = 50_000_000 + 1000 * frames.length
  simulation.runSync({ until: LEAD, limit })
  feeder = new Feeder(simulation, host.port, recording.mac)
  schedule(simulation, recording, host, feeder, captured)
  let end = LEAD + duration + GRACE
  simulation.runSync({ until: end, limit })
  for (const last = end + LATEST; feeder.waits && end < last; end += GRACE) {
    simulation.runSync({ until: end + GRACE, limit })
  }
  const { fed, held, partial } = feeder
  feeder = null
  const connections = recording.conversations.map((each) => outcome(each, host, sent))
  const pairs = compare(captured.answers, sent.answers)
  const leaks = host.close()
  const { unsent } = host
  return { events: inOrder(frames, pairs), connections, verdicts: tally(pairs), fed, held, partial, unsent, leaks }
}

function schedule(
  simulation: Simulation,
  { frames }: Recording,
  host: ReplayHost,
  feeder: Feeder,
  captured: AnswerBook,
): void {
  const begun = new Set<Conversation>()
  const performed = new Map<Conversation, number>()
  for (const frame of frames) {
    const { time, packet, conversation, fromHost } = frame
    const at = LEAD + time
    if (conversation && !begun.has(conversation)) {
      begun.add(conversation)
      simulation.at(at, () => host.begin(conversation))
    }
    if (!fromHost) {
      simulation.at(at, () => feeder.offer(frame))
      continue
    }
    captured.add(time, packet, conversation)
    if (packet.kind === 'udp') simulation.at(at, () => host.sendDatagram(packet))
    else if (isEchoRequest(packet)) simulation.at(at, () => host.sendPing(packet))
    if (!conversation) continue
    let next = performed.get(conversation) ?? 0
    for (; next < conversation.deeds.length && conversation.deeds[next].time <= time; next++) {
      const deed = conversation.deeds[next]
      simulation.at(at, () => host.perform(conversation, deed))
    }
    performed.set(conversation, next)
  }
}

function outcome(conversation: Conversation, host: ReplayHost, sent: AnswerBook): ReplayedConnection {
  const application = host.applications.get(conversation)
  return {
    conversation,
    recorded: conversation.established,
    replayed: application?.connected ?? false,
    received: application?.received ?? 0,
    sent: sent.bytesSent(conversation),
  }
}

function inOrder(frames: readonly RecordedFrame[], pairs: readonly Pair[]): ReplayEvent[] {
  const events: ReplayEvent[] = []
  const places = new Map<object, number>()
  for (const [at, frame] of frames.entries()) {
    places.set(frame.packet, at)
    if (!frame.fromHost) events.push({ time: frame.time, arrived: frame, answer: null })
  }
  for (const pair of pairs) {
    const answer = (pair.capture ?? pair.stack) as Answer
    events.push({ time: answer.time, arrived: null, answer: pair })
  }
  // At one time: in the order of the capture, and what only our stack said behind it, in its order.
  const placeOf = ({ arrived, answer }: ReplayEvent) =>
    places.get(arrived?.packet ?? answer?.capture?.packet ?? {}) ?? frames.length
  return events
    .map((event) => ({ event, place: placeOf(event) }))
    .sort((a, b) => a.event.time - b.event.time || a.place - b.place)
    .map(({ event }) => event)
}

function tally(pairs: readonly Pair[]): Record<Verdict, number> {
  const verdicts = { same: 0, alike: 0, differs: 0, apart: 0 }
  for (const { verdict } of pairs) verdicts[verdict]++
  return verdicts
}
