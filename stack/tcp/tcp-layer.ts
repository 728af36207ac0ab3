// TCP as one object of a stack (stack/tcp/contract.ts): puts its parts together, opens connections and listeners, and does for a
// connection what only the whole can do. Owns the parts; the protocol is in the procedures over a connection
// (segment-arrives, transmit, timeouts) and in passive-open.

import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENETDOWN } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import type { Frame } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import type { Counters } from '../counters.ts'
import {
  type IcmpError,
  type Network,
  type Path,
  PROTOCOL_TCP,
  type ReceivedPacket,
  type TransportProtocol,
} from '../network/contract.ts'
import type { Interface } from '../network/interface.ts'
import { ACK, RST } from '../wire/tcp.ts'
import { Connection } from './connection.ts'
import { CONNECTION, ConnectionTable } from './connection-table.ts'
import type { Tcp, TcpConnectOptions, TcpEndpoint, TcpListener, TcpListenOptions, TcpOptions } from './contract.ts'
import type { ControlBlock } from './control-block.ts'
import { Demultiplexer } from './demultiplexer.ts'
import { abort, fail } from './ending.ts'
import { EphemeralPorts, FIRST_EPHEMERAL, LAST_EPHEMERAL } from './ephemeral-ports.ts'
import { InitialSequence, type Sequences } from './initial-sequence.ts'
import { Listener, type ListenerHost } from './listener.ts'
import { Listeners } from './listeners.ts'
import { OptionVariants } from './option-variants.ts'
import { DEFAULT_OPTIONS, mergeOptions } from './options.ts'
import { PageFill } from './page-fill.ts'
import { PassiveOpen, type PassiveOpenHost } from './passive-open.ts'
import { ReplyQueue } from './reply-queue.ts'
import { SegmentWriter } from './segment-writer.ts'
import { SynCookies } from './syn-cookie.ts'
import { SynPriority } from './syn-priority.ts'
import { TimeWaitKeeper } from './time-wait-keeper.ts'
import { WorkLists } from './work-lists.ts'

/** Node's own default. */
const DEFAULT_BACKLOG = 511
const MAX_PORT = 65535

export class TcpLayer implements Tcp, TransportProtocol, PassiveOpenHost, ListenerHost {
  readonly defaults: TcpOptions
  readonly context: StackContext
  readonly network: Network
  readonly counters: Counters
  readonly writer: SegmentWriter
  readonly table: ConnectionTable
  readonly replies: ReplyQueue
  readonly sequences: Sequences
  readonly cookies: SynCookies
  readonly priority: SynPriority
  readonly sendFill: PageFill
  readonly receiveFill: PageFill
  readonly optionVariants = new OptionVariants()
  /** Connections that are over and still hold what their application has not read. */
  private readonly unread = new Set<ControlBlock>()
  private readonly listening = new Listeners()
  private readonly ports: EphemeralPorts
  private readonly passive: PassiveOpen
  private readonly waits: TimeWaitKeeper
  private readonly work: WorkLists
  private readonly demultiplexer: Demultiplexer

  /** Throws RangeError for a default out of range. `sequences`: in the place of RFC 6528's. */
  constructor(context: StackContext, network: Network, defaults?: Partial<TcpOptions>, sequences?: Sequences) {
    const merged = mergeOptions(DEFAULT_OPTIONS, defaults)
    if (!merged) throw new RangeError('a default TCP option is out of range')
    const random = context.environment.random.fork('tcp')
    this.defaults = merged
    this.context = context
    this.network = network
    this.counters = context.counters
    this.writer = new SegmentWriter(network, context.counters)
    this.table = new ConnectionTable(random.fork('table'))
    this.replies = new ReplyQueue(network, this.writer)
    this.sequences = sequences ?? new InitialSequence(random.fork('sequences'))
    this.cookies = new SynCookies(random.fork('cookies'))
    this.priority = new SynPriority(random.fork('priority'))
    this.ports = new EphemeralPorts(random.fork('ports'))
    this.sendFill = new PageFill(context.pages, context.counters, false)
    this.receiveFill = new PageFill(context.pages, context.counters, true)
    this.work = new WorkLists(context.pages, context.counters)
    this.passive = new PassiveOpen(this)
    this.waits = new TimeWaitKeeper(context, this.table, this.replies)
    const { counters, table, replies, listening: listeners, passive, waits: timeWaits } = this
    this.demultiplexer = new Demultiplexer({ counters, network, table, replies, listeners, passive, timeWaits })
    network.register(PROTOCOL_TCP, this)
  }

  connect(address: IpAddress, port: number, options: TcpConnectOptions = {}): TcpEndpoint | number {
    const merged = mergeOptions(this.defaults, options.options)
    if (!merged || !isPort(port) || (options.localPort && !isPort(options.localPort))) return -EINVAL
    const source = options.localAddress?.isUnspecified ? null : options.localAddress
    const path = this.network.path(address, source)
    if (typeof path === 'number') return path
    const localPort = this.localPort(path, port, options.localPort ?? 0)
    if (localPort < 0) return localPort
    const offset = this.sequences.timestampOffset(path.source, path.destination, localPort, port)
    const connection = new Connection(this, path, localPort, port, merged, offset)
    this.table.insert(connection)
    this.counters.TcpActiveOpens++
    const now = this.context.environment.clock.now()
    connection.open(this.sequences.sequence(path.source, localPort, path.destination, port, now))
    return connection
  }

