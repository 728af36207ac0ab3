// From an endpoint's receive queue to Buffers for an application. A large piece is handed over as a view of the page it
// arrived in (the page leaves its pool for good); small ones are copied together into one exact-size Buffer, so that
// a page of 64 KiB is not kept for a few bytes. Owns no stream state.

import type { Page, PageRef } from '../../../stack/buffer/page.ts'
import { PagePool } from '../../../stack/buffer/page-pool.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'

/** The most bytes of one Buffer. */
const PIECE = 65536
/** Smaller ones come out of Node's own pool. */
const POOLED = 4096

/** Takes pieces; one per stack is enough, as it keeps nothing between two calls. */
export class Reader {
  private readonly ref: PageRef = { page: null as unknown as Page, offset: 0, length: 0 }

  /** The next bytes, or what `TcpEndpoint.receive` answered: 0 at the end of the stream, a negative errno. */
  take(endpoint: TcpEndpoint): Buffer | number {
    const ref = this.ref
    const length = endpoint.receive(PIECE, ref)
    if (length <= 0) return length
    const { page, offset } = ref
    if (length * 2 >= page.length) {
      const home = page.home
      if (page.count === 1 && home instanceof PagePool && home.detachable) {
        const bytes = home.surrender(page)
        return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length)
      }
    }
    const total = Math.min(length + endpoint.receiveQueued, PIECE)
    const buffer = total < POOLED ? Buffer.allocUnsafe(total) : Buffer.allocUnsafeSlow(total)
    buffer.set(page.bytes.subarray(offset, offset + length))
    page.release()
    if (total === length) return buffer
    const more = endpoint.receiveInto(buffer, length, total - length)
    const filled = more > 0 ? length + more : length
    return filled === total ? buffer : buffer.subarray(0, filled)
  }
}
