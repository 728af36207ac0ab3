// A host of the tests: a stack with a card on one end of a wire, driven by the simulation, and applications on its
// endpoints that write and check the pattern. Every call of an application is followed by what the stack does at once.

import type { ReactorHandle } from '../../drivers/reactor.ts'
import { plainMemory, type Simulation } from '../../drivers/wire/index.ts'
import { Nic, TypeScriptChecksum } from '../../nic/index.ts'
import type { Port } from '../../nic/port.ts'
import { EAGAIN, errnoName } from '../../stack/base/errno.ts'
import { IpAddress, parseCidr } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { type Memory, Page, type PageRef } from '../../stack/buffer/page.ts'
import type { Device } from '../../stack/device.ts'
import { Stack } from '../../stack/stack.ts'
import type {
  TcpConnectOptions,
  TcpEndpoint,
  TcpListener,
  TcpListenOptions,
  TcpOptions,
} from '../../stack/tcp/contract.ts'
import { ACKNOWLEDGED, ERROR, HANGUP, READ_HANGUP, READABLE, WRITABLE } from '../../stack/tcp/contract.ts'
import { pattern, patternMismatch } from './pattern.ts'

export interface TestHostOptions {
  name?: string
  /** With the length of its prefix. */
  address?: string
  mac?: string
  tcp?: Partial<TcpOptions>
  /** A default gateway. */
  gateway?: string
}

const EVENT_NAMES: [number, string][] = [
  [READABLE, 'readable'],
  [WRITABLE, 'writable'],
  [ERROR, 'error'],
  [HANGUP, 'hangup'],
  [READ_HANGUP, 'read-hangup'],
  [ACKNOWLEDGED, 'acknowledged'],
]

/** The readiness bits by name. */
export function eventNames(events: number): string[] {
  return EVENT_NAMES.filter(([bit]) => events & bit).map(([, name]) => name)
}

/** Anything but a result of 0 or more is the test's failure. */
export function unwrap<T extends object>(result: T | number): T {
  if (typeof result === 'number') throw new Error(`the call answered ${errnoName(result)}`)
  return result
}

export class TestHost {
  readonly simulation: Simulation
  readonly stack: Stack
  readonly memory: Memory
  readonly nic: Nic | null
  readonly apps: App[] = []
  private readonly handle: ReactorHandle

  /** On a port the host gets a card; a device is taken as it is. */
  constructor(simulation: Simulation, below: Port | Device, options: TestHostOptions = {}) {
    const { name = 'host', address = '192.0.2.2/24', mac = '02:00:00:00:00:02' } = options
    this.simulation = simulation
    const isPort = 'post' in below
    this.memory = isPort ? below.memory : plainMemory()
    const environment = { ...simulation.environment, random: simulation.random(name) }
    // The stack may ring before the handle is there: its first poll is requested at the end.
    let ring = () => {}
    this.stack = new Stack({ environment, memory: this.memory, requestPoll: () => ring(), tcp: options.tcp })
    this.handle = simulation.attach(this.stack)
    ring = () => this.handle.requestPoll()
    this.nic = isPort ? this.card(below, mac, name) : null
    const cidr = parseCidr(address)
    if (!cidr) throw new TypeError(`not an address with prefix: ${address}`)
    this.stack.addInterface({ device: this.nic ?? (below as Device), addresses: [cidr] })
    ring()
  }

  listen(port: number, options: Partial<TcpListenOptions> = {}): TcpListener {
    const listener = unwrap(this.stack.tcp.listen({ address: null, port, ...options }))
    this.turn()
    return listener
  }

  connect(address: string, port: number, options: TcpConnectOptions = {}): App {
    const endpoint = unwrap(this.stack.tcp.connect(IpAddress.from(address), port, options))
    const app = new App(this, endpoint)
    this.turn()
    return app
  }

  /** The next connection of a listener's accept queue; throws when there is none. */
  accept(listener: TcpListener): App {
    const endpoint = listener.accept()
    if (!endpoint) throw new Error('no connection waits to be accepted')
    const app = new App(this, endpoint)
    this.turn()
    return app
  }

  /** Everything that can happen without time moving. */
  turn(): void {
    this.simulation.runSync({ until: this.simulation.now })
  }

  /** The applications close what they hold (unread data is theirs), then the stack goes. */
  close(): void {
    for (const app of this.apps) app.endpoint.close()
    this.stack.close()
    this.nic?.close()
    this.handle.detach()
  }

