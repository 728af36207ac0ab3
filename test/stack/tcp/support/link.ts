// Two TCP layers back to back in memory, with virtual time and nothing of the lower layers: frames cross as they are
// (super-frames whole, by reference), or cut into segments by a naive oracle. What a test loses, delays or doubles it says
// with a filter.

import { seededRandom } from '../../../../drivers/random.ts'
import { plainMemory } from '../../../../drivers/wire/index.ts'
import { DeadlineHeap } from '../../../../stack/base/deadlines.ts'
import type { Environment } from '../../../../stack/base/environment.ts'
import { IpAddress } from '../../../../stack/base/ip-address.ts'
import { CHECKSUM_UNNECESSARY, type Frame, FramePool, GSO_TCPV4, HEADER_PAGE } from '../../../../stack/buffer/frame.ts'
import { PagePool } from '../../../../stack/buffer/page-pool.ts'
import type { StackContext } from '../../../../stack/context.ts'
import { Counters } from '../../../../stack/counters.ts'
import type { Network, Path, ReceivedPacket, TransportProtocol } from '../../../../stack/network/contract.ts'
import { Interface } from '../../../../stack/network/interface.ts'
import { TcpLayer, type TcpOptions } from '../../../../stack/tcp/index.ts'
import { pseudoHeaderV4 } from '../../../../stack/wire/checksum.ts'

export const ADDRESS_A = IpAddress.from('192.0.2.1')
export const ADDRESS_B = IpAddress.from('192.0.2.2')
const HEADROOM = 66

/** A segment as a filter sees it. */
export interface Crossing {
  from: 'a' | 'b'
  now: number
  sequence: number
  ack: number
  flags: number
  window: number
  payload: number
  gsoSize: number
  frame: Frame
}

/** What becomes of a crossing: `undefined` lets it pass, `false` loses it, a number delays it further, 'double' sends it twice. */
export type Filter = (crossing: Crossing) => false | number | 'double' | undefined

export interface LinkOptions {
  /** One way, microseconds. Default 1000. */
  delay?: number
  mtu?: number
  /** Largest IP packet of a super-frame. Default 65535. */
  gsoMaxSize?: number
  /** Cut super-frames into segments of their own. */
  cut?: boolean
  filter?: Filter
  a?: Partial<TcpOptions>
  b?: Partial<TcpOptions>
  /** Transmit pages of each side. */
  pages?: number
}

interface Event {
  at: number
  order: number
  to: Host
  frame: Frame
  packet: ReceivedPacket
}

export class Link {
  now = 1_000_000
  readonly a: Host
  readonly b: Host
  readonly options: LinkOptions
  /** Every crossing, also those that were lost. */
  readonly log: Omit<Crossing, 'frame'>[] = []
  /** What the link copies frames into. */
  readonly receivePages = new PagePool(plainMemory(), { pageSize: 68 * 1024, slab: 4, limit: 100_000 })
  private readonly events: Event[] = []
  private order = 0

  constructor(options: LinkOptions = {}) {
    this.options = options
    this.a = new Host(this, 'a', ADDRESS_A, options.a)
    this.b = new Host(this, 'b', ADDRESS_B, options.b)
    this.a.peer = this.b
    this.b.peer = this.a
  }

  send(from: Host, frame: Frame, path: Path): void {
    const to = from.peer
    for (const piece of this.options.cut ? cut(frame, to) : [frame]) {
      const crossing = look(piece, from.name, this.now)
      const { frame: _, ...entry } = crossing
      this.log.push(entry)
      const verdict = this.options.filter?.(crossing)
      if (verdict === false) {
        piece.release()
        continue
      }
      if (verdict === 'double') this.post(to, copy(piece, to), path, 0)
      this.post(to, piece, path, typeof verdict === 'number' ? verdict : 0)
    }
  }

  private post(to: Host, frame: Frame, path: Path, extra: number): void {
    const packet: ReceivedPacket = {
      source: path.source,
      destination: path.destination,
      interface: path.interface,
      transportLength: frame.length,
      ttl: 64,
      trafficClass: 0,
      group: false,
    }
    this.events.push({ at: this.now + (this.options.delay ?? 1000) + extra, order: this.order++, to, frame, packet })
  }

