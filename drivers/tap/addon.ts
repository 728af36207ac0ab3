// Whether the addon is at hand, and its regions as the `Memory` of pages and rings. Regions belong to the thread that made
// them; each NativeMemory counts its own.

import { type Addon, loadAddon } from '../../native/index.ts'
import { errnoName } from '../../stack/base/errno.ts'
import type { Memory, Region } from '../../stack/buffer/page.ts'
import { TapError } from './tap-error.ts'

/** True, or why the addon cannot be used here. */
export function addonAvailable(): true | Error {
  const addon = loadAddon()
  return addon instanceof Error ? addon : true
}

/** The addon; TapError ENOADDON with the way to mend it when there is none. */
export function needAddon(): Addon {
  const addon = loadAddon()
  if (!(addon instanceof Error)) return addon
  throw new TapError('ENOADDON', addon.message, 'npm run build:native (it needs g++, make and python3)')
}

export class NativeMemory implements Memory {
  /** Regions allocated here and not yet released: zero at the end of every test. */
  regions = 0
  private readonly addon: Addon

  constructor(addon: Addon) {
    this.addon = addon
  }

  allocate(byteLength: number): Region {
    // The memory is an ArrayBuffer of its own and not zeroed.
    return this.adopt(Buffer.allocUnsafeSlow(byteLength).buffer as ArrayBuffer)
  }

  adopt(buffer: ArrayBuffer): Region {
    const id = this.addon.registerRegion(buffer)
    if (id < 0) throw new RangeError(`no region can be registered: ${errnoName(id)}`)
    this.regions++
    return { id, buffer }
  }

  release(region: Region): void {
    if (this.addon.unregisterRegion(region.id) === 0) this.regions--
  }
}

/** Memory that a TAP's rings and the native checksum can reach. Throws TapError ENOADDON. */
export function nativeMemory(): NativeMemory {
  return new NativeMemory(needAddon())
}
