// A simulated link: two ports and the two ways between them, in virtual time. Owns the carrier and the observers;
// wire-port.ts is an end, way.ts a direction.

import type { Port } from '../../nic/port.ts'
import { seededRandom } from '../random.ts'
import { type FrameImage, imageBytes } from './frame-image.ts'
import { plainMemory } from './memory.ts'
import type { Simulation } from './simulation.ts'
import { Way, type WayStatistics } from './way.ts'
import { atLeast, capabilitiesOf, type WireEnd, type WireOptions, type WireWay, waySettings } from './wire-options.ts'
import { WirePort } from './wire-port.ts'

/** Sees each frame as it leaves an end, before anything happens to it. The bytes are valid during the call only. */
export type WireObserver = (end: 'a' | 'b', bytes: Uint8Array, time: number) => void

export interface Wire {
  readonly a: Port
  readonly b: Port
  /** What happened to the frames that `a` sent, and to those of `b`. */
  readonly statistics: { readonly a: Readonly<WayStatistics>; readonly b: Readonly<WayStatistics> }
  /** Frames between the ports now. */
  readonly inFlight: number
  /** Receive pages of both ends that are not back: zero when every frame was released. */
  readonly outstandingPages: number
  /** Unplugs (what is on its way is lost, both ports go down) and plugs in again. */
  setLink(up: boolean): void
  /** Changes the way from one end, or both ways, while frames travel; those keep what they had. */
  change(way: WireWay, end?: 'a' | 'b'): void
  /** Adds an observer; the result takes it away. */
  observe(observer: WireObserver): () => void
  /** Closes both ports. */
  close(): void
}

/** A link on the simulation's clock. What `a` and `b` say about a way goes before what is said for both. */
export function createWire(simulation: Simulation, options: WireOptions = {}): Wire {
  return new SimulatedWire(simulation, options)
}

class SimulatedWire implements Wire {
  readonly a: WirePort
  readonly b: WirePort
  private readonly wayA: Way
  private readonly wayB: Way
  private readonly common: WireOptions
  private readonly ends: { a: WireEnd; b: WireEnd }
  private readonly simulation: Simulation
  private observers: WireObserver[] = []

  constructor(simulation: Simulation, options: WireOptions) {
    this.simulation = simulation
    this.common = { ...options }
    this.ends = { a: { ...options.a }, b: { ...options.b } }
    this.a = this.port('a')
    this.b = this.port('b')
    const random = seededRandom(options.seed ?? 1).fork('wire')
    this.wayA = new Way(simulation, waySettings({ ...options, ...options.a }), random.fork('a'), this.b)
    this.wayB = new Way(simulation, waySettings({ ...options, ...options.b }), random.fork('b'), this.a)
    this.connect('a', this.a, this.b, this.wayA, this.wayB)
    this.connect('b', this.b, this.a, this.wayB, this.wayA)
  }

  get statistics(): Wire['statistics'] {
    return { a: this.wayA.statistics, b: this.wayB.statistics }
  }

  get inFlight(): number {
    return this.wayA.inFlight + this.wayB.inFlight
  }

  get outstandingPages(): number {
    return this.a.outstandingPages + this.b.outstandingPages
  }

  setLink(up: boolean): void {
    if (!up) {
      this.wayA.clear()
      this.wayB.clear()
    }
    this.a.setLink(up)
    this.b.setLink(up)
  }

  change(way: WireWay, end?: 'a' | 'b'): void {
    if (end !== 'b') this.ends.a = { ...this.ends.a, ...way }
    if (end !== 'a') this.ends.b = { ...this.ends.b, ...way }
    this.wayA.settings = waySettings({ ...this.common, ...this.ends.a })
    this.wayB.settings = waySettings({ ...this.common, ...this.ends.b })
  }

  observe(observer: WireObserver): () => void {
    this.observers = [...this.observers, observer]
    return () => {
      this.observers = this.observers.filter((other) => other !== observer)
    }
  }

  close(): void {
    this.a.close()
    this.b.close()
  }

  private port(end: 'a' | 'b'): WirePort {
    const { name = end, memory = plainMemory(), ringSize = 1024, receiveQueue = 1000, lineRate } = this.ends[end]
    return new WirePort(this.simulation, {
      name,
      memory,
      mtu: atLeast('mtu', this.common.mtu ?? 1500, 68),
      capabilities: capabilitiesOf(this.common.offload),
      ringSize: atLeast('ringSize', ringSize, 1),
      lineRate: atLeast('lineRate', lineRate ?? Number.POSITIVE_INFINITY, 1),
      receiveQueue: atLeast('receiveQueue', receiveQueue, 1),
    })
  }

  private connect(end: 'a' | 'b', port: WirePort, peer: WirePort, out: Way, back: Way): void {
    const pad = this.common.pad ?? false
    port.allocateAtPeer = (length) => peer.allocate(pad ? Math.max(60, length) : length)
    port.send = (image) => {
      if (pad) padImage(image)
      for (const observer of this.observers) observer(end, imageBytes(image), this.simulation.now)
      out.send(image)
    }
    // A card that is gone takes the carrier from the other one, and what is on its way from both.
    port.onClose = () => {
      out.clear()
      back.clear()
      peer.setLink(false)
    }
  }
}

const SHORTEST = 60

/** The pad is not zero, so that whoever takes it for data is found out. */
function padImage(image: FrameImage): void {
  if (image.length >= SHORTEST) return
  const from = image.length
  image.length = SHORTEST
  imageBytes(image).fill(0xa5, from)
}
