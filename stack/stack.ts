// A whole stack as one object: composes the layers, drives them in order, and hangs everything on itself, so that
// several live in one process. Owns the pools, the heap of deadlines and the poll; does no I/O and reads no clock but
// the given one.

import { DeadlineHeap, NEVER } from './base/deadlines.ts'
import type { Environment } from './base/environment.ts'
import { EAFNOSUPPORT, EINVAL, ENOBUFS, errnoName } from './base/errno.ts'
import type { Cidr, IpAddress } from './base/ip-address.ts'
import type { MacAddress } from './base/mac-address.ts'
import { Thrown } from './base/thrown.ts'
import { FramePool, HEADER_PAGE } from './buffer/frame.ts'
import type { Memory } from './buffer/page.ts'
import { PagePool } from './buffer/page-pool.ts'
import type { StackContext } from './context.ts'
import { Counters } from './counters.ts'
import { type Device, POLL_BUDGET } from './device.ts'
import type { EchoClient } from './network/echo-client.ts'
import type { Interface } from './network/interface.ts'
import { type NeighbourEntry, Network } from './network/network.ts'
import type { Route, RouteOptions } from './network/routes.ts'
import type { Tcp, TcpOptions } from './tcp/contract.ts'
import { type Sequences, TcpLayer } from './tcp/index.ts'
import { type Udp, UdpLayer } from './udp/index.ts'

export interface StackOptions {
  environment: Environment
  /** Where pages come from: the registry that the devices' ports read and write. */
  memory: Memory
  /** Asks whoever drives the stack for a poll soon. Idempotent and cheap; never called while a poll runs. */
  requestPoll: () => void
  /** Defaults of TCP endpoints. */
  tcp?: Partial<TcpOptions>
  /** Initial sequence numbers and timestamp offsets, for a replay. Default: RFC 6528's, which nobody can guess. */
  sequences?: Sequences
  /**
   * The most pages that may be out at a time. Default 16384 header pages of 256 bytes, 4096 transmit pages of 64 KiB.
   */
  limits?: { headerPages?: number; transmitPages?: number }
}

/**
 * A poll that took in so many bytes acknowledges them before the application gets its turn: what the application does
 * with them may take longer than the sender waits before it probes for a loss (RFC 8985 7.2). Less than that is a
 * request, whose answer carries the acknowledgment.
 */
const BULK = 65536
/** How often a poll takes frames as long as they are small. */
const TURNS = 8
/** Polls that may go by with frames waiting before deadlines are fired all the same. */
const PATIENCE = 16
/** How often one poll makes callbacks that came from callbacks. */
const ROUNDS = 4

export class Stack implements StackContext {
  readonly environment: Environment
  readonly heap = new DeadlineHeap()
  readonly frames: FramePool
  readonly pages: PagePool
  readonly headers: PagePool
  readonly counters = new Counters()
  readonly network: Network
  readonly tcp: Tcp
  readonly udp: Udp
  /** ICMP echo requests of our own. */
  readonly echo: EchoClient
  /**
   * Told within a device's own event, not from dispatch: the carrier of an interface came or went, or its device is
   * gone for good.
   */
  onLink: ((port: Interface, up: boolean, gone: boolean) => void) | null = null
  private readonly ring: () => void
  private readonly callbacks: (() => void)[] = []
  private readonly thrown = new Thrown()
  private polling = false
  private time: number
  /** Work that the poll in progress will not get to. */
  private requested = false
  /** Frames came while the poll runs: dispatch does not undo this. */
  private readable = false
  /** More comes than a poll takes in. */
  behind = false
  /** A device was told to hand up fewer frames at a time. */
  private narrow = false
  /** Polls since deadlines were fired. */
  private postponed = 0
  private closed = false

