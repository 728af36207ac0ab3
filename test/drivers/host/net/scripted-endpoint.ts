// An endpoint whose receive queue is what a test puts there and whose send queue has the room that a test gives it: for the
// units that sit between an endpoint and a stream.

import { plainMemory } from '../../../../drivers/wire/index.ts'
import { EAGAIN } from '../../../../stack/base/errno.ts'
import type { PageRef } from '../../../../stack/buffer/page.ts'
import { PagePool } from '../../../../stack/buffer/page-pool.ts'
import type { TcpEndpoint } from '../../../../stack/tcp/contract.ts'

export class ScriptedEndpoint {
  readonly memory = plainMemory()
  readonly pool: PagePool
  readonly sent: Buffer[] = []
  room = Number.POSITIVE_INFINITY
  /** What `receive` answers when the queue is empty. */
  atEnd = -EAGAIN
  /** What `send` answers, once. */
  sendError = 0
  private readonly queue: PageRef[] = []

  constructor(pageSize = 2048) {
    this.pool = new PagePool(this.memory, { pageSize, slab: 1, limit: 1000, detachable: true })
  }

  /** As it is handed to what is tested. */
  get endpoint(): TcpEndpoint {
    return this as unknown as TcpEndpoint
  }

  /** A segment arrives: its payload at `offset` of a page of its own. */
  arrive(payload: Uint8Array, offset = 0): PageRef {
    const page = this.pool.allocate()
    if (!page) throw new Error('no page')
    page.bytes.set(payload, offset)
    const ref = { page, offset, length: payload.length }
    this.queue.push(ref)
    return ref
  }

  get receiveQueued(): number {
    return this.queue.reduce((sum, { length }) => sum + length, 0)
  }

  get receiveNext(): number {
    return this.queue[0]?.length ?? 0
  }

  receive(max: number, out: PageRef): number {
    const first = this.queue[0]
    if (!first) return this.atEnd
    const length = Math.min(max, first.length)
    out.page = first.page
    out.offset = first.offset
    out.length = length
    if (length === first.length) this.queue.shift()
    else {
      first.page.retain()
      first.offset += length
      first.length -= length
    }
    return length
  }

  receiveInto(bytes: Uint8Array, offset: number, length: number): number {
    const ref = { page: null, offset: 0, length: 0 } as unknown as PageRef
    let done = 0
    while (done < length && this.queue.length > 0) {
      const taken = this.receive(length - done, ref)
      bytes.set(ref.page.bytes.subarray(ref.offset, ref.offset + taken), offset + done)
      ref.page.release()
      done += taken
    }
    return done > 0 ? done : this.atEnd
  }

  send(bytes: Uint8Array, offset: number, length: number): number {
    if (this.sendError < 0) return this.sendError
    const taken = Math.min(length, this.room)
    if (taken === 0) return -EAGAIN
    this.room -= taken
    this.sent.push(Buffer.from(bytes.subarray(offset, offset + taken)))
    return taken
  }
}
