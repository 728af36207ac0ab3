// A host: a stack with its cards, driven by a reactor, and the faces an application sees. Owns the order of things at the
// end: servers, connections, what is still to be sent, stack, cards. Protocols are the stack's, sockets are net/'s.

import { EventEmitter } from 'node:events'
import type { Agent } from 'node:http'
import type { Agent as SecureAgent } from 'node:https'
import type { LookupFunction, Server as NodeServer } from 'node:net'
import type { ChecksumEngine } from '../../nic/index.ts'
import type { Memory } from '../../stack/buffer/page.ts'
import { type Counters, snapshot } from '../../stack/counters.ts'
import type { Stack } from '../../stack/stack.ts'
import type { Files } from '../files/index.ts'
import type { CaptureOptions, CaptureSink, CaptureStatistics } from '../pcap/index.ts'
import type { Pollable, Reactor, ReactorHandle } from '../reactor.ts'
import { type ConnectionRow, connectionRows } from './connections.ts'
import { createDgram, type Dgram } from './dgram/index.ts'
import type { HostNic } from './host-nic.ts'
import { Hold, Keeper } from './keeper.ts'
import { adoptServer } from './net/adopt-server.ts'
import { createAgent, createSecureAgent } from './net/agent.ts'
import { createNet, type Net } from './net/index.ts'
import { Loans } from './net/loans.ts'
import { SharedMemory } from './net/memory-transfer.ts'
import { Reader } from './net/reader.ts'
import { validateDuration, validatePort, validateSize } from './net/validate.ts'
import { OpenList } from './open-list.ts'
import { type PingOptions, type PingReply, ping } from './ping.ts'
import { Timeouts } from './timeouts.ts'

export interface HostEvents {
  /** The carrier of a card came or went. */
  link: [up: boolean, nic: HostNic]
  /** A card was taken away for good: its device was deleted. */
  gone: [nic: HostNic]
  /** All is released. */
  close: []
}

export interface CloseOptions {
  /** Milliseconds that connections may take to send what was written; then they are aborted. Default 5000. */
  timeout?: number
}

/** What is out of the pools: all zero when nothing is open and no frame is on its way. */
export interface Leaks {
  frames: number
  transmitPages: number
}

const SCRATCH = 65536

export class Host extends EventEmitter<HostEvents> {
  readonly stack: Stack
  readonly nics: readonly HostNic[]
  readonly net: Net
  readonly dgram: Dgram
  private readonly context: HostContext
  private readonly handle: ReactorHandle
  private readonly hold: Hold
  private readonly release: () => void
  private readonly captureDefaults: Pick<CaptureOptions, 'clock' | 'epochOffset' | 'engine'>
  private closing: Promise<void> | null = null
  /** Looks whether all has ended; set while the host closes. */
  private checkEnd: (() => void) | null = null

  /** For `createHost`, which builds the parts. */
  constructor(parts: {
    stack: Stack
    nics: readonly HostNic[]
    reactor: Reactor
    /** Microseconds from the reactor's clock to the time since 1970, for captures. */
    epochOffset: number
    lookup: LookupFunction | null
    /** What `sendFile` sends from. */
    files: Files
    memory: Memory
    /** For captures: it reads pages that JavaScript cannot. */
    engine: ChecksumEngine
    /** Called with what asks for polls. */
    connect: (handle: ReactorHandle) => void
    /** Called last, when the host is closed. */
    release: () => void
  }) {
    super()
    const { stack, reactor } = parts
    this.release = parts.release
    this.captureDefaults = { clock: reactor.clock, epochOffset: parts.epochOffset, engine: parts.engine }
    const shared = new SharedMemory(parts.memory)
    this.stack = stack
    this.nics = parts.nics
    this.handle = reactor.attach(
      new HostPoll(
        stack.counters,
        () => this.poll(),
        () => this.nextDeadline(),
      ),
    )
    this.context = {
      tcp: stack.tcp,
      udp: stack.udp,
      timeouts: new Timeouts(reactor.clock, () => this.handle.requestPoll()),
      keeper: new Keeper(this.handle),
      reader: new Reader(stack.counters),
      files: parts.files,
      shared,
      loans: new Loans(shared),
      scratch: Buffer.allocUnsafeSlow(SCRATCH),
      lookup: parts.lookup,
      closed: false,
      open: new OpenList(() => {
        if (this.checkEnd) this.handle.requestPoll()
      }),
    }
    this.hold = new Hold(this.context.keeper)
    this.net = createNet(this.context)
    this.dgram = createDgram(this.context)
    parts.connect(this.handle)
    this.handle.requestPoll()
  }

  /** The first card. */
  get nic(): HostNic {
    return this.nics[0]
  }

  /**
   * Lets a server of Node's own (http, https, http2, tls, net) listen on this host: `host.listen(http.createServer(app), 80)`.
   * Its `listening`, `error`, `address()` and `close()` are as ever. `address` null: any of the host's. As with Node's own
   * `listen`, the last argument may be a listener for `listening`.
   */
  listen<S extends NodeServer>(server: S, port: number, listener?: () => void): S
  listen<S extends NodeServer>(server: S, port: number, address: string | null, listener?: () => void): S
  listen<S extends NodeServer>(
    server: S,
    port: number,
    address: string | null,
    backlog: number,
    listener?: () => void,
  ): S
  listen<S extends NodeServer>(server: S, port: number, ...rest: unknown[]): S {
    const listener = rest.findIndex((value) => typeof value === 'function')
    const [address, backlog] = listener < 0 ? rest : rest.slice(0, listener)
    if (address !== undefined && address !== null && typeof address !== 'string') {
      throw new TypeError(`the address to listen on must be a string or null, not ${typeof address}`)
    }
    if (backlog !== undefined && typeof backlog !== 'number') throw new TypeError('the backlog must be a number')
    if (listener >= 0) server.once('listening', rest[listener] as () => void)
    adoptServer(this.context, this.net.Socket, server, validatePort(port, 'port'), address ?? null, backlog ?? 511)
    return server
  }

