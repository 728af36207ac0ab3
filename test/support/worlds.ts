// Small worlds for tests: one host with a scripted peer, two hosts on a wire, a host on a recording device. Each world is
// taken apart after its test, and a page or frame that nobody released fails it.

import { afterEach, expect } from 'vitest'
import { createWire, Simulation, type Wire, type WireOptions } from '../../drivers/wire/index.ts'
import type { TcpListener, TcpOptions } from '../../stack/tcp/contract.ts'
import type { Sent } from './flow.ts'
import { Peer, type PeerOptions } from './peer.ts'
import { RecordingDevice } from './recording-device.ts'
import type { TcpOptionRecord } from './tcp-options.ts'
import { type App, TestHost, type TestHostOptions } from './test-host.ts'
import { microseconds } from './time.ts'

interface World {
  hosts: TestHost[]
  wire?: Wire
  peer?: Peer
  device?: RecordingDevice
}

let worlds: World[] = []

afterEach((context) => {
  const open = worlds
  worlds = []
  // A test that failed leaves things where they were: its own message is the one to read.
  if (context.task.result?.state === 'fail') return
  for (const world of open) expectNoLeaks(world)
})

/** Closes everything and counts what is still out. */
export function expectNoLeaks({ hosts, wire, peer, device }: World): void {
  for (const host of hosts) host.close()
  device?.complete()
  peer?.check()
  wire?.close()
  const out: Record<string, number> = {}
  for (const [index, { stack }] of hosts.entries()) {
    out[`frames of host ${index}`] = stack.frames.outstanding
    out[`transmit pages of host ${index}`] = stack.pages.outstanding
  }
  if (wire) out['receive pages'] = wire.outstandingPages
  if (device) out['pages of the device'] = device.port.outstanding
  if (peer) out['frames of the peer'] = peer.end.outstanding
  const leaks = Object.fromEntries(Object.entries(out).filter(([, count]) => count !== 0))
  expect(leaks, 'leaks').toEqual({})
}

/** No frame is out and no page but the two that the layer keeps in progress for small pieces. */
export function expectNothingHeld({ stack }: TestHost): void {
  expect(stack.frames.outstanding, 'frames').toBe(0)
  expect(stack.pages.outstanding, 'transmit pages').toBeLessThanOrEqual(2)
}

export interface OneHostOptions extends TestHostOptions {
  peer?: PeerOptions
  wire?: WireOptions
  seed?: number | string
  /** Where the clock starts. */
  start?: string | number
}

/** A host and the peer that talks to it, whatever is in between. */
export interface PeeredHost {
  simulation: Simulation
  host: TestHost
  peer: Peer
  advance(time: string | number): void
}

export interface OneHost extends PeeredHost {
  wire: Wire
}

/** A host at 192.0.2.2 and a scripted peer at 192.0.2.1. */
export function oneHost(options: OneHostOptions = {}): OneHost {
  const simulation = new Simulation({ seed: options.seed ?? 1, start: microseconds(options.start ?? 0) })
  const wire = createWire(simulation, options.wire)
  const host = new TestHost(simulation, wire.a, options)
  const peer = new Peer(simulation, wire.b, options.peer)
  worlds.push({ hosts: [host], wire, peer })
  host.turn()
  return { simulation, wire, host, peer, advance: (time) => peer.advance(time) }
}

export interface Opened {
  connection: App
  /** Only of a passive open. */
  listener: TcpListener | null
}

export interface Established extends OneHost, Opened {}

export interface EstablishOptions {
  /** The options in the peer's SYN. Default: an MSS of 1460 and nothing else. */
  syn?: TcpOptionRecord
  /** The window in the peer's SYN and in its segments. */
  window?: number
  /** The host connects to the peer instead of the other way round. */
  active?: boolean
  /** Set on the listener or the connection. */
  options?: Partial<TcpOptions>
  /** Between the SYN and what answers it: the first round-trip time. */
  rtt?: string
}

/** A connection after its handshake, in a world of its own; nothing else has been said. */
export function established(options: EstablishOptions & OneHostOptions = {}): Established {
  const world = oneHost(options)
  return { ...world, ...establish(world, options) }
}