  /** Lets everything happen up to `until` (absolute), or until nothing more is due. */
  run(until = Number.POSITIVE_INFINITY): void {
    for (let steps = 0; ; steps++) {
      if (steps > 1_000_000) throw new Error('the link does not come to rest')
      this.a.settle()
      this.b.settle()
      const next = Math.min(this.nextEvent(), this.a.heap.next(), this.b.heap.next())
      if (next > until || next === Number.POSITIVE_INFINITY) break
      this.now = Math.max(this.now, next)
      this.deliver()
      this.a.poll()
      this.b.poll()
    }
    if (until !== Number.POSITIVE_INFINITY) this.now = until
  }

  /** As `run` for so many microseconds. */
  runFor(time: number): void {
    this.run(this.now + time)
  }

  private nextEvent(): number {
    return this.events.reduce((least, event) => Math.min(least, event.at), Number.POSITIVE_INFINITY)
  }

  private deliver(): void {
    const due = this.events.filter((event) => event.at <= this.now).sort((x, y) => x.at - y.at || x.order - y.order)
    for (const event of due) {
      this.events.splice(this.events.indexOf(event), 1)
      event.frame.transportOffset = 0
      event.frame.checksum = CHECKSUM_UNNECESSARY
      event.frame.owner = null
      const payload = event.frame.length - (event.frame.head.view.getUint8(event.frame.start + 12) >> 4) * 4
      event.frame.segments = event.frame.gsoSize > 0 ? Math.ceil(payload / event.frame.gsoSize) : 1
      event.to.transport.onPacket(event.frame, event.packet, this.now)
    }
  }

  /** Pages and frames that are out on either side. */
  get outstanding(): number {
    return this.a.outstanding + this.b.outstanding + this.receivePages.outstanding
  }
}

/** One side: a context, a network of one path, and its TCP. */
export class Host implements StackContext, Network {
  readonly name: 'a' | 'b'
  readonly address: IpAddress
  readonly environment: Environment
  readonly heap = new DeadlineHeap()
  readonly headers: PagePool
  readonly frames: FramePool
  readonly pages: PagePool
  readonly counters = new Counters()
  readonly link: Link
  readonly tcp: TcpLayer
  transport!: TransportProtocol
  peer!: Host
  /** The device takes no more than so many frames; null: any number. */
  room: number | null = null
  mtu: number
  behind = false
  /** Largest IP packet of a super-frame. */
  gsoMaxSize: number
  private polled = false

  constructor(link: Link, name: 'a' | 'b', address: IpAddress, options?: Partial<TcpOptions>) {
    this.link = link
    this.name = name
    this.address = address
    this.mtu = link.options.mtu ?? 1500
    this.gsoMaxSize = link.options.gsoMaxSize ?? 65535
    const memory = plainMemory()
    this.headers = new PagePool(memory, { pageSize: HEADER_PAGE, slab: 64, limit: 4096 })
    this.frames = new FramePool(this.headers)
    this.pages = new PagePool(memory, { pageSize: 65536, slab: 4, limit: link.options.pages ?? 1024 })
    this.environment = { clock: { now: () => link.now }, random: seededRandom(name === 'a' ? 1 : 2), log: () => {} }
    this.tcp = new TcpLayer(this, this, options)
  }

  get now(): number {
    return this.link.now
  }

  requestPoll(): void {
    this.polled = true
  }

  /** Polls while somebody asks for it. */
  settle(): void {
    for (let i = 0; this.polled; i++) {
      if (i > 1000) throw new Error('polls without end')
      this.poll()
    }
  }

  poll(): void {
    this.polled = false
    this.heap.expire(this.now)
    this.tcp.dispatch()
    this.tcp.pollTransmit(this.now)
  }

