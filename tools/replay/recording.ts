// What a capture says about one host: its link address, its neighbours, its connections and its datagrams, and which frames
// are to be fed to it. Made once from the whole capture; a replay only reads it.

import type { IpAddress } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { DESTINATION_UNREACHABLE, ECHO_REQUEST, PORT_UNREACHABLE } from '../../stack/wire/icmpv4.ts'
import { ACK, RST, SYN } from '../../stack/wire/tcp.ts'
import type { CapturedFrame } from './capture-file.ts'
import { Conversation, tupleOf } from './conversation.ts'
import type { Packet } from './packet.ts'

/** A frame to the host or of the host. */
export interface RecordedFrame {
  time: number
  packet: Packet
  fromHost: boolean
  conversation: Conversation | null
  /** The place of the host's stream up to which the frame acknowledges it; 0 where it does not. */
  acknowledged: number
}

export interface Recording {
  host: IpAddress
  mac: MacAddress
  neighbours: Map<number, MacAddress>
  frames: RecordedFrame[]
  conversations: Conversation[]
  /** UDP ports at which the host's applications were. */
  udpPorts: Set<number>
  /** Frames between others, and connections of the host that the capture does not have from their beginning. */
  foreign: number
  begunBefore: number
  begunBeforeFrames: number
  /** Microseconds from the first frame to the last. */
  duration: number
}

const HOST_MAC = new MacAddress(0x0200, 0x00000002)
const PEER_MAC = new MacAddress(0x0200, 0x00000001)

export function recordingOf(frames: readonly CapturedFrame[], host: IpAddress): Recording {
  const mine = frames.filter(({ packet }) => (packet.source === host.d) !== (packet.destination === host.d))
  const recording: Recording = {
    host,
    mac: linkAddress(mine, host.d) ?? HOST_MAC,
    neighbours: neighboursOf(mine, host.d),
    frames: [],
    conversations: [],
    udpPorts: udpPortsOf(mine, host.d),
    foreign: frames.length - mine.length,
    begunBefore: 0,
    begunBeforeFrames: 0,
    duration: frames.length > 0 ? frames[frames.length - 1].time : 0,
  }
  new Sorter(recording, strayTuples(mine, host.d)).sort(mine)
  return recording
}

/** Whether the host's own address takes part in the capture. */
export const appears = (frames: readonly CapturedFrame[], host: IpAddress): boolean =>
  frames.some(({ packet }) => packet.source === host.d || packet.destination === host.d)

/** Gives each frame its connection. */
class Sorter {
  private readonly recording: Recording
  private readonly strays: Set<string>
  private readonly current = new Map<string, Conversation>()
  private readonly before = new Set<string>()

  constructor(recording: Recording, strays: Set<string>) {
    this.recording = recording
    this.strays = strays
  }

  sort(frames: readonly CapturedFrame[]): void {
    const { recording } = this
    for (const { time, packet } of frames) {
      const fromHost = packet.source === recording.host.d
      if (packet.kind !== 'tcp') recording.frames.push({ time, packet, fromHost, conversation: null, acknowledged: 0 })
      else this.segment(time, packet, fromHost)
    }
    recording.begunBefore = this.before.size
  }

  private segment(time: number, packet: Packet, fromHost: boolean): void {
    const { recording } = this
    const tuple = tupleOfPacket(packet, fromHost)
    let conversation = this.current.get(tuple) ?? null
    if ((packet.flags & (SYN | ACK | RST)) === SYN && (!conversation || conversation.isAnother(packet, fromHost))) {
      conversation = new Conversation(recording.conversations.length, packet, time, fromHost)
      recording.conversations.push(conversation)
      this.current.set(tuple, conversation)
    }
    if (!conversation && !this.strays.has(tuple)) {
      this.before.add(tuple)
      recording.begunBeforeFrames++
      return
    }
    conversation?.take(packet, time, fromHost)
    const acknowledged = fromHost ? 0 : (conversation?.acknowledgedBy(packet) ?? 0)
    recording.frames.push({ time, packet, fromHost, conversation, acknowledged })
  }
}

function tupleOfPacket(packet: Packet, fromHost: boolean): string {
  const { source, destination, sourcePort, destinationPort } = packet
  return fromHost ? tupleOf(destination, destinationPort, sourcePort) : tupleOf(source, sourcePort, destinationPort)
}

/** Those to whom the host said nothing but RST: no connection was there, and none is missing. */
function strayTuples(frames: readonly CapturedFrame[], host: number): Set<string> {
  const strays = new Set<string>()
  const others = new Set<string>()
  for (const { packet } of frames) {
    if (packet.kind !== 'tcp' || packet.source !== host) continue
    const tuple = tupleOfPacket(packet, true)
    if (packet.flags & RST) strays.add(tuple)
    else others.add(tuple)
  }
  for (const tuple of others) strays.delete(tuple)
  return strays
}

/** Source of the first frame from an address, or destination of one to it. */
function linkAddress(frames: readonly CapturedFrame[], address: number): MacAddress | null {
  let reached: MacAddress | null = null
  for (const { packet } of frames) {
    if (packet.source === address) {
      const mac = MacAddress.read(packet.view, 6)
      if (isUnicast(mac)) return mac
    } else if (packet.destination === address && !reached) {
      const mac = MacAddress.read(packet.view, 0)
      if (isUnicast(mac)) reached = mac
    }
  }
  return reached
}

const isUnicast = (mac: MacAddress): boolean => !mac.isGroup && !(mac.high === 0 && mac.low === 0)

function neighboursOf(frames: readonly CapturedFrame[], host: number): Map<number, MacAddress> {
  const neighbours = new Map<number, MacAddress>()
  const reached = new Map<number, MacAddress>()
  for (const { packet } of frames) {
    const remote = packet.source === host ? packet.destination : packet.source
    const mac = MacAddress.read(packet.view, packet.source === host ? 0 : 6)
    const known = packet.source === host ? reached : neighbours
    if (!known.has(remote)) known.set(remote, isUnicast(mac) ? mac : PEER_MAC)
  }
  for (const [remote, mac] of reached) {
    if (!neighbours.has(remote)) neighbours.set(remote, mac)
  }
  return neighbours
}

/** Ports that the host sent from, and those that took datagrams without an ICMP error. */
function udpPortsOf(frames: readonly CapturedFrame[], host: number): Set<number> {
  const ports = new Set<number>()
  const refused = new Set<number>()
  const spoke = new Set<number>()
  for (const { packet } of frames) {
    if (packet.kind === 'udp') {
      ports.add(packet.source === host ? packet.sourcePort : packet.destinationPort)
      if (packet.source === host) spoke.add(packet.sourcePort)
    } else if (packet.source === host && isPortUnreachable(packet)) refused.add(quotedPort(packet))
  }
  for (const port of refused) if (!spoke.has(port)) ports.delete(port)
  return ports
}

function isPortUnreachable({ kind, type, code }: Packet): boolean {
  return kind === 'icmp' && type === DESTINATION_UNREACHABLE && code === PORT_UNREACHABLE
}

/** The destination port of the datagram that an ICMP error quotes; 0 if it does not have it. */
export function quotedPort({ view, bytes, payload }: Packet): number {
  if (payload + 20 > bytes.length) return 0
  const at = payload + (bytes[payload] & 15) * 4 + 2
  return at + 2 <= bytes.length ? view.getUint16(at) : 0
}

export const isEchoRequest = (packet: Packet): boolean => packet.kind === 'icmp' && packet.type === ECHO_REQUEST
