// Bytes of a file into a send queue, page by page and by reference, as far as the send buffer takes them. Waits for pages
// that are not in memory without holding anybody up. Owns the position in the file.

import type { FileHandle } from 'node:fs/promises'
import { EAGAIN } from '../../../stack/base/errno.ts'
import type { Page } from '../../../stack/buffer/page.ts'
import type { CachedFile } from '../../../stack/buffer/page-cache.ts'
import type { TcpEndpoint } from '../../../stack/tcp/contract.ts'
import { changedError, type Files, type FileUser, loadError } from '../../files/index.ts'
import { Transfer, type TransferOwner } from './transfer.ts'

export interface SendFileOptions {
  /** The first byte, default 0. */
  start?: number
  /** The last byte (it is sent too), as in `createReadStream`; default and at most the file's last. */
  end?: number
  /** Ends the queueing: the promise rejects with `bytesSent`, and what was queued still goes. */
  signal?: AbortSignal
}

export class FileTransfer extends Transfer implements FileUser {
  private readonly files: Files
  private file: CachedFile | null = null
  /** The next byte to queue, and the one behind the last. */
  private at: number
  private limit: number
  /** The page that is being queued, and which it is. */
  private page: Page | null = null
  private index = -1
  private loading = false

  constructor(owner: TransferOwner, files: Files, target: string | URL | FileHandle, options: SendFileOptions) {
    super(owner, options.signal)
    this.files = files
    this.at = options.start ?? 0
    this.limit = (options.end ?? Number.POSITIVE_INFINITY) + 1
    files.open(target, this).then(
      (file) => this.onOpen(file),
      (error: Error) => {
        this.fail(error)
        owner._resumeTransfer()
      },
    )
  }

  get remaining(): number {
    return this.over || this.file === null ? 0 : this.limit - this.at
  }

  onFileChanged(): void {
    this.breakOff(changedError())
  }

  protected queueMore(endpoint: TcpEndpoint): number {
    if (!this.file || this.loading) return this.file && this.at >= this.limit ? 1 : 0
    const { pageSize } = this.files.cache.options
    while (this.at < this.limit) {
      const index = Math.floor(this.at / pageSize)
      if (this.index !== index && !this.turnTo(index)) return 0
      const page = this.page as Page
      const within = this.at - index * pageSize
      const wanted = Math.min(pageSize - within, this.limit - this.at)
      // When there is no room the refusal makes the endpoint tell of it.
      const result = endpoint.sendPage(page.retain(), within, Math.min(wanted, Math.max(endpoint.sendSpace, 1)))
      if (result < 0) {
        page.release()
        return result === -EAGAIN ? 0 : result
      }
      this.at += result
      this.onQueued(result)
    }
    return 1
  }

  protected letGo(): void {
    this.page?.release()
    this.page = null
  }

  protected onReleased(): void {
    if (this.file) this.files.release(this.file, this)
    this.file = null
  }

  /** The page is at hand; false: it is being loaded. */
  private turnTo(index: number): boolean {
    const file = this.file as CachedFile
    this.letGo()
    this.index = -1
    const page = file.take(index)
    const last = Math.floor((this.limit - 1) / this.files.cache.options.pageSize)
    if (page) {
      this.page = this.lend(page)
      this.index = index
    } else {
      this.loading = true
      file.load(index, (errno) => this.onLoaded(errno))
    }
    file.readAhead(index + 1, last)
    return page !== null
  }

  private onLoaded(errno: number): void {
    this.loading = false
    if (this.over) return
    if (errno === 0) this.owner._resumeTransfer()
    else this.breakOff(loadError(errno))
  }

  private onOpen(file: CachedFile): void {
    this.file = file
    this.limit = Math.max(Math.min(this.limit, file.size), this.at)
    if (this.over) {
      // It was aborted, or the connection has ended.
      this.onReleased()
      return
    }
    this.owner._resumeTransfer()
  }
}
