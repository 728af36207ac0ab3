// Builds a host from its options: the TAP or the given ports, the cards, the stack with its addresses and routes, the reactor.
// Owns the order, and that what was opened is closed again when a later step fails. The addon is loaded only when a TAP is
// asked for, or for the timer; a host on a simulated wire never looks for it.

import { type ChecksumEngine, TypeScriptChecksum } from '../../nic/index.ts'
import type { Port } from '../../nic/port.ts'
import type { Environment, Log, Random } from '../../stack/base/environment.ts'
import { errnoName } from '../../stack/base/errno.ts'
import { IpAddress } from '../../stack/base/ip-address.ts'
import { MacAddress } from '../../stack/base/mac-address.ts'
import { Stack } from '../../stack/stack.ts'
import { NativeChecksum } from '../checksum-native.ts'
import { Files, MappedStore, ReadStore } from '../files/index.ts'
import { capturePort } from '../pcap/index.ts'
import { hostRandom } from '../random.ts'
import type { Reactor } from '../reactor.ts'
import { addonAvailable, NativeMemory, NativeTimer, needAddon, TapPort } from '../tap/index.ts'
import { hostClock } from './clock.ts'
import { Host } from './host.ts'
import { HostNic } from './host-nic.ts'
import { type CheckedInterface, checkOptions, type HostOptions } from './options.ts'
import { NodeReactor } from './reactor.ts'
import { openTapPort } from './tap-port.ts'
import { type HostTimer, NodeTimer } from './timer.ts'

/**
 * A stack on its card or cards, running. Throws TypeError for options that are wrong, TapError (with a `hint`) when a TAP
 * cannot be had, RangeError for an address that no host can have.
 */
export async function createHost(options: HostOptions): Promise<Host> {
  const { interfaces, gateway } = checkOptions(options)
  const reactor = options.reactor ?? nodeReactor(options)
  const environment = options.environment ?? machineEnvironment(reactor, options.log)
  const parts = new Parts()
  try {
    const host = build(options, interfaces, reactor, environment, parts)
    if (gateway) addDefaultRoute(host.stack, gateway)
    return host
  } catch (error) {
    parts.closeAll()
    throw error
  }
}

/** What was opened so far, to be closed when a later step fails. */
class Parts {
  private readonly open: { close(): unknown }[] = []

  add<T extends { close(): unknown }>(part: T): T {
    this.open.push(part)
    return part
  }

  closeAll(): void {
    for (const part of this.open.reverse()) part.close()
  }
}

function build(
  options: HostOptions,
  interfaces: readonly CheckedInterface[],
  reactor: Reactor,
  environment: Environment,
  parts: Parts,
): Host {
  let ring = () => {}
  let host: Host | null = null
  const onLinkChange = (nic: HostNic, up: boolean, gone: boolean) => {
    if (gone) host?.emit('gone', nic)
    else host?.emit('link', up, nic)
  }
  const ports = interfaces.map((each) => each.device ?? parts.add(openTapPort(each)))
  const memory = ports[0].memory
  // The addon's memories are one registry; others are as many as there are objects.
  if (
    ports.some(
      (port) => port.memory !== memory && !(port.memory instanceof NativeMemory && memory instanceof NativeMemory),
    )
  ) {
    throw new TypeError('all devices of one host must have their pages in one memory')
  }
  const stack = parts.add(
    new Stack({
      environment,
      memory,
      requestPoll: () => ring(),
      ...(options.tcp ? { tcp: options.tcp } : {}),
      ...(options.limits ? { limits: options.limits } : {}),
    }),
  )
  const engine = checksumEngine(memory)
  const nics = ports.map((port, i) => {
    const { mac, addresses } = interfaces[i]
    const nic = new HostNic({
      port: capturePort(port),
      frames: stack.frames,
      engine,
      address: mac ?? randomMac(environment.random.fork(`mac ${port.name}`)),
      log: environment.log,
      onLinkChange,
    })
    // What keeps the process alive are sockets and servers, not a card.
    if (port instanceof TapPort) port.unref()
    stack.addInterface({ device: nic, addresses })
    return nic
  })
  host = new Host({
    stack,
    nics,
    reactor,
    epochOffset: options.environment ? 0 : Date.now() * 1000 - reactor.clock.now(),
    lookup: options.lookup ?? null,
    files: parts.add(makeFiles(options, memory)),
    memory,
    engine,
    connect: (handle) => {
      ring = () => handle.requestPoll()
      for (const port of ports) if (port instanceof TapPort) port.turns = handle.turns ?? null
    },
    release: () => (engine as Partial<NativeChecksum>).close?.(),
  })
  return host
}

/** The addon's SIMD routine where the pages are the addon's; it cannot see others. */
function checksumEngine(memory: Port['memory']): ChecksumEngine {
  return memory instanceof NativeMemory ? new NativeChecksum() : new TypeScriptChecksum()
}

/** The kernel's page cache where the pages are the addon's; others cannot point at it. */
function makeFiles(options: HostOptions, memory: Port['memory']): Files {
  const { store = memory instanceof NativeMemory ? 'mapped' : 'read', budget } = options.files ?? {}
  if (store === 'read') return new Files(new ReadStore(memory), budget)
  if (memory instanceof NativeMemory) return new Files(new MappedStore(needAddon(), memory), budget)
  throw new TypeError('files.store: files can be mapped only where the device is a TAP')
}

function nodeReactor({ environment, busyPoll }: HostOptions): NodeReactor {
  const native = addonAvailable() === true
  const makeTimer = (): HostTimer => (native ? new NativeTimer() : new NodeTimer())
  return new NodeReactor(environment?.clock ?? hostClock, makeTimer, busyPoll)
}

function machineEnvironment(reactor: Reactor, log: Log | undefined): Environment {
  return { clock: reactor.clock, random: hostRandom(), log: log ?? consoleLog }
}

const consoleLog: Log = (level, message) => {
  if (level === 'warn') console.warn(`pagewire: ${message}`)
  else if (level === 'error') console.error(`pagewire: ${message}`)
}

/** Unicast and locally administered (IEEE 802c). */
function randomMac(random: Random): MacAddress {
  return new MacAddress((random.below(0x10000) & 0xfeff) | 0x0200, random.uint32() | 0)
}

function addDefaultRoute(stack: Stack, gateway: IpAddress): void {
  const any = gateway.family === 4 ? IpAddress.v4(0) : new IpAddress(6, 0, 0, 0, 0)
  const result = stack.addRoute({ destination: { address: any, length: 0 }, gateway })
  if (result < 0) throw new TypeError(`gateway: ${gateway} cannot be routed to: ${errnoName(result)}`)
}
