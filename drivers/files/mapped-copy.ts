// A file that is mapped whole and copied from by the processor, in native code: what an application does that maps a file
// and writes from it. For measuring against `sendFile`, which touches nothing. Owns the windows and the count of bytes.

import type { FileHandle } from 'node:fs/promises'
import { type Addon, loadAddon, type NativeMappedFile } from '../../native/index.ts'
import { fileError } from './file-error.ts'

const WINDOW = 1024 * 1024

export class MappedCopy {
  readonly size: number
  /** Bytes that were copied. */
  copied = 0
  private readonly addon: Addon
  private readonly file: NativeMappedFile
  /** The regions of the windows, one behind the other. */
  private readonly windows: number[] = []

  private constructor(addon: Addon, file: NativeMappedFile) {
    this.addon = addon
    this.file = file
    this.size = file.size()
  }

  /** Maps the file and brings it into memory. The handle stays the caller's. Rejects with a system error, or without the addon. */
  static async open(handle: FileHandle): Promise<MappedCopy> {
    const addon = loadAddon()
    if (addon instanceof Error) throw addon
    const file = new addon.MappedFile()
    const error = file.open(handle.fd)
    if (error < 0) throw fileError('open', error)
    const mapped = new MappedCopy(addon, file)
    try {
      for (let at = 0; at < mapped.size; at += WINDOW) await mapped.map(at, Math.min(WINDOW, mapped.size - at))
    } catch (cause) {
      mapped.close()
      throw cause
    }
    return mapped
  }

  /** Copies [offset, offset + bytes.length) of the file. Throws a system error when the file has become shorter (EFAULT). */
  copy(offset: number, bytes: Uint8Array): void {
    if (offset < 0 || offset + bytes.length > this.size) throw new RangeError('outside of the file')
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done
      const within = at % WINDOW
      const length = Math.min(WINDOW - within, bytes.length - done)
      const error = this.addon.copyMapped(this.windows[Math.floor(at / WINDOW)], within, length, bytes, done)
      if (error < 0) throw fileError('read', error)
      this.copied += length
      done += length
    }
  }

  close(): void {
    for (const region of this.windows.splice(0)) this.addon.unregisterRegion(region)
    this.file.close()
  }

  private map(offset: number, length: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const error = this.file.map(offset, length, (region) => {
        if (region < 0) reject(fileError('mmap', region))
        else {
          this.windows.push(region)
          resolve()
        }
      })
      if (error < 0) reject(fileError('mmap', error))
    })
  }
}