  /** Throws RangeError for a TCP default that is out of range. */
  constructor(options: StackOptions) {
    const { environment, memory, limits } = options
    this.environment = environment
    this.ring = options.requestPoll
    this.time = environment.clock.now()
    this.headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 256, limit: limits?.headerPages ?? 16384 })
    this.frames = new FramePool(this.headers)
    this.pages = new PagePool(memory, { pageSize: 65536, slab: 16, limit: limits?.transmitPages ?? 4096 })
    this.network = new Network(this, {
      onReadable: () => this.onReadable(),
      onWritable: () => this.onWritable(),
      onLink: (port, up, gone) => {
        if (gone) this.tcp.onGone(port)
        this.onLink?.(port, up, gone)
      },
    })
    this.echo = this.network.echo
    this.tcp = new TcpLayer(this, this.network, options.tcp, options.sequences)
    this.udp = new UdpLayer(this, this.network)
  }

  /** Microseconds: the clock as read at the start of the poll in progress; between polls, as it is. */
  get now(): number {
    if (!this.polling) this.time = this.environment.clock.now()
    return this.time
  }

  /** All interfaces; the loopback interface comes first. */
  get interfaces(): readonly Interface[] {
    return this.network.interfaces
  }

  /**
   * Takes a device in and gives it addresses, which are announced on its link. Throws RangeError for an address that no
   * host can have, or that is there twice; nothing is added then.
   */
  addInterface(options: { device: Device; addresses: Cidr[] }): Interface {
    const port = this.network.addInterface(options.device)
    for (const cidr of options.addresses) {
      const errno = this.network.addAddress(port, cidr)
      if (errno === 0) continue
      this.network.removeInterface(port)
      throw new RangeError(`${cidr.address}/${cidr.length} cannot be an address of ${port.name}: ${errnoName(errno)}`)
    }
    return port
  }

  /** Its addresses, routes and neighbours go. The device is the caller's to close. */
  removeInterface(port: Interface): void {
    this.network.removeInterface(port)
  }

  /** 0, -EINVAL, -EEXIST, -EAFNOSUPPORT. */
  addAddress(port: Interface, cidr: Cidr): number {
    return this.network.addAddress(port, cidr)
  }

  /** 0, -EADDRNOTAVAIL, -EAFNOSUPPORT. */
  removeAddress(port: Interface, address: IpAddress): number {
    return this.network.removeAddress(port, address)
  }

  /** 0, or -ENETUNREACH (the gateway is on no link of ours), -EEXIST, -EINVAL, -EAFNOSUPPORT. */
  addRoute(route: RouteOptions): number {
    return this.network.addRoute(route)
  }

  /** 0, -ESRCH, -EAFNOSUPPORT. */
  removeRoute(route: RouteOptions): number {
    return this.network.removeRoute(route)
  }

  routes(): Route[] {
    return this.network.routes()
  }

  neighbours(): NeighbourEntry[] {
    return this.network.neighbours()
  }

  /** A permanent neighbour (`ip neigh add ... nud permanent`). 0, -EINVAL, -EAFNOSUPPORT, -ENOBUFS. */
  addNeighbour(port: Interface, address: IpAddress, linkAddress: MacAddress): number {
    const cache = this.network.neighbourCache(port, address)
    if (!cache) return address.family === 4 ? -EINVAL : -EAFNOSUPPORT
    return cache.addPermanent(address, linkAddress.high, linkAddress.low) ? 0 : -ENOBUFS
  }

  /**
   * Asks for some seconds whether an address is in use on the link of an interface (RFC 5227). `onVerdict` is called
   * once, by dispatch: with the link address of its owner, or null when it is free. 0, -EINVAL.
   */
  probeAddress(port: Interface, address: IpAddress, onVerdict: (rival: MacAddress | null) => void): number {
    return this.network.probe(port, address, (rival) => {
      this.callbacks.push(() => onVerdict(rival))
      this.requestPoll()
    })
  }

  requestPoll(): void {
    if (this.closed) return
    if (this.polling) this.requested = true
    else this.ring()
  }

  /**
   * Does all that can be done now: takes at most `budget` frames from each device and no
   * more than the device's own budget, fires deadlines, makes the
   * callbacks, sends. True when more work is waiting. Called from within itself it does nothing and answers true. What
   * callbacks threw is thrown when all is done: the one exception, or an AggregateError; if more work is waiting
   * `requestPoll` was called.
   */
  poll(budget = Number.POSITIVE_INFINITY): boolean {
    if (this.closed) return false
    if (this.polling) {
      this.requested = true
      return true
    }
    this.polling = true
    this.requested = false
    this.readable = false
    let more = false
    try {
      this.time = this.environment.clock.now()
      const octets = this.counters.IpExtInOctets
      more = this.receive(budget)
      // Many that are small are acknowledgments. Those of a burst come in before the next burst leaves, or they pile up.
      const turns = budget < POLL_BUDGET || this.narrow ? 1 : TURNS
      for (let turn = 1; more && turn < turns && this.counters.IpExtInOctets - octets < BULK; turn++) {
        more = this.receive(budget)
      }
      this.behind = more
      this.expire(more)
      if (this.counters.IpExtInOctets - octets >= BULK) this.transmit()
      this.requested = !this.dispatch()
      if (!this.closed) this.transmit()
    } finally {
      this.polling = false
      more = (more || this.requested || this.readable) && !this.closed
    }
    this.finish(more)
    return more
  }

  nextDeadline(): number {
    return this.closed ? NEVER : this.heap.next()
  }

  /**
   * Aborts all endpoints without a callback and lets go of everything. Devices are the caller's to close. Idempotent.
   */
  close(): void {
    if (this.closed) return
    this.tcp.shutdown(0)
    this.udp.shutdown(0)
    // Resets leave, if there is room for them.
    this.tcp.pollTransmit(this.now)
    for (const { device } of this.network.interfaces) device.flush()
    this.closed = true
    this.callbacks.length = 0
    this.network.close()
    this.pages.close()
    this.headers.close()
  }

  /** Takes frames in; layers only set verdicts meanwhile. True if a device has more. */
  private receive(budget: number): boolean {
    const { interfaces } = this.network
    // What came before a deadline is seen before it: it may make it needless.
    const thorough = this.heap.next() <= this.time
    let more = false
    this.narrow = false
    for (let i = 0; i < interfaces.length; i++) {
      const { device } = interfaces[i]
      const most = Math.min(budget, device.pollBudget ?? POLL_BUDGET)
      if (most < POLL_BUDGET) this.narrow = true
      if (device.poll(most, this.time, thorough) >= most) more = true
    }
    return more
  }

  /**
   * Fires deadlines, but after what came before them: while frames are still waiting, an acknowledgment may be among them
   * that makes a retransmission needless. Not for ever: under constant load every so many polls.
   */
  private expire(more: boolean): void {
    if (more && this.postponed++ < PATIENCE) return
    this.postponed = 0
    this.heap.expire(this.time)
  }

  /** Makes all callbacks, and those that they give rise to. False when these do not come to an end. */
  private dispatch(): boolean {
    for (let round = 0; round < ROUNDS; round++) {
      const tcp = this.attempt(this.tcp)
      const udp = this.attempt(this.udp)
      const echo = this.attempt(this.echo)
      if (!(this.callBack() || tcp || udp || echo) || this.closed) return true
    }
    return false
  }

  /** One that throws does not keep the others from theirs. */
  private attempt(layer: { dispatch(): boolean }): boolean {
    if (this.closed) return false
    try {
      return layer.dispatch()
    } catch (error) {
      this.thrown.add(error)
      return true
    }
  }

  private callBack(): boolean {
    if (this.callbacks.length === 0) return false
    const callbacks = this.callbacks.splice(0)
    for (const callback of callbacks) {
      try {
        if (!this.closed) callback()
      } catch (error) {
        this.thrown.add(error)
      }
    }
    return true
  }

  private transmit(): void {
    this.tcp.pollTransmit(this.time)
    const { interfaces } = this.network
    for (let i = 0; i < interfaces.length; i++) interfaces[i].device.flush()
  }

  /** The caller learns of an exception in the place of the answer: what waits is asked for then. */
  private finish(more: boolean): void {
    try {
      this.thrown.rethrow()
    } catch (error) {
      if (more) this.ring()
      throw error
    }
  }

  private onReadable(): void {
    this.readable = true
    this.requestPoll()
  }

  private onWritable(): void {
    this.tcp.onWritable()
    this.udp.onWritable()
    this.requestPoll()
  }
}