  listen(options: TcpListenOptions): TcpListener | number {
    const merged = mergeOptions(this.defaults, options.options)
    const backlog = options.backlog ?? DEFAULT_BACKLOG
    if (!merged || !Number.isInteger(backlog) || backlog < 1 || backlog > 65535) return -EINVAL
    if (!isPort(options.port) && options.port !== 0) return -EINVAL
    const address = options.address?.isUnspecified ? null : options.address
    if (address && !this.network.isLocal(address)) return -EADDRNOTAVAIL
    const port = options.port === 0 ? this.freePort(address) : options.port
    if (port === 0 || this.listening.conflicts(address, port)) return -EADDRINUSE
    const listener = new Listener(this, address, port, backlog, merged)
    this.listening.add(listener)
    return listener
  }

  endpoints(): Iterable<TcpEndpoint> {
    return this.table.list(CONNECTION) as Connection[]
  }

  listeners(): Iterable<TcpListener> {
    return this.listening.all()
  }

  get timeWaits(): number {
    return this.waits.size
  }

  onPacket(frame: Frame, packet: ReceivedPacket, now: number): void {
    this.demultiplexer.onPacket(frame, packet, now)
    frame.release()
  }

  onIcmpError(error: IcmpError, view: DataView, at: number, available: number, now: number): void {
    this.demultiplexer.onIcmpError(error, view, at, available, now)
  }

  dispatch(): boolean {
    return this.work.dispatch()
  }

  pollTransmit(now: number): void {
    this.replies.transmit(now)
    this.passive.transmit(now)
    if (this.work.transmit(now)) this.context.requestPoll()
    this.sendFill.releaseUnused()
    this.receiveFill.releaseUnused()
  }

  onWritable(): void {
    this.work.onWritable()
    this.context.requestPoll()
  }

  onGone(port: Interface): void {
    const now = this.context.environment.clock.now()
    for (const connection of this.table.list(CONNECTION) as Connection[]) {
      if (connection.path.interface === port) fail(connection, ENETDOWN, now)
    }
    this.context.requestPoll()
  }

  shutdown(errno: number): void {
    const now = this.context.environment.clock.now()
    for (const listener of this.listening.all()) listener.close()
    for (const connection of this.table.list(CONNECTION) as Connection[]) {
      if (errno === 0) connection.abort()
      else abort(connection, errno, now)
      connection.dropReceived()
    }
    for (const block of this.unread) block.dropReceived()
    this.unread.clear()
    this.waits.clear()
    this.sendFill.release()
    this.receiveFill.release()
  }

  schedule(block: ControlBlock): void {
    this.work.schedule(block as Connection)
  }

  tell(block: ControlBlock, events: number): void {
    this.work.tell(block as Connection, events)
  }

  starve(block: ControlBlock): void {
    this.work.starve(block as Connection)
  }

  forget(block: ControlBlock): void {
    this.unread.delete(block)
  }

  onAccepted(block: ControlBlock): void {
    const connection = block as Connection
    connection.acceptor?.push(connection)
  }

  retire(block: ControlBlock, timeWait: boolean, now: number): void {
    this.table.remove(block)
    if (!block.orphan && block.received.size > 0) this.unread.add(block)
    if (timeWait) this.waits.keep(block, now)
  }

  /** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK> (RFC 9293 3.10.5, as Linux with the acknowledgment). */
  sendReset(block: ControlBlock): void {
    const { timestamps } = block
    const reply = this.replies.add(block.local, block.localPort, block.remote, block.remotePort)
    reply.path = block.path
    reply.flags = RST | ACK
    reply.sequence = block.sendWindow.sndNxt
    reply.ack = block.receiveWindow.rcvNxt
    reply.timestamps = timestamps.enabled
    reply.tsOffset = timestamps.offset
    reply.tsEcr = timestamps.recent
    reply.ttl = block.options.ttl
    reply.trafficClass = block.options.trafficClass
  }

  refuse(block: ControlBlock, ack: number): void {
    const reply = this.replies.addStray(block.local, block.localPort, block.remote, block.remotePort)
    if (!reply) return
    reply.path = block.path
    reply.flags = RST
    reply.sequence = ack
    reply.ack = 0
  }

  onSynTimeout(listener: Listener, now: number): void {
    this.passive.onTimeout(listener, now)
  }

  tellListener(listener: Listener): void {
    this.work.tellListener(listener)
  }

  closeListener(listener: Listener): void {
    this.listening.remove(listener)
    this.passive.closeAll(listener)
    for (let next = listener.accept(); next !== null; next = listener.accept()) next.abort()
    this.context.requestPoll()
  }

  /** The local port of an active open: the one asked for or an ephemeral one; or a negative errno. */
  private localPort(path: Path, remotePort: number, wanted: number): number {
    const { source, destination } = path
    if (wanted !== 0) {
      const taken = this.table.find(source, wanted, destination, remotePort) !== null
      return taken || this.listening.conflicts(source, wanted) ? -EADDRINUSE : wanted
    }
    const port = this.ports.pick(source, destination, remotePort, (candidate) => {
      return this.listening.holdsPort(candidate) || this.table.find(source, candidate, destination, remotePort) !== null
    })
    return port === 0 ? -EADDRNOTAVAIL : port
  }

  /** A port for a listener, from a random one upwards; 0: none is free. */
  private freePort(address: IpAddress | null): number {
    const count = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1
    const start = this.context.environment.random.below(count)
    for (let i = 0; i < count; i++) {
      const port = FIRST_EPHEMERAL + ((start + i) % count)
      if (!this.listening.conflicts(address, port)) return port
    }
    return 0
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= MAX_PORT
}
