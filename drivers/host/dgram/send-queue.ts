// Datagrams that wait because the card has no room, in order, within the socket's send buffer (SO_SNDBUF): what is beyond
// it is refused with ENOBUFS. Also those that were sent before the socket was bound.

import { EAGAIN, ENOBUFS } from '../../../stack/base/errno.ts'

export interface Datagram {
  readonly bytes: Uint8Array
  /** Hands it to the endpoint: bytes sent or a negative errno. */
  transmit(): number
  done(result: number): void
}

export class SendQueue {
  /** Bytes that may wait. */
  limit = 212_992
  bytes = 0
  private readonly waiting: Datagram[] = []

  get count(): number {
    return this.waiting.length
  }

  send(datagram: Datagram): void {
    if (this.waiting.length === 0) {
      const result = datagram.transmit()
      if (result !== -EAGAIN) {
        datagram.done(result)
        return
      }
    }
    if (this.bytes + datagram.bytes.length > this.limit) {
      datagram.done(-ENOBUFS)
      return
    }
    this.bytes += datagram.bytes.length
    this.waiting.push(datagram)
  }

  /** There is room again. */
  flush(): void {
    while (this.waiting.length > 0) {
      const result = this.waiting[0].transmit()
      if (result === -EAGAIN) return
      this.shift().done(result)
    }
  }

  /** Ends all with an errno (negative). */
  fail(errno: number): void {
    while (this.waiting.length > 0) this.shift().done(errno)
  }

  private shift(): Datagram {
    const datagram = this.waiting.shift() as Datagram
    this.bytes -= datagram.bytes.length
    return datagram
  }
}
