// A TAP for a host: opened, and where it was made here, the kernel's end set up.

import { configureInterface, openTap, type TapPort } from '../tap/index.ts'
import { type CheckedInterface, formatCidr } from './options.ts'

/** Throws TapError. */
export function openTapPort({ tap, kernel }: CheckedInterface): TapPort {
  if (!tap) throw new TypeError('no TAP is asked for')
  const port = openTap(tap)
  try {
    if (port.created) configureInterface(port.name, { ...(kernel ? { address: formatCidr(kernel) } : {}), up: true })
    return port
  } catch (error) {
    port.close()
    throw error
  }
}
