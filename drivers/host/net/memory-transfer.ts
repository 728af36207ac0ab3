// Bytes of an application's memory into a send queue by reference. Only memory that `host.alloc` made can be pointed at:
// it belongs to the card's registry while it is being sent, and cannot be detached by a transfer to another thread.

import { markAsUntransferable } from 'node:worker_threads'
import { EAGAIN } from '../../../stack/base/errno.ts'
import type { Memory, Page, Region } from '../../../stack/buffer/page.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import { Transfer, type TransferOwner } from './transfer.ts'

/** Memory that can be sent by reference. A buffer is registered while a transfer uses it, and the collector's otherwise. */
export class SharedMemory {
  private readonly memory: Memory
  private readonly known = new WeakSet<ArrayBuffer>()
  private readonly used = new Map<ArrayBuffer, { region: Region; users: number }>()

  constructor(memory: Memory) {
    this.memory = memory
  }

  /** Buffers that are being sent. */
  get registered(): number {
    return this.used.size
  }

  /** Zeroed memory of its own. RangeError when there is none. */
  allocate(size: number): Buffer {
    const region = this.memory.allocate(size)
    this.memory.release(region)
    markAsUntransferable(region.buffer)
    this.known.add(region.buffer)
    return Buffer.from(region.buffer).fill(0)
  }

  /** Whether the bytes can be sent by reference. */
  has(bytes: Uint8Array): boolean {
    return bytes.length > 0 && this.known.has(bytes.buffer as ArrayBuffer)
  }

  acquire(buffer: ArrayBuffer): Region {
    let entry = this.used.get(buffer)
    if (!entry) {
      entry = { region: this.memory.adopt(buffer), users: 0 }
      this.used.set(buffer, entry)
    }
    entry.users++
    return entry.region
  }

  release(buffer: ArrayBuffer): void {
    const entry = this.used.get(buffer)
    if (!entry || --entry.users > 0) return
    this.used.delete(buffer)
    this.memory.release(entry.region)
  }
}

export class MemoryTransfer extends Transfer {
  private readonly shared: SharedMemory
  private readonly buffer: ArrayBuffer
  private readonly length: number
  private page: Page | null
  private held = true

  /** `bytes` are memory of `shared`. */
  constructor(owner: TransferOwner, shared: SharedMemory, bytes: Uint8Array) {
    super(owner)
    this.shared = shared
    this.buffer = bytes.buffer as ArrayBuffer
    this.length = bytes.length
    const { id } = shared.acquire(this.buffer)
    this.page = this.lendMemory(id, this.buffer, bytes.byteOffset, bytes.length)
  }

  get remaining(): number {
    return this.over ? 0 : this.length - this.queued
  }

  protected queueMore(endpoint: TcpEndpoint): number {
    const page = this.page as Page
    while (this.queued < this.length) {
      const n = Math.min(this.length - this.queued, Math.max(endpoint.sendSpace, 1))
      const result = endpoint.sendPage(page.retain(), this.queued, n)
      if (result < 0) {
        page.release()
        return result === -EAGAIN ? 0 : result
      }
      this.onQueued(result)
    }
    return 1
  }

  protected letGo(): void {
    this.page?.release()
    this.page = null
  }

  protected onReleased(): void {
    if (this.held) this.shared.release(this.buffer)
    this.held = false
  }
}
