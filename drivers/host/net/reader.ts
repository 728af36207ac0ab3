// From an endpoint's receive queue to Buffers for an application. A large piece is handed over as a view of the page it
// arrived in (the page leaves its pool); small ones are copied together into one Buffer, so that a page of 64 KiB is not
// kept for a few bytes. An application that gives its views back spares the collector the pages. Owns who was lent what.

import type { Page, PageRef } from '../../../stack/buffer/page.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import type { Counters } from '../../../stack/counters.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'

/** The most bytes of one Buffer. */
const PIECE = 65536
/** Smaller Buffers come out of Node's own pool, whose size differs from version to version. */
const POOLED = 4096
/** A piece of this size is not copied together with smaller ones before it. */
const LARGE = PIECE / 2

/** A page that an application has: where it belongs and how many of its bytes were not given back yet. */
interface Loan {
  pool: PagePool
  left: number
}

/** Takes pieces; one per host. */
export class Reader {
  private readonly ref: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }
  private readonly loans = new WeakMap<ArrayBufferLike, Loan>()
  private readonly counters: Pick<Counters, 'TcpPagewireCopiedIn'>

  /** `counters`: of the stack, for what is copied here. */
  constructor(counters: Pick<Counters, 'TcpPagewireCopiedIn'>) {
    this.counters = counters
  }

  /** The next bytes, or what `TcpEndpoint.receive` answered: 0 at the end of the stream, a negative errno. */
  take(endpoint: TcpEndpoint): Buffer | number {
    const ref = this.ref
    const length = endpoint.receive(PIECE, ref)
    if (length <= 0) return length
    const { page, offset } = ref
    if (length * 2 >= page.length) {
      const home = page.home
      if (page.count === 1 && home instanceof PagePool && home.detachable) return this.lend(page, home, offset, length)
    }
    const joined = endpoint.receiveNext < LARGE
    const total = joined ? Math.min(length + endpoint.receiveQueued, PIECE) : length
    const buffer = total < POOLED ? Buffer.allocUnsafe(total) : Buffer.allocUnsafeSlow(total)
    page.copyTo(buffer, 0, offset, length)
    this.counters.TcpPagewireCopiedIn += length
    page.release()
    const filled = joined ? this.join(endpoint, buffer, length) : length
    if (filled * 2 >= total) return filled === total ? buffer : buffer.subarray(0, filled)
    this.counters.TcpPagewireCopiedIn += filled
    return Buffer.from(buffer.subarray(0, filled))
  }

  /** Lets go of the next bytes, which nobody will look at, however small their pieces are. As `take`, with their number. */
  discard(endpoint: TcpEndpoint): number {
    const { ref } = this
    let total = endpoint.receive(PIECE, ref)
    if (total <= 0) return total
    ref.page.release()
    while (total < PIECE && endpoint.receiveNext > 0) {
      const length = endpoint.receive(PIECE - total, ref)
      if (length <= 0) break
      ref.page.release()
      total += length
    }
    return total
  }

  /**
   * Bytes of a Buffer that `take` gave are not needed any more. When all of a page were given back it is used again; bytes
   * that were copied are the collector's, as always. True if the view was of a page.
   */
  giveBack(view: Uint8Array): boolean {
    const loan = this.loans.get(view.buffer)
    if (!loan) return false
    loan.left -= view.byteLength
    if (loan.left > 0) return true
    this.loans.delete(view.buffer)
    if (loan.left === 0) loan.pool.reclaim(view.buffer as ArrayBuffer)
    return true
  }

  private lend(page: Page, pool: PagePool, offset: number, length: number): Buffer {
    const bytes = pool.surrender(page)
    this.loans.set(bytes.buffer, { pool, left: length })
    return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length)
  }

  /** Copies the small pieces that follow behind the first `filled` bytes. How many bytes there are then. */
  private join(endpoint: TcpEndpoint, buffer: Buffer, filled: number): number {
    let at = filled
    while (at < buffer.length) {
      const next = endpoint.receiveNext
      if (next === 0 || next >= LARGE) break
      const more = endpoint.receiveInto(buffer, at, Math.min(next, buffer.length - at))
      if (more <= 0) break
      at += more
    }
    return at
  }
}
