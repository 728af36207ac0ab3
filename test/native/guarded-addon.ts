// The addon with guarded payload (native/guarded/).

import { join } from 'node:path'
import { buildAddon } from './build-addon.ts'

/** The path of its binary. Throws when it cannot be built. */
export function guardedAddon(): string {
  return join(buildAddon('native/guarded'), 'pagewire.node')
}
