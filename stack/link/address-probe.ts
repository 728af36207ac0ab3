// Asks whether an address is in use on a link before we take it (RFC 5227 2.1): three probes one to two seconds apart
// after a random wait, then two seconds of silence. One object per question; the answer is a verdict for its owner.

import { Deadlines } from '../base/deadlines.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { MacAddress } from '../base/mac-address.ts'
import type { StackContext } from '../context.ts'
import { REQUEST } from '../wire/arp.ts'
import type { Arp, ArpObserver } from './arp.ts'

/** RFC 5227 1.1, microseconds. */
const PROBE_WAIT = 1_000_000
const PROBE_NUM = 3
const PROBE_MIN = 1_000_000
const PROBE_MAX = 2_000_000
const ANNOUNCE_WAIT = 2_000_000

export class AddressProbe implements ArpObserver {
  readonly address: IpAddress
  private readonly arp: Arp
  private readonly own: MacAddress
  private readonly random: StackContext['environment']['random']
  private readonly deadlines: Deadlines
  private readonly onVerdict: (rival: MacAddress | null) => void
  private readonly context: StackContext
  private sent = 0

  /** `onVerdict` is called once: with the rival's link address, or null when the address is free. */
  constructor(
    context: StackContext,
    arp: Arp,
    own: MacAddress,
    address: IpAddress,
    onVerdict: (rival: MacAddress | null) => void,
  ) {
    this.arp = arp
    this.own = own
    this.address = address
    this.onVerdict = onVerdict
    this.random = context.environment.random.fork(`address-probe ${own} ${address}`)
    this.deadlines = new Deadlines(context.heap, this, 1)
    this.context = context
  }

  start(): void {
    this.arp.observers.add(this)
    this.deadlines.set(0, this.context.environment.clock.now() + this.random.below(PROBE_WAIT))
    this.context.requestPoll()
  }

  onDeadline(_slot: number, now: number): void {
    if (this.sent === PROBE_NUM) {
      this.finish(null)
      return
    }
    this.arp.sendProbe(this.address)
    this.sent++
    const spacing = PROBE_MIN + this.random.below(PROBE_MAX - PROBE_MIN + 1)
    this.deadlines.set(0, now + (this.sent === PROBE_NUM ? ANNOUNCE_WAIT : spacing))
  }

  onArp(operation: number, sender: number, target: number, senderHigh: number, senderLow: number): void {
    if (senderHigh === this.own.high && senderLow === this.own.low) return
    const claimed = sender === this.address.d
    const alsoProbed = operation === REQUEST && sender === 0 && target === this.address.d
    if (claimed || alsoProbed) this.finish(new MacAddress(senderHigh, senderLow))
  }

  /** Ends without a verdict. */
  cancel(): void {
    this.deadlines.clearAll()
    this.arp.observers.delete(this)
  }

  private finish(rival: MacAddress | null): void {
    this.cancel()
    this.onVerdict(rival)
  }
}
