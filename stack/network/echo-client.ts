// ICMP echo requests of our own: what ping is made of (RFC 792). Owns the requests that wait for an answer, and their
// time limits; callbacks are made by `dispatch` only.

import { Deadlines, NEVER } from '../base/deadlines.ts'
import { EAGAIN, EALREADY, EINVAL, ENOBUFS, ETIMEDOUT } from '../base/errno.ts'
import type { IpAddress } from '../base/ip-address.ts'
import { Thrown } from '../base/thrown.ts'
import { type Frame, type FrameOwner, HEADER_PAGE } from '../buffer/frame.ts'
import type { StackContext } from '../context.ts'
import { complement, sum } from '../wire/checksum.ts'
import { ECHO_REPLY, ECHO_REQUEST, emit, HEADER, icmpv4Header } from '../wire/icmpv4.ts'
import { type IcmpError, type Path, PROTOCOL_ICMP, type ReceivedPacket } from './contract.ts'
import type { PathCache } from './path-cache.ts'

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
  /** Bytes of the reply's ICMP message; 0 for an error. */
  length: number
  /** Microseconds from `send` to the poll in which the answer came. */
  roundTrip: number
  /** ICMP type and code of the answer. */
  type: number
  code: number
}

const DEFAULT_PAYLOAD = 56
const DEFAULT_TIMEOUT = 10_000_000
/** Requests that may wait for an answer at a time. */
const LIMIT = 4096

export class EchoClient {
  private readonly context: StackContext
  private readonly paths: PathCache
  private readonly random: StackContext['environment']['random']
  private readonly deadlines: Deadlines
  private readonly header = icmpv4Header()
  private readonly options = { ttl: 64 }
  private readonly waiting = new Map<number, WaitingEcho>()
  private done: WaitingEcho[] = []
  private readonly thrown = new Thrown()

  constructor(context: StackContext, paths: PathCache) {
    this.context = context
    this.paths = paths
    this.random = context.environment.random.fork('echo')
    this.deadlines = new Deadlines(context.heap, this, 1)
  }

  /** An identifier that no waiting request has. */
  identifier(): number {
    const used = new Set<number>()
    for (const { request } of this.waiting.values()) used.add(request.identifier)
    let candidate = this.random.below(0x10000)
    while (used.has(candidate)) candidate = (candidate + 1) & 0xffff
    return candidate
  }

  /**
   * Sends one request; `onResult` is called once, by dispatch. 0, or a negative errno and no call: -EAGAIN and -ENOBUFS
   * (no room), -ENETUNREACH, -EMSGSIZE (larger than the path's MTU), -EALREADY (identifier and sequence wait already),
   * -EINVAL.
   */
  send(address: IpAddress, request: EchoRequest, onResult: (result: EchoResult) => void): number {
    const { identifier, sequence, payloadLength = DEFAULT_PAYLOAD, ttl = 64, timeout = DEFAULT_TIMEOUT } = request
    if (!within(identifier, 0, 0xffff) || !within(sequence, 0, 0xffff) || !within(ttl, 1, 255)) return -EINVAL
    if (!within(payloadLength, 0, 65507) || !(timeout > 0)) return -EINVAL
    const key = (identifier << 16) | sequence
    if (this.waiting.has(key)) return -EALREADY
    if (this.waiting.size >= LIMIT) return -ENOBUFS
    const path = this.paths.get(address, request.source ?? null)
    if (typeof path === 'number') return path
    const frame = this.build(path, identifier, sequence, payloadLength)
    if (!frame) return -EAGAIN
    const now = this.context.environment.clock.now()
    const echo = new WaitingEcho(this, key, path.destination, request, now, now + timeout, onResult)
    frame.owner = echo
    this.options.ttl = ttl
    const errno = path.transmit(frame, PROTOCOL_ICMP, this.options)
    if (errno < 0) {
      frame.owner = null
      frame.release()
      return errno
    }
    this.waiting.set(key, echo)
    this.deadlines.setEarlier(0, echo.deadline)
    this.context.counters.IcmpOutMsgs++
    this.context.counters.IcmpOutEchos++
    this.context.requestPoll()
    return 0
  }

  /** Forgets a waiting request; its callback is not made. */
  cancel(identifier: number, sequence: number): void {
    this.waiting.delete((identifier << 16) | sequence)
  }

