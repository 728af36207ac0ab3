// The servers of a run: started when they are first needed, started again when they have died, ended together. Each has an
// address of its own; stacks on a TAP have that for themselves.

import { fileURLToPath } from 'node:url'
import type { ServerName } from './catalogue.ts'
import { Child } from './child.ts'
import { addAddress, MTU, makeTap, makeVeth } from './network.ts'
import type { Programs } from './programs.ts'

export interface Server {
  child: Child
  address: string
  /** The client's device, and the first of its addresses that is free for more connections. */
  device: string
  firstSource: string
}

const START = 20
const VETH_NET = '10.98.1'
const HOSTS = { kernel: 2, node: 3, fresh: 4 }
const TAPS = { pagewire: 2, 'pagewire-raw': 3, floor: 4, 'floor-raw': 5, fresh: 6 }
const FIRST_SOURCE = 16

export class Servers {
  /** Congestion control of the kernel's sockets, as the server in C finds it. */
  congestion = ''
  private readonly programs: Programs
  private readonly signal: AbortSignal
  private readonly running = new Map<string, Server>()
  private readonly clients = new Set<Child>()
  private holder: Child | null = null

  constructor(programs: Programs, signal: AbortSignal) {
    this.programs = programs
    this.signal = signal
  }

  async get(name: ServerName): Promise<Server> {
    const there = this.running.get(name)
    if (there?.child.alive) return there
    return await this.start(name, name)
  }

  /** One that nothing has used yet, in the place of the one before it. */
  async fresh(name: 'pagewire' | 'kernel' | 'node'): Promise<Server> {
    await this.running.get('fresh')?.child.kill()
    return await this.start(name, 'fresh')
  }

  /** Starts the client; `cleared` or `kill` ends it. */
  client(words: readonly string[]): Child {
    const pids = [process.pid, process.ppid, ...[...this.running.values()].map(({ child }) => child.pid)].join(',')
    const child = new Child(`load ${words[0]}`, [this.programs.path('load'), ...words], { BENCH_PIDS: pids })
    this.clients.add(child)
    return child
  }

  async done(client: Child): Promise<void> {
    this.clients.delete(client)
    await client.kill()
  }

  async kill(): Promise<void> {
    const all = [
      ...this.clients,
      ...[...this.running.values()].map(({ child }) => child),
      ...(this.holder ? [this.holder] : []),
    ]
    await Promise.all(all.map((child) => child.kill()))
  }

  private async start(name: ServerName, place: ServerName | 'fresh'): Promise<Server> {
    const server = name === 'kernel' || name === 'node' ? await this.overVeth(name, place) : this.overTap(name, place)
    this.running.set(place, server)
    if (name === 'kernel') this.congestion = String((await server.child.answer(this.signal, START))['congestion'])
    else await server.child.line(this.signal, START)
    return server
  }

  private overTap(name: Exclude<ServerName, 'kernel' | 'node'>, place: ServerName | 'fresh'): Server {
    const number = place === 'fresh' ? TAPS.fresh : TAPS[name]
    const tap = `pwb${number}`
    const net = `10.98.${number}`
    makeTap(tap, `${net}.1/24`)
    const raw = name.endsWith('-raw')
    const file = this.programs.file
    const words = name.startsWith('floor')
      ? [this.programs.path('floor'), tap, file, ...(raw ? ['raw'] : [])]
      : [...pagewire(), 'bench', 'serve', ...options(tap, `${net}.2/24`, file), ...(raw ? ['--no-vnet-hdr'] : [])]
    const child = new Child(name, [...this.enter(0), ...words])
    return { child, address: `${net}.2`, device: tap, firstSource: `${net}.${FIRST_SOURCE}` }
  }

  private async overVeth(name: 'kernel' | 'node', place: ServerName | 'fresh'): Promise<Server> {
    if (!this.holder?.alive) await this.hold()
    const host = place === 'fresh' ? HOSTS.fresh : HOSTS[name]
    const address = `${VETH_NET}.${host}`
    const { file } = this.programs
    const node = [process.execPath, ...process.execArgv, beside('kernel-main')]
    const words = name === 'kernel' ? [this.programs.path('server'), address, file] : [...node, address, file]
    const child = new Child(name, [...this.enter(this.holder?.pid ?? 0), ...words])
    return { child, address, device: 'vk0', firstSource: `${VETH_NET}.${FIRST_SOURCE}` }
  }

  /** The second namespace, and the way there. */
  private async hold(): Promise<void> {
    this.holder = new Child('the second network namespace', [this.programs.path('load'), 'hold'])
    await this.holder.line(this.signal, START)
    const { pid } = this.holder
    const others = Object.values(HOSTS).map((host) => `${VETH_NET}.${host}/24`)
    makeVeth(pid, this.enter(pid), `${VETH_NET}.1/24`, others)
  }

  /** Words before a program: it ends with this process. */
  private enter(pid: number): string[] {
    return [this.programs.path('load'), 'launch', String(pid)]
  }
}

/** Makes the addresses that so many idle connections need. */
export function addSources({ device, firstSource }: Server, count: number, each: number): void {
  const at = firstSource.lastIndexOf('.') + 1
  for (let i = 0; i * each < count; i++) {
    addAddress(device, `${firstSource.slice(0, at)}${Number(firstSource.slice(at)) + i}/24`)
  }
}

function options(tap: string, address: string, file: string): string[] {
  return ['--tap', tap, '--address', address, '--mtu', String(MTU), '--file', file, '--control']
}

function pagewire(): string[] {
  return [process.execPath, ...process.execArgv, beside('../pagewire')]
}

/** A program of Node's near this file, compiled or not. */
function beside(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url))
}
