// Holds what our stack answered against what the capture says. Two segments are the same when flags, places, acknowledgment
// and bytes are (the window and PSH are each host's own affair); what has no such partner is alike when the other side said
// as much in other segments: sent those bytes, acknowledged as far. All else differs. Datagrams, ICMP and ARP are the same when they
// carry the same.

import { ACK, FIN, RST, SYN } from '../../stack/wire/tcp.ts'
import type { Answer } from './answers.ts'
import type { Conversation } from './conversation.ts'
import { isArpRequest, type Packet, payloadOf } from './packet.ts'
import { isEchoRequest, quotedPort } from './recording.ts'

/** Where a segment stands in the two streams of its connection, the SYN at 0; `ack` -1: it acknowledges nothing. */
export interface SegmentPlaces {
  from: number
  end: number
  ack: number
}

/** `apart`: not compared, since a replay has no use for it (the host's own ARP requests) or the capture lacks it. */
export type Verdict = 'same' | 'alike' | 'differs' | 'apart'

export interface Pair {
  verdict: Verdict
  capture: Answer | null
  stack: Answer | null
}

const COMPARED = FIN | SYN | RST | ACK

export function compare(captured: readonly Answer[], sent: readonly Answer[]): Pair[] {
  const pairs: Pair[] = []
  const [leftCaptured, leftSent] = pairEqual(captured, sent, exactKey, 'same', pairs)
  // A SYN or RST with another acknowledgment is still the answer to the same.
  const [capturedRest, sentRest] = pairEqual(leftCaptured, leftSent, kindKey, 'differs', pairs)
  const ofCapture = new Said(captured)
  const ofStack = new Said(sent)
  for (const answer of capturedRest) pairs.push({ verdict: verdictOf(answer, ofStack), capture: answer, stack: null })
  for (const answer of sentRest) {
    const verdict = isUnknown(answer) ? 'apart' : verdictOf(answer, ofCapture)
    pairs.push({ verdict, capture: null, stack: answer })
  }
  return pairs
}

/** Pairs those with equal keys, in order; answers who is left on both sides. */
function pairEqual(
  captured: readonly Answer[],
  sent: readonly Answer[],
  keyOf: (answer: Answer) => string | null,
  verdict: Verdict,
  pairs: Pair[],
): [Answer[], Answer[]] {
  const waiting = new Map<string, Answer[]>()
  const restSent: Answer[] = []
  const restCaptured: Answer[] = []
  for (const answer of sent) {
    const key = keyOf(answer)
    if (key === null) restSent.push(answer)
    else if (waiting.has(key)) waiting.get(key)?.push(answer)
    else waiting.set(key, [answer])
  }
  for (const list of waiting.values()) list.reverse()
  for (const capture of captured) {
    const key = keyOf(capture)
    const stack = key === null ? undefined : waiting.get(key)?.pop()
    if (stack) pairs.push({ verdict, capture, stack })
    else restCaptured.push(capture)
  }
  for (const list of waiting.values()) restSent.push(...list)
  return [restCaptured, restSent]
}

function exactKey({ packet, conversation, from, end, ack }: Answer): string | null {
  if (packet.kind === 'tcp') {
    return `${whose(packet, conversation)} ${packet.flags & COMPARED} ${from} ${end} ${ack} ${contentOf(packet)}`
  }
  if (isArpRequest(packet)) return null
  const { kind, type, code, destination, sourcePort, destinationPort } = packet
  if (kind === 'arp') return `arp ${type} ${packet.source} ${destination}`
  if (kind === 'udp') return `udp ${destination} ${sourcePort} ${destinationPort} ${contentOf(packet)}`
  const said = `icmp ${destination} ${type} ${code}`
  if (isEchoRequest(packet)) return `${said} ${packet.identifier} ${packet.number} ${packet.payloadLength}`
  // An error quotes what it is about, which each host does at its own length.
  if (type === 0) return `${said} ${packet.identifier} ${packet.number} ${contentOf(packet)}`
  return `${said} ${quotedPort(packet)}`
}

function kindKey({ packet, conversation }: Answer): string | null {
  const kind = packet.flags & (SYN | RST)
  return packet.kind === 'tcp' && kind !== 0 ? `${whose(packet, conversation)} ${kind}` : null
}

const whose = (packet: Packet, conversation: Conversation | null): string =>
  conversation ? `${conversation.id}` : `${packet.destination}:${packet.destinationPort}:${packet.sourcePort}`

/** The payload as a short text: its length and a hash (FNV-1a). */
function contentOf(packet: Packet): string {
  let hash = 0x811c9dc5
  for (const byte of payloadOf(packet)) hash = Math.imul(hash ^ byte, 0x01000193)
  return `${packet.payloadLength}:${hash >>> 0}`
}

function verdictOf(answer: Answer, other: Said): Verdict {
  const { packet, conversation, from, end, ack } = answer
  if (isArpRequest(packet)) return 'apart'
  if (packet.kind !== 'tcp' || !conversation || packet.flags & (SYN | RST)) return 'differs'
  if (end > from) return other.sent(conversation, from, end) ? 'alike' : 'differs'
  return other.acknowledged(conversation, ack) ? 'alike' : 'differs'
}

/** The capture lacks some of these bytes: nobody knows how they were sent. */
function isUnknown({ conversation, from, end }: Answer): boolean {
  const gaps = conversation?.gaps ?? []
  const at = firstEndingAt(gaps, from + 1)
  return end > from && at < gaps.length && gaps[at][0] < end
}

/** The first of ordered ranges whose end is `end` or later. */
function firstEndingAt(ranges: readonly (readonly [number, number])[], end: number): number {
  let low = 0
  let high = ranges.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ranges[middle][1] < end) low = middle + 1
    else high = middle
  }
  return low
}

/** What one side said in all: the ranges of its streams, and how far it acknowledged. */
class Said {
  private readonly ranges = new Map<Conversation, [number, number][]>()
  private readonly acks = new Map<Conversation, number>()

  constructor(answers: readonly Answer[]) {
    for (const { conversation, from, end, ack, packet } of answers) {
      if (!conversation) continue
      this.acks.set(conversation, Math.max(ack, this.acks.get(conversation) ?? -1))
      if (end === from || packet.flags & RST) continue
      const list = this.ranges.get(conversation)
      if (list) list.push([from, end])
      else this.ranges.set(conversation, [[from, end]])
    }
    for (const [conversation, list] of this.ranges) this.ranges.set(conversation, merged(list))
  }

  sent(conversation: Conversation, from: number, end: number): boolean {
    const list = this.ranges.get(conversation) ?? []
    const at = firstEndingAt(list, end)
    return at < list.length && list[at][0] <= from
  }

  acknowledged(conversation: Conversation, ack: number): boolean {
    return (this.acks.get(conversation) ?? -1) >= ack
  }
}

function merged(ranges: [number, number][]): [number, number][] {
  ranges.sort((a, b) => a[0] - b[0])
  const out: [number, number][] = []
  for (const [from, end] of ranges) {
    const last = out[out.length - 1]
    if (last && from <= last[1]) last[1] = Math.max(last[1], end)
    else out.push([from, end])
  }
  return out
}
