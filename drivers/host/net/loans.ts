// Large writes, lent to TCP: their bytes are queued by reference, and the write's callback waits until nothing refers to them any
// more, as Node's own waits for libuv. What is acknowledged within two turns of the event loop, as on a link of this machine, is
// never copied; what is not is copied then, so that no application waits for the acknowledgments of a long path. Owns the loans
// that wait for their end; a write in its turn is writer.ts's.

import { types } from 'node:util'
import { EAGAIN } from '../../../stack/base/errno.ts'
import { Page, type PageHome } from '../../../stack/buffer/page.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import type { ByReference } from './by-reference.ts'
import type { SharedMemory } from './memory-transfer.ts'

/** Bytes of the smallest write that is lent: below it a copy costs less than the turns of the loop. */
export const LEAST_LOAN = 262_144
/** Descriptors count their offsets in 32 bits, frames in 31. */
const FARTHEST = 0x7fff_ffff
/** Turns of the event loop: one that is under way and one in which acknowledgments are read. */
const TURNS = 2
/** For a microtask without the asynchronous resource of queueMicrotask. */
const RESOLVED = Promise.resolve()

/** The stream whose write it is. */
export interface Borrower {
  /** The write may go on. */
  _resumeTransfer(): void
}

export class Loans {
  private readonly shared: SharedMemory
  private waiting: Loan[] = []
  /** Those for whose copy there was no memory. */
  private refused: Loan[] = []

  constructor(shared: SharedMemory) {
    this.shared = shared
  }

  /**
   * Null: these bytes are to be copied. They are few; or memory that may change its size or belongs to several threads; or the peer
   * is on this host, and would refer to them until its application reads.
   */
  lend(borrower: Borrower, endpoint: TcpEndpoint, bytes: Uint8Array): Loan | null {
    const { buffer } = bytes
    if (bytes.length < LEAST_LOAN || endpoint.loopback || !types.isArrayBuffer(buffer)) return null
    if (bytes.byteOffset + bytes.length > FARTHEST) return null
    if ((buffer as ArrayBuffer & { resizable?: boolean }).resizable) return null
    try {
      return new Loan(this, this.shared, borrower, bytes)
    } catch {
      // No room in the registry.
      return null
    }
  }

  /** All of the loan is queued. */
  add(loan: Loan): void {
    this.waiting.push(loan)
    if (this.waiting.length === 1) setImmediate(this.turn)
  }

  /** Something happened that may have brought memory back. */
  check(): void {
    if (this.refused.length > 0) this.refused = this.refused.filter((loan) => !loan.reclaim())
  }

  private readonly turn = (): void => {
    const { waiting } = this
    this.waiting = []
    for (const loan of waiting) {
      if (!loan.isOver()) this.waiting.push(loan)
      else if (!loan.reclaim()) this.refused.push(loan)
    }
    if (this.waiting.length > 0) setImmediate(this.turn)
  }
}

export class Loan implements ByReference, PageHome {
  readonly isWrite = true
  queued = 0
  private readonly loans: Loans
  private readonly shared: SharedMemory
  private readonly borrower: Borrower
  private readonly buffer: ArrayBuffer
  private readonly length: number
  private readonly page: Page
  private endpoint: TcpEndpoint | null = null
  /** We hold a reference ourselves: not all is queued. */
  private held = true
  private returned = false
  private abandoned = false
  private turns = 0
  private free: (() => void) | null = null

  /** RangeError when the memory cannot be registered. */
  constructor(loans: Loans, shared: SharedMemory, borrower: Borrower, bytes: Uint8Array) {
    this.loans = loans
    this.shared = shared
    this.borrower = borrower
    this.buffer = bytes.buffer as ArrayBuffer
    this.length = bytes.length
    const { id } = shared.acquire(this.buffer)
    this.page = new Page(this, id, this.buffer, bytes.byteOffset, bytes.length)
  }

  get remaining(): number {
    return this.length - this.queued
  }

  /** 1 only when the memory is the application's again. */
  pump(endpoint: TcpEndpoint): number {
    this.endpoint = endpoint
    while (this.queued < this.length) {
      const n = Math.min(this.length - this.queued, Math.max(endpoint.sendSpace, 1))
      const result = endpoint.sendPage(this.page.retain(), this.queued, n)
      if (result < 0) {
        this.page.release()
        if (result === -EAGAIN) return 0
        this.abandon()
        return result
      }
      this.queued += result
    }
    if (this.held) {
      this.letGo()
      if (!this.returned) this.loans.add(this)
    }
    return this.returned ? 1 : 0
  }

  /** The stream is destroyed: what is queued still goes, from memory that is not the application's. */
  abandon(free: () => void = () => {}): boolean {
    if (this.abandoned || this.returned) return false
    this.abandoned = true
    this.letGo()
    if (!this.returned && !this.reclaim(true)) this.endpoint?.abort()
    // Frames on the device's ring still refer to the memory: the callback waits for them.
    if (this.returned) return false
    this.free = free
    return true
  }

  /** Another turn of the loop has passed. True when it is not to be waited for any longer. */
  isOver(): boolean {
    return this.returned || ++this.turns >= TURNS
  }

  /**
   * Copies what TCP still refers to. False when that cannot be: there is no memory for it, and the acknowledgments are waited for; or
   * the buffer was detached, and the connection ends when it would be sent. `all`: also with memory that others may need.
   */
  reclaim(all = false): boolean {
    if (this.returned || !this.endpoint) return true
    return this.buffer.byteLength > 0 && this.endpoint.reclaim(this.page, all)
  }

  recycle(): void {
    this.returned = true
    this.shared.release(this.buffer)
    if (this.abandoned) this.free?.()
    else RESOLVED.then(this.resume)
  }

  /** A promise would swallow what the write's callback throws. */
  private readonly resume = (): void => {
    try {
      this.borrower._resumeTransfer()
    } catch (error) {
      process.nextTick(() => {
        throw error
      })
    }
  }

  private letGo(): void {
    if (this.held) this.page.release()
    this.held = false
  }
}