  /** An agent for `http.request` and `http.get`, over this host. */
  agent(options?: ConstructorParameters<typeof Agent>[0]): Agent {
    return createAgent(this.net.connect, options)
  }

  /** An agent for `https.request` and `https.get`, over this host. */
  secureAgent(options?: ConstructorParameters<typeof SecureAgent>[0]): SecureAgent {
    return createSecureAgent(this.net.connect, options)
  }

  /** Echo requests and their answers, as they come: `for await (const reply of host.ping('192.0.2.1', { count: 3 }))`. */
  ping(address: string, options?: PingOptions): AsyncGenerator<PingReply, void, undefined> {
    return ping(this.context, this.stack.echo, address, options)
  }

  /** The stack's counters as nstat names them, those of zero too. */
  get counters(): Record<string, number> {
    return snapshot(this.stack.counters, true)
  }

  /** What `ss` lists: listeners, connections with their `info`, UDP sockets. */
  connections(): ConnectionRow[] {
    return connectionRows(this.stack)
  }

  /** Writes what passes a card, in both directions, as pcapng to `sink`, until the result is called. */
  capture(sink: CaptureSink, options: Partial<CaptureOptions> & { nic?: HostNic } = {}): () => CaptureStatistics {
    const { nic = this.nic, ...rest } = options
    return nic.capture.start(sink, { ...this.captureDefaults, ...rest })
  }

  /** What is being sent by reference now: files, and buffers of `alloc`. */
  get sending(): { files: number; buffers: number } {
    return { files: this.context.files.sending, buffers: this.context.shared.registered }
  }

  /** The page cache of files that are sent, and its store. */
  get files(): Files {
    return this.context.files
  }

  /**
   * Memory for `socket.writeZeroCopy`: `size` zeroed bytes that the card can point at. It cannot be transferred to another
   * thread. RangeError for a size below 1, or when there is none.
   */
  alloc(size: number): Buffer {
    return this.context.shared.allocate(validateSize(size, 'size'))
  }

  /** What is out of the stack's pools now. */
  leaks(): Leaks {
    return { frames: this.stack.frames.outstanding, transmitPages: this.stack.pages.outstanding }
  }

  /** The host itself keeps the process alive, not only what is open on it. */
  ref(): this {
    this.hold.start()
    return this
  }

  unref(): this {
    this.hold.stop()
    return this
  }

  /**
   * Closes servers, ends connections and lets them send what was written, aborts what is left after `timeout`, then
   * releases the stack and the cards. Resolves when all is released; a second call gives the same promise.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.closing ??= this.end(validateDuration(options.timeout ?? 5000, 'timeout'))
    return this.closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  private async end(timeout: number): Promise<void> {
    const { context } = this
    context.closed = true
    const hold = new Hold(context.keeper)
    hold.start()
    for (const each of context.open.list()) each.closeWithHost(false)
    await this.drained(timeout)
    for (const each of context.open.list()) each.closeWithHost(true)
    this.stack.close()
    for (const nic of this.nics) nic.close()
    this.context.files.close()
    await this.context.files.quiet()
    this.release()
    hold.stop()
    this.handle.detach()
    this.emit('close')
  }

  /** Resolves when nothing is open and nothing is to be sent, or after `timeout` milliseconds. */
  private async drained(timeout: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = () => {
        this.checkEnd = null
        limit.set(0)
        resolve()
      }
      const limit = this.context.timeouts.create(finish)
      limit.set(Math.max(timeout, 0.001))
      this.checkEnd = () => {
        if (this.context.open.size === 0 && !this.unfinished()) finish()
      }
      this.handle.requestPoll()
    })
  }

  /** Whether a closed connection still has bytes, or its FIN, to bring to the other side. */
  private unfinished(): boolean {
    for (const { state } of this.stack.tcp.endpoints()) {
      if (state === 'FIN-WAIT-1' || state === 'CLOSING' || state === 'LAST-ACK') return true
    }
    return false
  }

  /** For the reactor: does all that can be done now. When a listener throws in here, what follows is done in the next poll. */
  private poll(): boolean {
    const { timeouts, keeper, files, loans } = this.context
    files.check()
    const more = this.stack.poll()
    files.check()
    loans.check()
    timeouts.expire()
    if (!keeper.open) keeper.linger(this.unfinished())
    this.checkEnd?.()
    return more
  }

  private nextDeadline(): number {
    return Math.min(this.stack.nextDeadline(), this.context.timeouts.nextDeadline())
  }
}

interface HostContext {
  tcp: Stack['tcp']
  udp: Stack['udp']
  timeouts: Timeouts
  keeper: Keeper
  reader: Reader
  files: Files
  shared: SharedMemory
  loans: Loans
  scratch: Buffer
  lookup: LookupFunction | null
  closed: boolean
  open: OpenList
}

/** A host as a reactor drives it. A class, since V8 keeps an object literal with getters as a dictionary. */
class HostPoll implements Pollable {
  readonly poll: () => boolean
  readonly nextDeadline: () => number
  private readonly counters: Counters

  constructor(counters: Counters, poll: () => boolean, nextDeadline: () => number) {
    this.counters = counters
    this.poll = poll
    this.nextDeadline = nextDeadline
  }

  get octets(): number {
    return this.counters.IpExtInOctets + this.counters.IpExtOutOctets
  }

  get arrivals(): number {
    return this.counters.IpInReceives + this.counters.ArpInPackets
  }
}
