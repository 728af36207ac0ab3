// The host of a replay: our stack on a recorded card, with the applications that the capture shows: listeners where the
// recorded host accepted, connections that it opened, datagrams and pings that it sent. Owns the stack; says nothing of
// what it thinks of the answers.

import { RecordedPort } from '../../drivers/recorded/index.ts'
import { plainMemory, type Simulation } from '../../drivers/wire/index.ts'
import { Nic, TypeScriptChecksum } from '../../nic/index.ts'
import { EAGAIN } from '../../stack/base/errno.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import type { Page, PageRef } from '../../stack/buffer/page.ts'
import type { Interface } from '../../stack/network/interface.ts'
import { Stack } from '../../stack/stack.ts'
import type { TcpListener, TcpOptions } from '../../stack/tcp/contract.ts'
import type { UdpDatagram, UdpEndpoint } from '../../stack/udp/index.ts'
import { Application } from './application.ts'
import type { Conversation, Deed, HostSyn } from './conversation.ts'
import { type Packet, payloadOf } from './packet.ts'
import { RecordedSequences } from './recorded-sequences.ts'
import type { Recording } from './recording.ts'

const ANY = IpAddress.v4(0)
const USUAL_MTU = 1500
const IP_AND_TCP = 40
const ETHERNET = 14
/** Linux's, of TCP_MAXSEG. */
const LEAST_MSS = 88

export class ReplayHost {
  readonly stack: Stack
  readonly port: RecordedPort
  readonly nic: Nic
  readonly applications = new Map<Conversation, Application>()
  /** What could not be sent as the recorded host did: datagrams and pings. */
  unsent = 0
  private readonly recording: Recording
  private readonly sequences: RecordedSequences
  private readonly listeners = new Map<number, TcpListener>()
  private readonly udp = new Map<number, UdpEndpoint>()
  private readonly handle: { requestPoll(): void; detach(): void }

  /** `lead`: the virtual time at which the capture begins. */
  constructor(simulation: Simulation, recording: Recording, lead: number, onSent: (bytes: Uint8Array) => void) {
    this.recording = recording
    this.sequences = new RecordedSequences(lead)
    const memory = plainMemory()
    this.port = new RecordedPort({ name: 'recorded', memory, mtu: mtuOf(recording), onSent })
    let ring = () => {}
    this.stack = new Stack({
      environment: simulation.environment,
      memory,
      requestPoll: () => ring(),
      sequences: this.sequences,
    })
    this.handle = simulation.attach(this.stack)
    ring = () => this.handle.requestPoll()
    this.nic = new Nic({
      port: this.port,
      frames: this.stack.frames,
      engine: new TypeScriptChecksum(),
      address: recording.mac,
      log: simulation.environment.log,
    })
    this.configure()
    ring()
  }

  /** Everybody is a neighbour on the link: which of them are behind a router is in the frames' link addresses. */
  private configure(): void {
    const { stack, recording } = this
    const address = { address: recording.host, length: 32 }
    const port: Interface = stack.addInterface({ device: this.nic, addresses: [address] })
    stack.addRoute({ destination: { address: ANY, length: 0 }, interface: port, source: recording.host })
    for (const [remote, mac] of recording.neighbours) stack.addNeighbour(port, IpAddress.v4(remote), mac)
    for (const localPort of recording.udpPorts) this.openUdp(localPort)
  }

  /** The first SYN of a connection is due: now the port is as it was then, or the host opens it. */
  begin(conversation: Conversation): void {
    this.sequences.begin(conversation)
    if (conversation.opener === 'host') this.connect(conversation)
    else if (conversation.host) this.listen(conversation)
    else if (conversation.refused) this.unlisten(conversation.localPort)
  }

  /** The connection that has these ports now. */
  find(remote: number, remotePort: number, localPort: number): Conversation | null {
    return this.sequences.find(remote, remotePort, localPort)
  }

  perform(conversation: Conversation, deed: Deed): void {
    this.applicationOf(conversation).perform(deed)
  }

  sendDatagram(packet: Packet): void {
    const endpoint = this.udp.get(packet.sourcePort)
    const sent = endpoint?.send(payloadOf(packet), IpAddress.v4(packet.destination), packet.destinationPort) ?? -1
    if (sent < 0) this.unsent++
  }

