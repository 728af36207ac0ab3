// The scripted peer at the other end of a wire: answers ARP by itself, sends and expects segments by hand, checks every
// checksum of what it hears, and prints the exchange so far when something is not as it should be.

import type { Simulation } from '../../drivers/wire/index.ts'
import type { Port } from '../../nic/port.ts'
import { ipText, macText, read16, read32 } from './bytes.ts'
import { type Expected, Flow, type FlowHost, type Seen, type Sent } from './flow.ts'
import {
  buildArp,
  buildEthernet,
  buildIcmp,
  buildIpv4,
  buildTcp,
  buildUdp,
  dissectIpv4,
  dissectTcp,
  type Ipv4Fields,
} from './packet.ts'
import { RawEnd } from './raw-end.ts'
import { microseconds, seconds } from './time.ts'

export interface PeerOptions {
  address?: string
  mac?: string
  stackAddress?: string
  stackMac?: string
  /** The peer's port, and the stack's (0: learned from its first SYN). */
  port?: number
  stackPort?: number
  iss?: number
  /** Its device shows super-frames whole. */
  takesSuperFrames?: boolean
}

/** An ICMP or UDP packet, or a TCP segment of no known flow, that came. */
export interface SeenPacket extends Ipv4Fields {
  time: number
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const KEPT_LINES = 60

export class Peer implements FlowHost {
  readonly address: string
  readonly mac: string
  readonly stackAddress: string
  readonly stackMac: string
  readonly end: RawEnd
  /** The flow that `sends` and `expects` speak for. */
  readonly flow: Flow
  /** Everything that came and belongs to no flow. */
  readonly others: SeenPacket[] = []
  /** Answers ARP requests for `address`. */
  answersArp = true
  private readonly simulation: Simulation
  private readonly flows: Flow[] = []
  private readonly lines: string[] = []
  private readonly takesSuperFrames: boolean
  private broken: string | null = null

  constructor(simulation: Simulation, port: Port, options: PeerOptions = {}) {
    this.simulation = simulation
    this.address = options.address ?? '192.0.2.1'
    this.mac = options.mac ?? '02:00:00:00:00:01'
    this.stackAddress = options.stackAddress ?? '192.0.2.2'
    this.stackMac = options.stackMac ?? '02:00:00:00:00:02'
    this.takesSuperFrames = options.takesSuperFrames ?? false
    this.end = new RawEnd(port, simulation.clock)
    this.end.filter = (bytes, time) => this.onFrame(bytes, time)
    this.flow = this.addFlow(options.port ?? 40_000, options.stackPort ?? 80, options.iss)
  }

  get now(): number {
    return this.simulation.now
  }

  /** Another connection between the same two hosts. */
  addFlow(port: number, stackPort = 80, iss = 0xffff_ff00): Flow {
    const flow = new Flow(this, port, stackPort, iss)
    this.flows.push(flow)
    return flow
  }

  sends(sent: Sent): void {
    this.flow.sends(sent)
  }

  expects(expected: Expected): Seen {
    return this.flow.expects(expected)
  }

  expectsAfter(time: string | number, expected: Expected): Seen {
    return this.flow.expectsAfter(time, expected)
  }

  expectsWithin(limit: string | number, expected: Expected): Seen {
    return this.flow.expectsWithin(limit, expected)
  }

  expectsNothing(time?: string | number): void {
    this.flow.expectsNothing(time)
  }

  ignoreReceived(): Seen[] {
    return this.flow.ignoreReceived()
  }

  /** Moves time on; everything that is due happens. */
  advance(time: string | number): void {
    this.simulation.runSync({ forMicroseconds: microseconds(time) })
    this.check()
  }

  /** Fails the test when something came that never may. */
  check(): void {
    if (!this.broken) return
    const { broken } = this
    this.broken = null
    this.fail(broken)
  }

  breaks(rule: string): void {
    this.broken ??= rule
  }

  largestSegment(mss: number): number {
    return this.takesSuperFrames ? 65_535 : mss
  }

  /** An ICMP message (RFC 792). */
  sendsIcmp(type: number, code: number, rest: number, payload: Uint8Array, from = this.address): void {
    this.note(`${seconds(this.now)} < icmp type ${type} code ${code}`)
    this.sendsIp({ protocol: 1, source: from, payload: buildIcmp(type, code, rest, payload) })
  }

  /**
   * An ICMP error about a segment of the stack: quotes its IP header and the first 8 bytes of a TCP header with the
   * relative sequence number `seq` of the flow.
   */
  sendsIcmpError(type: number, code: number, quote: { seq: number; mtu?: number; flow?: Flow; source?: string }): void {
    const flow = quote.flow ?? this.flow
    const ports = { sourcePort: flow.stackPort, destinationPort: flow.port }
    const seq = (quote.seq + flow.stackIss) >>> 0
    const tcp = buildTcp(this.stackAddress, this.address, { ...ports, seq, flags: '.' })
    const source = quote.source ?? this.stackAddress
    const packet = buildIpv4({ source, destination: this.address, payload: tcp }).subarray(0, 28)
    this.sendsIcmp(type, code, quote.mtu ?? 0, packet, '192.0.2.254')
  }

