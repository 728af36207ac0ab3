// The host's application on one TCP connection: writes what the recorded one wrote when that was due, closes and aborts when
// that did, and takes everything that comes, at once. What is due before the connection is there waits.

import { ENOTCONN } from '../../stack/base/errno.ts'
import { READABLE, type TcpEndpoint, WRITABLE } from '../../stack/tcp/contract.ts'
import type { Conversation, Deed, Write } from './conversation.ts'

const ZEROS = new Uint8Array(65536)
const scratch = new Uint8Array(65536)

export class Application {
  readonly conversation: Conversation
  /** The connection came about. */
  connected = false
  /** Bytes taken, and bytes that the stack took to send. */
  received = 0
  written = 0
  /** The errno that ended it; 0. */
  errno = 0
  private endpoint: TcpEndpoint | null = null
  private readonly due: Deed[] = []
  /** Bytes of the first deed that are written. */
  private done = 0
  private finished = false

  constructor(conversation: Conversation) {
    this.conversation = conversation
  }

  /** The connection that the application is on; `connected`: it is there already. */
  attach(endpoint: TcpEndpoint, connected: boolean): void {
    this.endpoint = endpoint
    this.connected = connected
    endpoint.onReadiness = (events) => this.onReadiness(events)
    if (connected) {
      this.take()
      this.flush()
    }
  }

  perform(deed: Deed): void {
    this.due.push(deed)
    this.flush()
  }

  private onReadiness(events: number): void {
    const { endpoint } = this
    if (!endpoint) return
    if (!this.connected && events & WRITABLE && endpoint.state !== 'CLOSED' && endpoint.state !== 'SYN-SENT') {
      this.connected = true
    }
    if (events & READABLE) this.take()
    this.errno ||= endpoint.takeError()
    this.flush()
  }

  private take(): void {
    const { endpoint } = this
    if (!endpoint || !this.connected) return
    for (;;) {
      const count = endpoint.receiveInto(scratch, 0, scratch.length)
      if (count <= 0) return
      this.received += count
    }
  }

  private flush(): void {
    const { endpoint, due } = this
    if (!endpoint || this.finished) return
    // An attempt that was given up is ended whether it came about or not.
    if (!this.connected && due[0]?.kind !== 'abort') return
    while (due.length > 0 && this.carryOut(endpoint, due[0])) due.shift()
  }

  /** False: not all of it yet. */
  private carryOut(endpoint: TcpEndpoint, deed: Deed): boolean {
    if (deed.kind === 'close') {
      endpoint.shutdown('write')
      return true
    }
    if (deed.kind === 'abort') {
      this.finished = true
      endpoint.abort()
      return true
    }
    while (this.done < deed.length) {
      const count = write(endpoint, deed, this.done)
      if (count <= 0) {
        if (count === -ENOTCONN) this.finished = true
        return false
      }
      this.done += count
      this.written += count
    }
    this.done = 0
    return true
  }
}

function write(endpoint: TcpEndpoint, deed: Write, from: number): number {
  if (deed.bytes) return endpoint.send(deed.bytes, from, deed.length - from)
  return endpoint.send(ZEROS, 0, Math.min(ZEROS.length, deed.length - from))
}
