// ICMP echo requests of our own: what ping is made of. Owns the requests that wait for an answer.

import { ENETUNREACH } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'

export interface EchoRequest {
  /** 0 to 65535; `EchoClient.identifier()` gives one that nobody uses. */
  identifier: number
  /** 0 to 65535. */
  sequence: number
  /** Bytes after the ICMP header. Default 56. */
  payloadLength?: number
  /** 1 to 255. Default 64. */
  ttl?: number
  source?: IpAddress | null
  /** Microseconds to wait for an answer. Default 10 s. */
  timeout?: number
}

export interface EchoResult {
  /** 0: the reply came. Else the errno of an ICMP error or of the way there (EHOSTUNREACH, ...), or ETIMEDOUT. */
  errno: number
  /** Who answered: the destination, or whoever sent the ICMP error; null when nobody did. */
  from: IpAddress | null
  identifier: number
  sequence: number
  /** TTL of the answer. */
  ttl: number
  /** Bytes of the answer's ICMP message. */
  length: number
  /** Microseconds from `send` to the poll in which the answer came. */
  roundTrip: number
  /** ICMP type and code of the answer. */
  type: number
  code: number
}

export class EchoClient {
  /** An identifier that nobody uses. */
  identifier(): number {
    return 0
  }

  /**
   * Sends one request; `onResult` is called once, by dispatch. 0, or a negative errno and no call: -EAGAIN (no room),
   * -ENETUNREACH, -EMSGSIZE, -EALREADY (identifier and sequence are waiting already), -EINVAL.
   */
  send(_address: IpAddress, _request: EchoRequest, _onResult: (result: EchoResult) => void): number {
    return -ENETUNREACH
  }

  /** Forgets a waiting request; its callback is not made. */
  cancel(_identifier: number, _sequence: number): void {}
}