  /** A reply came, its checksum verified. One that nobody waits for, or from somebody else, is none. */
  onReply(packet: ReceivedPacket, identifier: number, sequence: number, now: number): void {
    const echo = this.waiting.get((identifier << 16) | sequence)
    if (!echo?.destination.equals(packet.source)) return
    const { result } = echo
    result.from = packet.source
    result.ttl = packet.ttl
    result.length = packet.transportLength
    result.type = ECHO_REPLY
    this.finish(echo, 0, now)
  }

  /** An ICMP error quotes a request; `from` sent it. True if the request was one of ours. */
  onError(error: IcmpError, from: IpAddress, ttl: number, identifier: number, sequence: number, now: number): boolean {
    const echo = this.waiting.get((identifier << 16) | sequence)
    if (!echo?.destination.equals(error.destination)) return false
    const { result } = echo
    result.from = from
    result.ttl = ttl
    result.type = error.type
    result.code = error.code
    this.finish(echo, error.errno, now)
    return true
  }

  /** The request never left. */
  onLost(echo: WaitingEcho, errno: number): void {
    if (this.waiting.get(echo.key) === echo) this.finish(echo, errno, this.context.now)
  }

  onDeadline(_slot: number, now: number): void {
    let next = NEVER
    for (const echo of this.waiting.values()) {
      if (echo.deadline <= now) this.finish(echo, ETIMEDOUT, now)
      else if (echo.deadline < next) next = echo.deadline
    }
    if (next !== NEVER) this.deadlines.set(0, next)
  }

  /** Makes the callbacks. True if any was made. What they throw comes out when all were made. */
  dispatch(): boolean {
    if (this.done.length === 0) return false
    const done = this.done
    this.done = []
    for (const echo of done) {
      try {
        echo.onResult(echo.result)
      } catch (error) {
        this.thrown.add(error)
      }
    }
    this.thrown.rethrow()
    return true
  }

  /** Forgets all requests without a call. */
  close(): void {
    this.waiting.clear()
    this.done = []
    this.deadlines.clearAll()
  }

  private finish(echo: WaitingEcho, errno: number, now: number): void {
    this.waiting.delete(echo.key)
    echo.result.errno = errno
    echo.result.roundTrip = Math.max(0, now - echo.sentAt)
    this.done.push(echo)
    this.context.requestPoll()
  }

  private build(path: Path, identifier: number, sequence: number, payloadLength: number): Frame | null {
    const { frames, pages } = this.context
    const room = path.headroom + HEADER + payloadLength
    const page = room <= HEADER_PAGE ? null : pages.allocate()
    if (room > HEADER_PAGE && !page) return null
    const frame = page ? frames.wrap(page, path.headroom, path.headroom) : frames.allocate(path.headroom)
    if (!frame) return null
    if (room > frame.head.length) {
      frame.release()
      return null
    }
    const { header } = this
    const { view, bytes } = frame.head
    frame.end = room
    for (let i = 0; i < payloadLength; i++) bytes[frame.start + HEADER + i] = i
    header.type = ECHO_REQUEST
    header.code = 0
    header.identifier = identifier
    header.sequence = sequence
    header.checksum = 0
    emit(header, view, frame.start)
    header.checksum = complement(sum(view, frame.start, frame.end))
    emit(header, view, frame.start)
    return frame
  }
}

function within(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

class WaitingEcho implements FrameOwner {
  readonly key: number
  readonly destination: IpAddress
  readonly request: EchoRequest
  readonly sentAt: number
  readonly deadline: number
  readonly onResult: (result: EchoResult) => void
  readonly result: EchoResult
  private readonly client: EchoClient

  constructor(
    client: EchoClient,
    key: number,
    destination: IpAddress,
    request: EchoRequest,
    sentAt: number,
    deadline: number,
    onResult: (result: EchoResult) => void,
  ) {
    this.client = client
    this.key = key
    this.destination = destination
    this.request = request
    this.sentAt = sentAt
    this.deadline = deadline
    this.onResult = onResult
    this.result = {
      errno: 0,
      from: null,
      identifier: request.identifier,
      sequence: request.sequence,
      ttl: 0,
      length: 0,
      roundTrip: 0,
      type: -1,
      code: 0,
    }
  }

  onTransmitError(errno: number): void {
    this.client.onLost(this, errno)
  }
}