  path(destination: IpAddress, source?: IpAddress | null): Path | number {
    const host = this
    const path: Path = {
      source: source ?? this.address,
      destination,
      interface: STUB_INTERFACE,
      get mtu() {
        return host.mtu
      },
      networkHeaderLength: 20,
      headroom: HEADROOM,
      gsoTcp: GSO_TCPV4,
      loopback: false,
      get gsoMaxSize() {
        return host.gsoMaxSize
      },
      get writable() {
        return host.room !== 0
      },
      pseudoHeaderSum(protocol, length) {
        return pseudoHeaderV4(path.source.d, path.destination.d, protocol, length)
      },
      transmit(frame) {
        if (host.room === 0) return -11
        if (host.room !== null) host.room--
        if (frame.gsoSize > 0 && frame.length + 20 > host.gsoMaxSize) throw new Error('packet too long')
        if (frame.gsoSize === 0 && frame.length + 20 > host.mtu) return -90
        host.link.send(host, frame, path)
        return 0
      },
      confirm() {},
    }
    return path
  }

  replyPath(destination: IpAddress): Path | number {
    return this.path(destination)
  }

  isLocal(address: IpAddress): boolean {
    return address.equals(this.address)
  }

  register(_protocol: number, transport: TransportProtocol): void {
    this.transport = transport
  }

  sendPortUnreachable(): void {}

  updatePathMtu(_destination: IpAddress, mtu: number): boolean {
    if (mtu >= this.mtu) return false
    this.mtu = Math.max(mtu, 552)
    return true
  }

  frame(): Frame | null {
    return this.frames.allocate(HEADROOM)
  }

  get outstanding(): number {
    return this.frames.outstanding + this.headers.outstanding + this.pages.outstanding
  }
}

const STUB_INTERFACE = new Interface('stub0', 1, {
  name: 'stub0',
  address: null as never,
  mtu: 1500,
  up: true,
  writable: true,
  transmit: () => true,
  flush() {},
  poll: () => 0,
  attach() {},
})

function look(frame: Frame, from: 'a' | 'b', now: number): Crossing {
  const { view } = frame.head
  const at = frame.start
  return {
    from,
    now,
    sequence: view.getInt32(at + 4),
    ack: view.getInt32(at + 8),
    flags: view.getUint8(at + 13),
    window: view.getUint16(at + 14),
    payload: frame.length - (view.getUint8(at + 12) >> 4) * 4,
    gsoSize: frame.gsoSize,
    frame,
  }
}

function bytesOf(frame: Frame): Uint8Array {
  const out = new Uint8Array(frame.length)
  out.set(frame.head.bytes.subarray(frame.start, frame.end))
  let at = frame.end - frame.start
  for (let i = 0; i < frame.refs; i++) {
    out.set(frame.pages[i].bytes.subarray(frame.offsets[i], frame.offsets[i] + frame.lengths[i]), at)
    at += frame.lengths[i]
  }
  return out
}

/** The frame's bytes in a frame of one piece. */
function linear(bytes: Uint8Array, to: Host): Frame {
  const page = to.link.receivePages.allocate()
  if (!page) throw new Error('no page for the link')
  page.bytes.set(bytes)
  return to.frames.wrap(page, 0, bytes.length)
}

function copy(frame: Frame, to: Host): Frame {
  const twin = linear(bytesOf(frame), to)
  twin.gsoSize = frame.gsoSize
  return twin
}

/** Segments of a super-frame as the card would make them: PSH and FIN on the last alone, sequence numbers in steps. */
function cut(frame: Frame, to: Host): Frame[] {
  const bytes = bytesOf(frame)
  const { gsoSize } = frame
  const header = (bytes[12] >> 4) * 4
  frame.release()
  if (gsoSize === 0) return [linear(bytes, to)]
  const pieces: Frame[] = []
  for (let at = header; at < bytes.length; at += gsoSize) {
    const last = at + gsoSize >= bytes.length
    const piece = new Uint8Array(header + Math.min(gsoSize, bytes.length - at))
    piece.set(bytes.subarray(0, header))
    piece.set(bytes.subarray(at, at + gsoSize), header)
    const view = new DataView(piece.buffer)
    view.setInt32(4, (view.getInt32(4) + at - header) | 0)
    if (!last) piece[13] &= ~0x09
    pieces.push(linear(piece, to))
  }
  return pieces
}