  sendPing(packet: Packet): void {
    const request = {
      identifier: packet.identifier,
      sequence: packet.number,
      payloadLength: packet.payloadLength,
      source: this.recording.host,
    }
    if (this.stack.echo.send(IpAddress.v4(packet.destination), request, () => {}) < 0) this.unsent++
  }

  /** Ends everything without a word; the number of pages and frames that nobody gave back. */
  close(): number {
    this.stack.close()
    this.handle.detach()
    this.nic.close()
    return this.stack.frames.outstanding + this.stack.pages.outstanding + this.port.outstandingPages
  }

  private applicationOf(conversation: Conversation): Application {
    let application = this.applications.get(conversation)
    if (!application) {
      application = new Application(conversation)
      this.applications.set(conversation, application)
    }
    return application
  }

  private connect(conversation: Conversation): void {
    const { remote, remotePort, localPort, hostSyn } = conversation
    const application = this.applicationOf(conversation)
    const endpoint = this.stack.tcp.connect(IpAddress.v4(remote), remotePort, {
      localAddress: this.recording.host,
      localPort,
      options: optionsOf(hostSyn ? [hostSyn] : []),
    })
    if (typeof endpoint === 'number') application.errno = -endpoint
    else application.attach(endpoint, false)
  }

  private listen({ localPort }: Conversation): void {
    if (this.listeners.has(localPort)) return
    const mine = this.recording.conversations.filter((each) => each.opener === 'peer' && each.localPort === localPort)
    const listener = this.stack.tcp.listen({
      address: null,
      port: localPort,
      backlog: 65535,
      options: optionsOf(mine.flatMap(({ hostSyn }) => hostSyn ?? [])),
    })
    if (typeof listener === 'number') return
    this.listeners.set(localPort, listener)
    listener.onReadiness = () => this.accept(listener)
  }

  private accept(listener: TcpListener): void {
    for (let endpoint = listener.accept(); endpoint; endpoint = listener.accept()) {
      const conversation = this.find(endpoint.remoteAddress.d, endpoint.remotePort, endpoint.localPort)
      if (conversation) this.applicationOf(conversation).attach(endpoint, true)
      else endpoint.abort()
    }
  }

  private unlisten(localPort: number): void {
    this.listeners.get(localPort)?.close()
    this.listeners.delete(localPort)
  }

  private openUdp(localPort: number): void {
    const endpoint = this.stack.udp.open()
    if (endpoint.bind(null, localPort) < 0) {
      endpoint.close()
      return
    }
    endpoint.setOption('broadcast', true)
    const datagram = Object.assign(pageRef(), { source: ANY, sourcePort: 0, destination: ANY }) as UdpDatagram
    endpoint.onReadiness = () => {
      for (;;) {
        const length = endpoint.receive(datagram)
        if (length >= 0) datagram.page?.release()
        else if (length === -EAGAIN) return
      }
    }
    this.udp.set(localPort, endpoint)
  }
}

function pageRef(): PageRef {
  return { page: null as unknown as Page, offset: 0, length: 0 }
}

/** What the recorded host agreed to and how much it took, from its SYNs; what it writes leaves at once, as it did then. */
function optionsOf(syns: readonly HostSyn[]): Partial<TcpOptions> {
  const mss = Math.max(0, ...syns.map((syn) => syn.mss))
  return {
    noDelay: true,
    timestamps: syns.some((syn) => syn.timestamps),
    sack: syns.some((syn) => syn.sack),
    windowScaling: syns.some((syn) => syn.windowScaling),
    maxSegment: mss === 0 ? 0 : Math.max(LEAST_MSS, mss),
  }
}

/** The usual, or what the host's SYNs and its datagrams need. */
function mtuOf({ frames, conversations }: Recording): number {
  let mtu = USUAL_MTU
  for (const { hostSyn } of conversations) if (hostSyn) mtu = Math.max(mtu, hostSyn.mss + IP_AND_TCP)
  for (const { packet, fromHost } of frames) {
    if (fromHost && packet.kind !== 'tcp') mtu = Math.max(mtu, packet.length - ETHERNET)
  }
  return Math.min(mtu, 65535)
}