  sendsUdp(port: number, stackPort: number, payload: Uint8Array): void {
    this.note(`${seconds(this.now)} < udp ${port} to ${stackPort}, ${payload.length} bytes`)
    this.sendsIp({ protocol: 17, payload: buildUdp(this.address, this.stackAddress, [port, stackPort], payload) })
  }

  sendsIp(fields: Partial<Ipv4Fields>): void {
    const packet = buildIpv4({ source: this.address, destination: this.stackAddress, ...fields })
    this.sendsFrame(buildEthernet(this.stackMac, this.mac, 0x0800, packet))
  }

  /** A frame as it is. */
  sendsFrame(bytes: Uint8Array): void {
    if (!this.end.send(bytes)) this.fail("the peer's ring is full")
    if (this.end.errors.length > 0) this.fail(`the wire does not take this frame: errno ${this.end.errors.pop()}`)
    this.advance(0)
  }

  transmitTcp(segment: Uint8Array, line: string): void {
    this.note(`${seconds(this.now)} ${line}`)
    this.sendsIp({ payload: segment })
  }

  /** The next packet that is no segment of a flow. */
  expectsPacket(wants: Partial<Ipv4Fields>): SeenPacket {
    const seen = this.others.shift()
    if (!seen) this.fail(`expected a packet ${JSON.stringify(wants)}, but nothing came`)
    for (const [key, value] of Object.entries(wants)) {
      const has = seen[key as keyof SeenPacket]
      if (has !== value) this.fail(`expected ${key} ${String(value)}, but came ${String(has)}`)
    }
    return seen
  }

  note(line: string): void {
    this.lines.push(line)
  }

  /** The exchange so far, one line per segment: `<` is the peer's, `>` the stack's. */
  get transcript(): string {
    return this.lines.join('\n')
  }

  fail(message: string): never {
    const shown = this.lines.slice(-KEPT_LINES)
    const left = this.lines.length - shown.length
    const earlier = left > 0 ? [`(${left} lines earlier)`] : []
    const error = new Error([`at ${seconds(this.now)}: ${message}`, ...earlier, ...shown].join('\n  '))
    Error.captureStackTrace?.(error, this.fail)
    throw error
  }

  private onFrame(bytes: Uint8Array, time: number): boolean {
    const destination = macText(bytes, 0)
    const type = read16(bytes, 12)
    if (type === 0x0806) this.onArp(bytes.subarray(14))
    else if (type === 0x0800 && (destination === this.mac || destination === BROADCAST)) this.onIp(bytes, time)
    return true
  }

  private onArp(arp: Uint8Array): void {
    const target = ipText(arp, 24)
    if (read16(arp, 6) !== 1 || target !== this.address || !this.answersArp) return
    const sender = macText(arp, 8)
    const reply = buildArp(2, this.mac, this.address, sender, ipText(arp, 14))
    this.end.send(buildEthernet(sender, this.mac, 0x0806, reply))
  }

  private onIp(bytes: Uint8Array, time: number): void {
    try {
      const ip = dissectIpv4(bytes.subarray(14))
      if (ip.destination !== this.address) throw new Error(`a packet for ${ip.destination} came to ${this.mac}`)
      const flow = ip.protocol === 6 ? this.flowOf(ip.payload) : undefined
      if (flow) {
        flow.onSegment(dissectTcp(ip), ip.ttl, ip.tos, time)
        return
      }
      this.note(`${seconds(time)} > protocol ${ip.protocol}, ${ip.payload.length} bytes ${summary(ip)}`)
      this.others.push({ ...ip, payload: ip.payload.slice(), time })
    } catch (error) {
      // Thrown to the test when it next moves time, not into the stack's transmit path.
      this.broken ??= `a bad packet came: ${(error as Error).message}`
      this.note(`${seconds(time)} > ${this.broken}`)
    }
  }

  private flowOf(tcp: Uint8Array): Flow | undefined {
    const stackPort = read16(tcp, 0)
    const port = read16(tcp, 2)
    const mine = this.flows.filter((flow) => flow.port === port)
    return mine.find((flow) => flow.stackPort === stackPort) ?? mine.find((flow) => flow.stackPort === 0)
  }
}

function summary(ip: Ipv4Fields): string {
  if (ip.protocol === 1) return `icmp type ${ip.payload[0]} code ${ip.payload[1]}`
  if (ip.protocol === 6)
    return `tcp from ${read16(ip.payload, 0)} to ${read16(ip.payload, 2)} seq ${read32(ip.payload, 4)}`
  return ''
}
