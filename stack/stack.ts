// A whole stack as one object: composes the layers, drives them in order, and hangs everything on itself, so that several
// live in one process. Owns the pools, the heap of deadlines and the poll; does no I/O and reads no clock but the given one.

import { DeadlineHeap } from './base/deadlines.ts'
import type { Environment } from './base/environment.ts'
import { ENETUNREACH } from './base/errno.ts'
import type { Cidr, IpAddress } from './base/ip-address.ts'
import { FramePool, HEADER_PAGE } from './buffer/frame.ts'
import type { Memory } from './buffer/page.ts'
import { PagePool } from './buffer/page-pool.ts'
import type { StackContext } from './context.ts'
import { Counters } from './counters.ts'
import type { Device } from './device.ts'
import type { EchoClient } from './network/echo-client.ts'
import type { Interface } from './network/interface.ts'
import type { Route, RouteOptions } from './network/routes.ts'
import type { Tcp, TcpOptions } from './tcp/contract.ts'
import type { Udp } from './udp/contract.ts'

export interface StackOptions {
  environment: Environment
  /** Where pages come from: the registry that the devices' ports read and write. */
  memory: Memory
  /** Asks whoever drives the stack for a poll soon. Idempotent and cheap. */
  requestPoll: () => void
  /** Defaults of TCP endpoints. */
  tcp?: Partial<TcpOptions>
  limits?: { headerPages?: number; transmitPages?: number }
}

/** One entry of the neighbour cache, as `ip neigh` shows it. */
export interface NeighbourEntry {
  address: IpAddress
  interface: string
  /** Null while it is not known. */
  linkAddress: string | null
  state: 'INCOMPLETE' | 'REACHABLE' | 'STALE' | 'DELAY' | 'PROBE' | 'FAILED' | 'PERMANENT' | 'NOARP'
}

export class Stack implements StackContext {
  readonly environment: Environment
  readonly heap = new DeadlineHeap()
  readonly frames: FramePool
  readonly pages: PagePool
  readonly counters = new Counters()
  readonly tcp!: Tcp
  readonly udp!: Udp
  readonly echo!: EchoClient
  now: number
  private readonly options: StackOptions

  constructor(options: StackOptions) {
    this.options = options
    this.environment = options.environment
    this.now = options.environment.clock.now()
    const limits = options.limits
    const headers = { pageSize: HEADER_PAGE, slab: 256, limit: limits?.headerPages ?? 16384 }
    this.frames = new FramePool(new PagePool(options.memory, headers))
    this.pages = new PagePool(options.memory, { pageSize: 65536, slab: 16, limit: limits?.transmitPages ?? 4096 })
  }

  /** Takes a device in and gives it addresses. Throws RangeError for an address that is none for a host. */
  addInterface(_options: { device: Device; addresses: Cidr[] }): Interface {
    throw new RangeError('no network layer yet')
  }

  removeInterface(_interface: Interface): void {}

  /** 0, or -ENETUNREACH (no interface reaches the gateway), -EEXIST, -EINVAL. */
  addRoute(_route: RouteOptions): number {
    return -ENETUNREACH
  }

  /** 0 or -ESRCH. */
  removeRoute(_route: RouteOptions): number {
    return -ENETUNREACH
  }

  routes(): Route[] {
    return []
  }

  neighbours(): NeighbourEntry[] {
    return []
  }

  requestPoll(): void {
    this.options.requestPoll()
  }

  /** Does all that can be done now. True when more work is waiting. */
  poll(_budget?: number): boolean {
    return false
  }

  nextDeadline(): number {
    return this.heap.next()
  }

  close(): void {}
}