/** The handshake alone, between the peer's flow and port 80 of the host. */
export function establish(world: PeeredHost, options: EstablishOptions = {}): Opened {
  const { syn = { mss: 1460 }, window = 65535, rtt = '0us' } = options
  world.peer.flow.window = window
  return options.active ? openActive(world, options, syn, rtt) : openPassive(world, options, syn, rtt)
}

function synOptions({ peer }: PeeredHost, syn: TcpOptionRecord): Sent['options'] {
  return syn.ts ? { ...syn, ts: { val: peer.flow.tsNow, ecr: peer.flow.tsRecent } } : { ...syn, ts: undefined }
}

function openPassive(world: PeeredHost, options: EstablishOptions, syn: TcpOptionRecord, rtt: string) {
  const { host, peer } = world
  const listener = host.listen(80, { options: options.options })
  peer.sends({ flags: 'S', seq: 0, options: synOptions(world, syn) })
  peer.expects({ flags: 'S.', seq: 0, ack: 1 })
  peer.advance(rtt)
  peer.sends({ flags: '.', seq: 1, ack: 1 })
  return { listener, connection: host.accept(listener) }
}

function openActive(world: PeeredHost, options: EstablishOptions, syn: TcpOptionRecord, rtt: string) {
  const { host, peer } = world
  const connection = host.connect(peer.address, peer.flow.port, { localPort: 80, options: options.options })
  peer.expects({ flags: 'S', seq: 0 })
  peer.advance(rtt)
  peer.sends({ flags: 'S.', seq: 0, ack: 1, options: synOptions(world, syn) })
  peer.expects({ flags: '.', seq: 1, ack: 1 })
  return { listener: null, connection }
}

/**
 * The retransmission timer after a handshake that took no time: 200 ms, and the microsecond below which no round trip
 * is measured.
 */
export const RTO = 200_001

/** Both SYNs with everything that Linux offers. */
export const LINUX_SYN: TcpOptionRecord = { mss: 1460, sackOK: true, ts: { val: 0, ecr: 0 }, wscale: 7 }

export interface TwoHosts {
  simulation: Simulation
  wire: Wire
  /** 192.0.2.1 and 192.0.2.2. */
  a: TestHost
  b: TestHost
}

export interface TwoHostsOptions {
  seed?: number | string
  a?: TestHostOptions
  b?: TestHostOptions
}

export function twoHosts(wireOptions: WireOptions = {}, options: TwoHostsOptions = {}): TwoHosts {
  const seed = options.seed ?? wireOptions.seed ?? 1
  const simulation = new Simulation({ seed })
  const wire = createWire(simulation, { seed, ...wireOptions })
  const a = new TestHost(simulation, wire.a, {
    name: 'a',
    address: '192.0.2.1/24',
    mac: '02:00:00:00:00:01',
    ...options.a,
  })
  const b = new TestHost(simulation, wire.b, {
    name: 'b',
    address: '192.0.2.2/24',
    mac: '02:00:00:00:00:02',
    ...options.b,
  })
  worlds.push({ hosts: [a, b], wire })
  return { simulation, wire, a, b }
}

/**
 * Segments of `mss` bytes that cover bytes [from, from + length) of the stack's stream, in order; the last may be shorter.
 * They must all have come at this very time.
 */
export function expectsStream(peer: Peer, from: number, length: number, mss: number): void {
  for (let at = from; at < from + length; at += mss) {
    peer.expects({ seq: at, length: Math.min(mss, from + length - at) })
  }
}

/** A host whose device keeps the frames as TCP made them: what it asks of the card can be read field by field. */
export function recordedHost(options: TestHostOptions & { mtu?: number } = {}) {
  const simulation = new Simulation()
  const device = new RecordingDevice(simulation, options.mtu ?? 1500)
  const host = new TestHost(simulation, device, options)
  const peer = new Peer(simulation, device.port, { takesSuperFrames: true })
  worlds.push({ hosts: [host], peer, device })
  return { simulation, device, host, peer, advance: (time: string | number) => peer.advance(time) }
}