  private card(port: Port, mac: string, name: string): Nic {
    const address = MacAddress.parse(mac)
    if (!address) throw new TypeError(`not a hardware address: ${mac}`)
    const engine = new TypeScriptChecksum()
    return new Nic({ port, frames: this.stack.frames, engine, address, log: this.simulation.environment.log, name })
  }
}

/** An application on one endpoint: writes the pattern, reads and checks it, and keeps what it was told. */
export class App {
  readonly endpoint: TcpEndpoint
  /** Bytes written and read so far. */
  written = 0
  read = 0
  /** Names of the events of each callback, in order. */
  readonly events: string[] = []
  private readonly host: TestHost

  constructor(host: TestHost, endpoint: TcpEndpoint) {
    this.host = host
    this.endpoint = endpoint
    host.apps.push(this)
    endpoint.onReadiness = (events) => this.events.push(...eventNames(events))
  }

  get state(): string {
    return this.endpoint.state
  }

  get info() {
    return this.endpoint.info()
  }

  /** The name of the pending error, '' if there is none. */
  takeError(): string {
    const errno = this.endpoint.takeError()
    return errno === 0 ? '' : errnoName(errno)
  }

  /** Writes as much of `length` bytes of the pattern as the send buffer takes; how many, or a negative errno. */
  write(length: number): number {
    let taken = 0
    const bytes = pattern(this.written, length)
    while (taken < length) {
      const result = this.endpoint.send(bytes, taken, length - taken)
      if (result < 0) {
        if (taken === 0) taken = result
        break
      }
      taken += result
    }
    if (taken > 0) this.written += taken
    this.host.turn()
    return taken
  }

  /** Queues references to pages of the pattern, `pageSize` bytes each; the pages, whose count tells who holds them. */
  writePages(length: number, pageSize: number): Page[] {
    const pages: Page[] = []
    for (let at = 0; at < length; at += pageSize) {
      const region = this.host.memory.allocate(pageSize)
      const page = new Page(null, region.id, region.buffer, 0, pageSize)
      const size = Math.min(pageSize, length - at)
      page.bytes.set(pattern(this.written, size))
      const result = this.endpoint.sendPage(page.retain(), 0, size)
      if (result !== size) throw new Error(`sendPage answered ${errnoName(result)}`)
      this.written += size
      pages.push(page)
    }
    this.host.turn()
    return pages
  }

  /** Reads up to `max` bytes and checks them; the count, or a negative errno when none was there. */
  readUpTo(max: number): number {
    const bytes = new Uint8Array(Math.min(max, 1 << 20))
    const result = this.endpoint.receiveInto(bytes, 0, bytes.length)
    if (result > 0) this.check(bytes.subarray(0, result))
    this.host.turn()
    return result
  }

  /** Reads all that is there, as references; how many bytes. Stops at the end of the stream. */
  readAll(): number {
    const out: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }
    let total = 0
    for (;;) {
      const result = this.endpoint.receive(1 << 20, out)
      if (result <= 0) break
      this.check(out.page.bytes.subarray(out.offset, out.offset + out.length))
      out.page.release()
      total += result
    }
    this.host.turn()
    return total
  }

  /** Whether the stream has ended: `receive` answers 0. */
  get atEnd(): boolean {
    const bytes = new Uint8Array(1)
    const result = this.endpoint.receiveInto(bytes, 0, 1)
    if (result > 0) throw new Error('a byte came where the end of the stream was expected')
    return result === 0
  }

  /** Whether there is nothing to read now and more may come. */
  get isWaiting(): boolean {
    return this.endpoint.receiveQueued === 0 && this.endpoint.receiveInto(new Uint8Array(1), 0, 1) === -EAGAIN
  }

  shutdown(how: 'read' | 'write' | 'both' = 'write'): number {
    const result = this.endpoint.shutdown(how)
    this.host.turn()
    return result
  }

  close(): void {
    this.endpoint.close()
    this.host.turn()
  }

  abort(): void {
    this.endpoint.abort()
    this.host.turn()
  }

  set<K extends keyof TcpOptions>(name: K, value: TcpOptions[K]): void {
    const result = this.endpoint.setOption(name, value)
    if (result !== 0) throw new Error(`setOption ${name} answered ${errnoName(result)}`)
    this.host.turn()
  }

  private check(bytes: Uint8Array): void {
    const wrong = patternMismatch(bytes, this.read)
    if (wrong >= 0) throw new Error(`the stream is wrong at byte ${wrong}`)
    this.read += bytes.length
  }
}
