// Bytes on their way by reference, from the call to the acknowledgement: what a file's transfer and a zero-copy write have in
// common. Each page is lent to the endpoint under a page object of this transfer's own, so that its last release (of the
// send queue, a retransmission, the ring, a receiver on this host) is seen here. Settles once: resolved when all bytes
// were acknowledged and nothing refers to them, rejected with `bytesSent` (what was queued) otherwise.

import { ECONNRESET } from '../../../stack/base/errno.ts'
import { Page, type PageHome } from '../../../stack/buffer/page.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { ByReference } from './by-reference.ts'
import { codedError, systemError } from './errors.ts'

/** The socket, as a transfer knows it. */
export interface TransferOwner {
  readonly destroyed: boolean
  readonly errored: Error | null
  once(event: 'close', listener: () => void): unknown
  /** The transfer waited and can go on. */
  _resumeTransfer(): void
  /** Ends the connection by a RST. */
  _failTransfer(error: Error): void
}

/** For a microtask without the asynchronous resource of queueMicrotask. */
const RESOLVED = Promise.resolve()

export type TransferError = Error & { bytesSent: number }

export abstract class Transfer implements ByReference, PageHome {
  readonly promise: Promise<number>
  /** Bytes that were queued. */
  queued = 0
  protected readonly owner: TransferOwner
  protected endpoint: TcpEndpoint | null = null
  /** Nothing more will be queued. */
  protected over = false
  /** Pages that are lent. */
  private lent = 0
  private settled = false
  private corked = false
  /** The stream offset behind the last byte. */
  private end = 0
  private readonly signal: AbortSignal | undefined
  private resolve!: (bytes: number) => void
  private reject!: (error: Error) => void
  private readonly onAbort: (() => void) | null

  constructor(owner: TransferOwner, signal?: AbortSignal) {
    this.owner = owner
    this.signal = signal
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.onAbort = signal ? () => this.abort() : null
    if (!signal || !this.onAbort) return
    if (signal.aborted) queueMicrotask(this.onAbort)
    else signal.addEventListener('abort', this.onAbort, { once: true })
  }

  abstract readonly remaining: number
  /** As `pump`, while the transfer goes on. */
  protected abstract queueMore(endpoint: TcpEndpoint): number
  /** No page is lent and none will be: what was held can go. */
  protected abstract onReleased(): void

  pump(endpoint: TcpEndpoint): number {
    if (this.over) return 1
    if (!this.endpoint) {
      this.endpoint = endpoint
      // Between two of its pages no segment is cut short, and what was written before goes in the same segment.
      this.corked = !endpoint.getOption('cork')
      if (this.corked) endpoint.setOption('cork', true)
    }
    const result = this.queueMore(endpoint)
    if (result === 1) this.finish()
    return result
  }

  /** Rejects; what is queued still goes. */
  fail(error: Error): void {
    if (this.settled) return
    this.settled = true
    this.forgetSignal()
    this.reject(Object.assign(error, { bytesSent: this.queued }))
    if (!this.over) this.finish()
  }

  recycle(page: Page): void {
    const { of } = page
    page.of = null
    this.lent--
    of?.release()
    this.checkReleased()
  }

  copy(page: Page, offset: number, length: number, bytes: Uint8Array, at: number): boolean {
    return page.of?.copyTo(bytes, at, offset, length) ?? false
  }

  /** A page of this transfer over memory of its own. */
  protected lendMemory(region: number, buffer: ArrayBuffer | null, offset: number, length: number): Page {
    this.lent++
    return new Page(this, region, buffer, offset, length)
  }

  /** A page of this transfer over the memory of another; takes over the reference to `page`. */
  protected lend(page: Page): Page {
    const buffer = page.touchable ? (page.bytes.buffer as ArrayBuffer) : null
    const lent = this.lendMemory(page.region, buffer, page.regionOffset, page.length)
    lent.of = page
    return lent
  }

  /** Bytes were queued. */
  protected onQueued(bytes: number): void {
    this.queued += bytes
    this.end = (this.endpoint as TcpEndpoint).bytesQueued
  }

  /** Ends the connection, as the bytes cannot be had. */
  protected breakOff(error: Error): void {
    this.fail(error)
    if (this.owner.destroyed) this.endpoint?.abort()
    else this.owner._failTransfer(error)
  }

  protected finish(): void {
    this.over = true
    if (this.corked) this.endpoint?.setOption('cork', false)
    this.corked = false
    this.letGo()
    this.checkReleased()
  }

  /** Lets go of what is kept only for queueing more. */
  protected abstract letGo(): void

  private abort(): void {
    const error = codedError(Error, 'ABORT_ERR', 'The operation was aborted')
    error.name = 'AbortError'
    error.cause = this.signal?.reason
    this.fail(error)
    this.owner._resumeTransfer()
  }

  private forgetSignal(): void {
    if (this.onAbort) this.signal?.removeEventListener('abort', this.onAbort)
  }

  private checkReleased(): void {
    if (!this.over || this.lent > 0) return
    this.onReleased()
    // The acknowledgement that released the last page is still being counted.
    if (!this.settled) RESOLVED.then(() => this.settle())
  }

  private settle(): void {
    if (this.settled) return
    if (this.queued === 0 || (this.endpoint as TcpEndpoint).bytesAcknowledged >= this.end) {
      this.settled = true
      this.forgetSignal()
      this.resolve(this.queued)
    } else if (this.owner.destroyed) {
      this.fail(this.owner.errored ?? systemError('write', ECONNRESET))
    } else {
      // The connection was reset; the socket hears of it next.
      this.owner.once('close', () => this.fail(this.owner.errored ?? systemError('write', ECONNRESET)))
    }
  }
}
