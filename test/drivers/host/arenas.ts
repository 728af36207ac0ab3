// Where the same program runs on Node's own net and on ours: the machine's loopback (port 0, what Node does is the standard),
// and two hosts on a simulated wire in virtual time. At the end the simulated arena says what is out of its pools.

import nodeDgram from 'node:dgram'
import { once } from 'node:events'
import http from 'node:http'
import nodeNet, { type AddressInfo } from 'node:net'
import { createHost, type Dgram, type Host, type HostOptions, type Net } from '../../../drivers/host/index.ts'
import { createWire, Simulation, type Wire, type WireOptions } from '../../../drivers/wire/index.ts'

export interface Arena {
  readonly server: Net
  readonly client: Net
  readonly serverDgram: Dgram
  readonly clientDgram: Dgram
  /** Of the server, and of the client. */
  readonly address: string
  readonly clientAddress: string
  /** The promise's outcome; in the simulation time moves until it has one. */
  settle<T>(promise: Promise<T>): Promise<T>
  /** Resolves when what was sent before has arrived. */
  arrival(): Promise<void>
  /** Lets a server of Node's listen on the server's side; its port. */
  serve(server: nodeNet.Server): Promise<number>
  /** For requests from the client's side. */
  agent(options?: http.AgentOptions): http.Agent
}

export const loopback: Arena = {
  server: nodeNet as unknown as Net,
  client: nodeNet as unknown as Net,
  serverDgram: nodeDgram as unknown as Dgram,
  clientDgram: nodeDgram as unknown as Dgram,
  address: '127.0.0.1',
  clientAddress: '127.0.0.1',
  settle: (promise) => promise,
  // Loopback delivers within the call.
  arrival: () => new Promise((resolve) => setImmediate(resolve)),
  serve: async (server) => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  },
  agent: (options) => new http.Agent(options),
}

export interface SimulatedArenaOptions {
  wire?: WireOptions
  a?: Partial<HostOptions>
  b?: Partial<HostOptions>
}

export class SimulatedArena implements Arena {
  readonly simulation: Simulation
  readonly wire: Wire
  readonly a: Host
  readonly b: Host
  readonly address = '192.0.2.1'
  readonly clientAddress = '192.0.2.2'

  private constructor(simulation: Simulation, wire: Wire, a: Host, b: Host) {
    this.simulation = simulation
    this.wire = wire
    this.a = a
    this.b = b
  }

  /** Host `a` is the server's, `b` the client's; 1 ms between them unless the wire says otherwise. */
  static async make(options: SimulatedArenaOptions = {}): Promise<SimulatedArena> {
    const simulation = new Simulation()
    const wire = createWire(simulation, { delay: 1000, ...options.wire })
    const { environment } = simulation
    const host = (name: 'a' | 'b', address: string) =>
      createHost({
        device: wire[name],
        addresses: [address],
        environment: { ...environment, random: simulation.random(name) },
        reactor: simulation,
        ...options[name],
      })
    return new SimulatedArena(simulation, wire, await host('a', '192.0.2.1/24'), await host('b', '192.0.2.2/24'))
  }

  get server(): Net {
    return this.a.net
  }

  get client(): Net {
    return this.b.net
  }

  get serverDgram(): Dgram {
    return this.a.dgram
  }

  get clientDgram(): Dgram {
    return this.b.dgram
  }

  settle<T>(promise: Promise<T>): Promise<T> {
    return this.simulation.settle(promise)
  }

  arrival(): Promise<void> {
    return new Promise((resolve) => this.simulation.after(10_000, resolve))
  }

  async serve(server: nodeNet.Server): Promise<number> {
    this.a.listen(server, 0)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  agent(options?: http.AgentOptions): http.Agent {
    return this.b.agent(options)
  }

  /** Closes both hosts; what is still out of a pool then. */
  async close(): Promise<object> {
    await this.settle(Promise.all([this.a.close(), this.b.close()]))
    const { wire, a, b } = this
    return { a: a.leaks(), b: b.leaks(), received: wire.outstandingPages }
  }
}

export const NO_LEAKS = {
  a: { frames: 0, transmitPages: 0 },
  b: { frames: 0, transmitPages: 0 },
  received: 0,
}
