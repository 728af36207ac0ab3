// The initial sequence numbers and timestamp offsets of a recorded host (in the place of stack/tcp/initial-sequence.ts), so
// that what the peer acknowledges and echoes in the capture is what our stack has sent. For connections of which the
// capture does not have the host's SYN any numbers do.

import type { IpAddress } from '../../stack/base/ip-address.ts'
import type { Sequences } from '../../stack/tcp/index.ts'
import { type Conversation, tupleOf } from './conversation.ts'

/** Microseconds of a tick of TCP's timestamps. */
const TICK = 1000

export class RecordedSequences implements Sequences {
  private readonly current = new Map<string, Conversation>()
  private readonly lead: number

  /** `lead`: the virtual time at which the capture begins, microseconds. */
  constructor(lead: number) {
    this.lead = lead
  }

  /** From now on the ports of this connection belong to it. */
  begin(conversation: Conversation): void {
    this.current.set(tupleOf(conversation.remote, conversation.remotePort, conversation.localPort), conversation)
  }

  /** The connection that has these ports now. */
  find(remote: number, remotePort: number, localPort: number): Conversation | null {
    return this.current.get(tupleOf(remote, remotePort, localPort)) ?? null
  }

  sequence(_local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): number {
    return this.find(remote.d, remotePort, localPort)?.host?.initial ?? 0
  }

  /** One tick more than the recorded clock: what the peer echoes never lies in our future, whatever the clocks' phases. */
  timestampOffset(_local: IpAddress, remote: IpAddress, localPort: number, remotePort: number): number {
    const first = this.find(remote.d, remotePort, localPort)?.hostTimestamp
    if (!first) return 0
    return (first.value - Math.floor((this.lead + first.time) / TICK) + 1) | 0
  }
}
