// A replay in words: one line for each frame in the order of time, what the capture has beside what the stack sent, shaped as
// tcpdump(8) -S off; and the sum of it. Also as plain data. Owns no verdict.

import { IpAddress } from '../../stack/base/ip-address.ts'
import { ACK, CWR, ECE, FIN, PSH, RST, SYN, URG } from '../../stack/wire/tcp.ts'
import type { Answer } from './answers.ts'
import type { CaptureFile } from './capture-file.ts'
import type { Verdict } from './compare.ts'
import { isArpRequest, type Packet } from './packet.ts'
import { isEchoRequest, type RecordedFrame, type Recording } from './recording.ts'
import type { Replay, ReplayEvent } from './replay.ts'

const MARKS: Record<Verdict, string> = { same: '=', alike: '~', differs: '!', apart: '-' }
const WIDTH = 46
const SHOWN_DELAY = 1000

export const LEGEND = `marks: = the same, ~ as much in other segments, ! differs, - not compared`

/** The heading of the columns. */
export function heading(recording: Recording): string {
  const left = `${'time'.padStart(12)}  ${'peer'.padEnd(peerWidth(recording))}      port  `
  return `${left}${'capture'.padEnd(WIDTH)}    stack`
}

/** The line of an event. */
export function lineOf(event: ReplayEvent, recording: Recording): string {
  const { time, arrived, answer } = event
  const packet = (arrived?.packet ?? answer?.capture?.packet ?? answer?.stack?.packet) as Packet
  const fromHost = arrived === null
  const remote = fromHost ? packet.destination : packet.source
  const remotePort = fromHost ? packet.destinationPort : packet.sourcePort
  const localPort = fromHost ? packet.sourcePort : packet.destinationPort
  const peer = `${IpAddress.v4(remote)}${remotePort ? `.${remotePort}` : ''}`.padEnd(peerWidth(recording))
  const where = `${peer}  ${fromHost ? '<' : '>'} ${(localPort ? `.${localPort}` : '').padEnd(6)}`
  const stamp = (time / 1e6).toFixed(6).padStart(12)
  const left = `${stamp}  ${where}  `
  if (arrived) return left + arrivedText(arrived)
  const capture = answer?.capture ? answerText(answer.capture) : ''
  const stack = answer?.stack ? answerText(answer.stack) : ''
  const mark = MARKS[answer?.verdict ?? 'differs']
  return `${left}${capture.padEnd(WIDTH)}  ${mark} ${stack}${answer ? delayText(answer) : ''}`.trimEnd()
}

/** The sum, in lines. */
export function summary(result: Replay, recording: Recording, file: CaptureFile): string[] {
  const { connections, verdicts } = result
  const lines: string[] = []
  for (const { conversation, recorded, replayed, received, sent } of connections) {
    const { remote, remotePort, localPort, opener, peerBytes, hostBytes } = conversation
    const ends = `${IpAddress.v4(remote)}.${remotePort} ${opener === 'peer' ? '>' : '<'} .${localPort}`
    const bytes = `received ${received} of ${peerBytes} bytes, sent ${sent} of ${hostBytes}`
    lines.push(`${ends}: ${stateText(recorded, replayed)}${recorded || replayed ? `, ${bytes}` : ''}`)
  }
  const expected = connections.filter(({ recorded }) => recorded)
  const came = expected.filter(({ replayed }) => replayed).length
  const { same, alike, differs, apart } = verdicts
  const answers = `${same} answers the same, ${alike} alike, ${differs} differ`
  lines.push(
    `${came} of ${plural(expected.length, 'connection')} came about; ${answers}${apart ? `, ${apart} not compared` : ''}`,
  )
  lines.push(...remarks(result, recording, file))
  return lines
}

function stateText(recorded: boolean, replayed: boolean): string {
  if (recorded) return replayed ? 'came about' : 'did NOT come about with our stack'
  return replayed ? 'came about with our stack only' : 'did not come about in the capture either'
}

function remarks(result: Replay, recording: Recording, file: CaptureFile): string[] {
  const missing = recording.conversations.reduce((sum, each) => sum + each.missing, 0)
  const peerMissing = recording.conversations.reduce((sum, each) => sum + each.peerMissing, 0)
  const said: [number, string][] = [
    [file.cut, 'frames are cut to the snap length: what is missing was fed and sent as zeros'],
    [missing, 'bytes of the host are missing in the capture: sent as zeros'],
    [peerMissing, 'bytes of peers are missing in the capture: the stack cannot get what comes after them'],
    [recording.foreign, 'frames between others left out'],
    [
      recording.begunBefore,
      `connections began before the capture: their ${recording.begunBeforeFrames} frames left out`,
    ],
    [file.fragments, 'fragments left out'],
    [file.unreadable, 'frames left out: of another protocol than TCP, UDP, ICMP or ARP over IPv4, or malformed'],
    [result.held, 'frames waited until the stack had sent what they acknowledge'],
    [result.unsent, 'datagrams or pings of the host could not be sent as it did'],
    [result.leaks, 'pages or frames were not given back: please report this'],
  ]
  const lines = said.filter(([count]) => count > 0).map(([count, text]) => `${count} ${text}`)
  if (file.trouble) lines.push(`the capture is damaged, only what comes before was replayed: ${file.trouble}`)
  return lines
}

