// The running stack that has a card of some name: `ethtool` and `ip` are told the card, not the stack.

import { listRunning, pick, type Running } from '../control/choose.ts'
import { namedNamespace } from '../control/places.ts'

/** Null: no card is called so. With several of the name, throws the error that asks for the namespace. */
export async function stackOf(device: string, netns: string | undefined): Promise<Running | null> {
  const all = await listRunning()
  const inode = netns === undefined ? null : namedNamespace(netns)
  const fitting = all.filter(
    ({ identity }) => identity.tap === device && (netns === undefined || identity.netns === inode),
  )
  return fitting.length === 0 ? null : pick(fitting, all, { tap: device, netns })
}
