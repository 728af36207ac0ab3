// Which running stack a command talks to: the one that was named, else the only one, else the only one in this network
// namespace.

import { CommandError } from '../cli/errors.ts'
import { ask } from './client.ts'
import type { Identity } from './messages.ts'
import { listSockets, namedNamespace, networkNamespace } from './places.ts'

export interface Running {
  path: string
  identity: Identity
}

export interface Choice {
  /** `--tap NAME` */
  tap?: string
  /** `--netns NAME` */
  netns?: string
}

/** The stack to talk to. Throws CommandError with one line that says what to do. */
export async function chooseRunning(choice: Choice): Promise<Running> {
  const all = await listRunning()
  const inode = choice.netns === undefined ? null : namedNamespace(choice.netns)
  if (choice.netns !== undefined && inode === null)
    throw new CommandError(`there is no network namespace ${choice.netns}`)
  const fitting = all.filter(
    ({ identity }) =>
      (choice.tap === undefined || identity.tap === choice.tap) && (inode === null || identity.netns === inode),
  )
  return pick(fitting, all, choice)
}

/** Every stack that answers; sockets of dead ones are passed over. */
export async function listRunning(): Promise<Running[]> {
  const found = await Promise.all(
    listSockets().map(async (path) => {
      const identity = await ask(path, 'hello', {}).catch(() => null)
      return identity ? [{ path, identity }] : []
    }),
  )
  return found.flat()
}

/** The one of `fitting` that is meant. */
export function pick(fitting: readonly Running[], all: readonly Running[], choice: Choice): Running {
  if (fitting.length === 1) return fitting[0]
  if (all.length === 0) throw new CommandError("no pagewire runs; start one with 'pagewire up'")
  if (fitting.length === 0) throw new CommandError(`no pagewire runs ${describe(choice)}; there is: ${names(all)}`)
  const here = fitting.filter(({ identity }) => identity.netns === networkNamespace())
  if (here.length === 1) return here[0]
  throw new CommandError(
    `several run: ${names(fitting)}; choose one with --tap NAME${choice.tap ? ' --netns NAME' : ''}`,
  )
}

function describe({ tap, netns }: Choice): string {
  return `${tap === undefined ? '' : `on ${tap}`}${netns === undefined ? '' : ` in namespace ${netns}`}`.trim()
}

function names(running: readonly Running[]): string {
  return running
    .map(
      ({ identity }) =>
        `${identity.tap} (${identity.addresses.join(' ')}, process ${identity.pid}, namespace ${identity.netns})`,
    )
    .join(', ')
}
