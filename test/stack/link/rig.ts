// A stack on a device in memory, with a clock that moves when it is told: what the tests of link, network and udp stand on.
// Frames go in and come out as bytes; what comes out has its checksum finished, as a card would.

import { seededRandom } from '../../../drivers/random.ts'
import { plainMemory } from '../../../drivers/wire/memory.ts'
import { IpAddress, parseCidr } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { type Frame, FramePool, HEADER_PAGE } from '../../../stack/buffer/frame.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import type { Device, DeviceReceiver } from '../../../stack/device.ts'
import type { Interface } from '../../../stack/network/interface.ts'
import { Stack, type StackOptions } from '../../../stack/stack.ts'
import { bytesOf, finishChecksum } from './packets.ts'

export const OURS = IpAddress.from('192.0.2.2')
export const OUR_MAC = MacAddress.parse('02:00:00:00:00:02') as MacAddress
export const PEER = IpAddress.from('192.0.2.1')
export const PEER_MAC = MacAddress.parse('02:00:00:00:00:01') as MacAddress

export interface Sent {
  bytes: Uint8Array
  csumStart: number
  gsoSize: number
  refs: number
}

export class MemoryDevice implements Device {
  readonly name: string
  readonly address: MacAddress
  mtu = 1500
  up = true
  /** Frames that it takes before it has no room. */
  room = Number.POSITIVE_INFINITY
  readonly sent: Sent[] = []
  /** Keep frames instead of recording and releasing them. */
  readonly receiving: Uint8Array[] = []
  receiver!: DeviceReceiver
  readonly pool: PagePool
  readonly frames: FramePool

  constructor(name: string, address: MacAddress) {
    this.name = name
    this.address = address
    const memory = plainMemory()
    this.pool = new PagePool(memory, { pageSize: 65536 + 64, slab: 1, limit: 256, detachable: true })
    this.frames = new FramePool(new PagePool(memory, { pageSize: HEADER_PAGE, slab: 16, limit: 16 }))
  }

  get writable(): boolean {
    return this.room > 0
  }

  transmit(frame: Frame): boolean {
    if (this.room <= 0) return false
    this.room--
    const { csumStart, gsoSize, refs } = frame
    const bytes = bytesOf(frame)
    finishChecksum(bytes, frame)
    this.sent.push({ bytes, csumStart, gsoSize, refs })
    frame.release()
    return true
  }

  flush(): void {}

  poll(budget: number, now: number): number {
    let count = 0
    while (count < budget && this.receiving.length > 0) {
      const bytes = this.receiving.shift() as Uint8Array
      const page = this.pool.allocate()
      if (!page) throw new Error('the test receives more than it releases')
      page.bytes.set(bytes, 12)
      count++
      this.receiver.onFrame(this.frames.wrap(page, 12, 12 + bytes.length), now)
    }
    return count
  }

  attach(receiver: DeviceReceiver): void {
    this.receiver = receiver
  }
}

export class Rig {
  time = 1_000_000_000
  polls = 0
  readonly device: MemoryDevice
  readonly stack: Stack
  readonly port: Interface
  readonly logged: string[] = []

  constructor(options: { addresses?: string[]; quiet?: boolean; stack?: Partial<StackOptions>; seed?: string } = {}) {
    const { addresses = ['192.0.2.2/24'], quiet = true } = options
    this.device = new MemoryDevice('test0', OUR_MAC)
    this.stack = new Stack({
      environment: {
        clock: { now: () => this.time },
        random: seededRandom(options.seed ?? 'rig'),
        log: (_level, message) => this.logged.push(message),
      },
      memory: plainMemory(),
      requestPoll: () => {
        this.polls++
      },
      ...options.stack,
    })
    const cidrs = addresses.map((text) => parseCidr(text) as NonNullable<ReturnType<typeof parseCidr>>)
    this.port = this.stack.addInterface({ device: this.device, addresses: cidrs })
    if (quiet) this.device.sent.length = 0
  }

  get counters(): Stack['counters'] {
    return this.stack.counters
  }

  /** Makes the peer known for good, so that no ARP stands in the way. */
  knowPeer(address = PEER, mac = PEER_MAC): this {
    if (this.stack.addNeighbour(this.port, address, mac) !== 0) throw new Error('neighbour was refused')
    return this
  }

  /** Frames come in, and the stack does all that follows from it. */
  receive(...frames: Uint8Array[]): void {
    this.device.receiving.push(...frames)
    this.run()
  }

  run(): void {
    for (let i = 0; this.stack.poll(); i++) if (i > 1000) throw new Error('the stack does not come to rest')
  }

  /** Time passes, deadline by deadline. */
  advance(microseconds: number): void {
    const end = this.time + microseconds
    for (let next = this.stack.nextDeadline(); next <= end; next = this.stack.nextDeadline()) {
      this.time = Math.max(this.time, next)
      this.run()
    }
    this.time = end
    this.run()
  }

  /** The frames that left since the last call. */
  take(): Uint8Array[] {
    return this.device.sent.splice(0).map(({ bytes }) => bytes)
  }

  /** Closes the stack; no page and no frame may be out after it. */
  close(): void {
    this.stack.close()
    const out = {
      frames: this.stack.frames.outstanding + this.device.frames.outstanding,
      headers: this.stack.headers.outstanding,
      pages: this.stack.pages.outstanding,
      received: this.device.pool.outstanding,
    }
    if (out.frames + out.headers + out.pages + out.received !== 0) throw new Error(`leak: ${JSON.stringify(out)}`)
  }
}
