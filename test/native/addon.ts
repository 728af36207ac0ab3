// The addon for the tests that speak to it directly, and where its binary is for threads and processes that load it
// without TypeScript.

import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { type Addon, loadAddon } from '../../native/index.ts'

export function addonOrFail(): Addon {
  const addon = loadAddon()
  if (addon instanceof Error) throw addon
  return addon
}

/** The path of the binary that `loadAddon` takes. */
export const BINARY =
  process.env['PAGEWIRE_TEST_ADDON'] ??
  (createRequire(import.meta.url)('node-gyp-build') as { path(folder: string): string }).path(resolve('native'))

/** A region whose bytes count up, so that what was read from it shows from where. */
export function countingRegion(addon: Addon, length: number): { id: number; bytes: Uint8Array; buffer: ArrayBuffer } {
  const buffer = new ArrayBuffer(length)
  const bytes = new Uint8Array(buffer)
  for (let i = 0; i < length; i++) bytes[i] = i
  return { id: addon.registerRegion(buffer), bytes, buffer }
}