/** Everything as plain data. */
export function toJson(path: string, result: Replay, recording: Recording, file: CaptureFile): object {
  return {
    file: path,
    host: String(recording.host),
    mac: String(recording.mac),
    frames: {
      total: file.total,
      fed: result.fed,
      cut: file.cut,
      held: result.held,
      foreign: recording.foreign,
      begunBefore: recording.begunBeforeFrames,
      fragments: file.fragments,
      unreadable: file.unreadable,
    },
    damaged: file.trouble,
    connections: result.connections.map(({ conversation, recorded, replayed, received, sent }) => ({
      remote: `${IpAddress.v4(conversation.remote)}:${conversation.remotePort}`,
      localPort: conversation.localPort,
      opener: conversation.opener,
      recorded,
      replayed,
      received: { stack: received, capture: conversation.peerBytes },
      sent: { stack: sent, capture: conversation.hostBytes },
    })),
    answers: result.verdicts,
    events: result.events.map(eventJson),
  }
}

function eventJson({ time, arrived, answer }: ReplayEvent): object {
  if (arrived) return { time: time / 1e6, direction: 'in', capture: arrivedText(arrived) }
  const side = (one: Answer | null | undefined) => (one ? { time: one.time / 1e6, text: answerText(one) } : null)
  return {
    time: time / 1e6,
    direction: 'out',
    verdict: answer?.verdict,
    capture: side(answer?.capture),
    stack: side(answer?.stack),
  }
}

function arrivedText({ packet, conversation }: RecordedFrame): string {
  if (packet.kind !== 'tcp') return otherText(packet)
  const peer = conversation?.peer
  const host = conversation?.host
  const from = peer ? (packet.sequence - peer.initial) >>> 0 : packet.sequence >>> 0
  const ack = host ? (packet.acknowledgment - host.initial) >>> 0 : packet.acknowledgment >>> 0
  return tcpText(packet, from, packet.flags & ACK ? ack : -1)
}

function answerText({ packet, from, ack }: Answer): string {
  return packet.kind === 'tcp' ? tcpText(packet, from, ack) : otherText(packet)
}

function tcpText({ flags, payloadLength, window }: Packet, from: number, ack: number): string {
  const spans = payloadLength > 0 || flags & (SYN | FIN | RST)
  const sequence = spans ? ` ${from}${payloadLength > 0 ? `:${from + payloadLength}` : ''}` : ''
  return `[${flagsText(flags)}]${sequence}${ack >= 0 ? ` ack ${ack}` : ''} win ${window} len ${payloadLength}`
}

/** As tcpdump has them. */
function flagsText(flags: number): string {
  const letters: [number, string][] = [
    [FIN, 'F'],
    [SYN, 'S'],
    [RST, 'R'],
    [PSH, 'P'],
    [ACK, '.'],
    [URG, 'U'],
    [ECE, 'E'],
    [CWR, 'W'],
  ]
  const text = letters.filter(([bit]) => flags & bit).map(([, letter]) => letter)
  return text.length > 0 ? text.join('') : 'none'
}

function otherText(packet: Packet): string {
  const { kind, type, code, identifier, number, payloadLength } = packet
  if (kind === 'udp') return `UDP len ${payloadLength}`
  if (kind === 'arp') return isArpRequest(packet) ? `ARP who-has ${IpAddress.v4(packet.destination)}` : 'ARP is-at'
  if (isEchoRequest(packet) || type === 0) {
    return `ICMP echo ${type === 0 ? 'reply' : 'request'} id ${identifier} seq ${number} len ${payloadLength}`
  }
  return `ICMP type ${type} code ${code} len ${payloadLength}`
}

/** How much later, or earlier, our stack said it. */
function delayText({ capture, stack }: { capture: Answer | null; stack: Answer | null }): string {
  if (!capture || !stack || Math.abs(stack.time - capture.time) < SHOWN_DELAY) return ''
  const delay = (stack.time - capture.time) / 1000
  return ` (${delay > 0 ? '+' : ''}${delay.toFixed(0)} ms)`
}

const peerWidths = new WeakMap<Recording, number>()

function peerWidth(recording: Recording): number {
  let width = peerWidths.get(recording)
  if (width === undefined) {
    width = 0
    for (const { packet, fromHost } of recording.frames) {
      const port = fromHost ? packet.destinationPort : packet.sourcePort
      const address = IpAddress.v4(fromHost ? packet.destination : packet.source)
      width = Math.max(width, String(address).length + (port ? String(port).length + 1 : 0))
    }
    peerWidths.set(recording, width)
  }
  return width
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
