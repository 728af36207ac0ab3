// A stack with one established connection to a peer in memory, for micro-benchmarks: with a card between them, or without one
// where the card is not what is measured. Time stands still but for `poll`; it begins hours after the origin, since small
// integers are cheaper than the microseconds of a host that has run for a while.

import { seededRandom } from '../../../drivers/random.ts'
import { plainMemory } from '../../../drivers/wire/index.ts'
import { Nic, TypeScriptChecksum } from '../../../nic/index.ts'
import { IpAddress, parseCidr } from '../../../stack/base/ip-address.ts'
import { MacAddress } from '../../../stack/base/mac-address.ts'
import { Stack } from '../../../stack/stack.ts'
import type { TcpEndpoint, TcpListener } from '../../../stack/tcp/contract.ts'
import { PEER_ADDRESS, PEER_MAC, Peer, PORT, STACK_ADDRESS, STACK_MAC } from './peer.ts'
import { PeerDevice, PeerPort } from './peer-port.ts'

const FOUR_HOURS = 4 * 3600 * 1_000_000

export class Established {
  readonly memory = plainMemory()
  readonly peer = new Peer(this.memory)
  readonly stack: Stack
  /** Where frames of the peer arrive. */
  readonly end: PeerPort | PeerDevice
  readonly endpoint: TcpEndpoint
  now = FOUR_HOURS
  private readonly nic: Nic | null
  private readonly listener: TcpListener

  constructor(options: { card: boolean }) {
    const { memory, peer } = this
    const clock = { now: () => this.now }
    const environment = { clock, random: seededRandom(1), log: () => {} }
    this.stack = new Stack({ environment, memory, requestPoll: () => {}, tcp: { noDelay: true } })
    const port = options.card ? new PeerPort(peer, memory) : null
    this.nic = port ? this.card(port) : null
    const device = this.nic ?? new PeerDevice(peer)
    this.end = port ?? (device as PeerDevice)
    const interfaces = this.stack.addInterface({ device, addresses: [parseCidr(`${STACK_ADDRESS}/24`)!] })
    this.stack.addNeighbour(interfaces, IpAddress.from(PEER_ADDRESS), MacAddress.parse(PEER_MAC)!)
    this.listener = this.stack.tcp.listen({ address: null, port: PORT }) as TcpListener
    this.endpoint = this.handshake()
  }

  /** One turn, so many microseconds later. */
  poll(later = 10): void {
    this.now += later
    this.peer.time = (this.now / 1000) | 0
    this.stack.poll()
  }

  /** Throws when a page or a frame is still out. */
  close(): void {
    this.listener.close()
    this.endpoint.abort()
    this.poll()
    this.end.close()
    this.stack.close()
    this.nic?.close()
    const { frames, headers, pages } = this.stack
    const out = frames.outstanding + headers.outstanding + pages.outstanding + this.peer.outstanding
    if (out !== 0) throw new Error(`${out} pages and frames are still out`)
  }

  private card(port: PeerPort): Nic {
    const address = MacAddress.parse(STACK_MAC)!
    const { frames } = this.stack
    return new Nic({ port, frames, engine: new TypeScriptChecksum(), address, log: () => {} })
  }

  private handshake(): TcpEndpoint {
    this.end.arrive(this.peer.open())
    this.poll()
    if (!this.peer.connected) throw new Error('no answer to the SYN')
    this.end.arrive(this.peer.acknowledge())
    this.poll()
    const endpoint = this.listener.accept()
    if (!endpoint) throw new Error('the connection was not established')
    return endpoint
  }
}
