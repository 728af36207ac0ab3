// Where control sockets live: a folder of mode 0700 under the run-time directory, one socket for each stack, named by the
// card and the inode of the network namespace, so that cards of one name in two namespaces do not collide.

import { lstatSync, mkdirSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CommandError } from '../cli/errors.ts'

/** Passed to a process that was started in a user namespace, where it takes itself for root. */
export const DIRECTORY_VARIABLE = 'PAGEWIRE_RUNTIME_DIR'

/** sizeof(sun_path) - 1 on Linux; less elsewhere. */
const LONGEST_PATH = process.platform === 'linux' ? 107 : 103

/** The folder for new sockets, made if it is not there. Throws CommandError when there is no safe place. */
export function runtimeDirectory(): string {
  const troubles: string[] = []
  for (const path of candidates()) {
    const trouble = prepare(path)
    if (trouble === '') return path
    troubles.push(trouble)
  }
  throw new CommandError(
    `no place for the control socket: ${troubles.join('; ')}; set XDG_RUNTIME_DIR to a folder of yours`,
  )
}

/** The path of the control socket of a card in this process's network namespace. */
export function socketPath(tap: string, directory = runtimeDirectory()): string {
  const path = join(directory, `${tap}.${networkNamespace()}.sock`)
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new CommandError(
      `the path of the control socket is longer than ${LONGEST_PATH} bytes: ${path}; set XDG_RUNTIME_DIR to a shorter one`,
    )
  }
  return path
}

/** All sockets that this user can see, of stacks that run and of some that do not any more. */
export function listSockets(): string[] {
  const paths: string[] = []
  for (const directory of candidates()) {
    if (!isOwnDirectory(directory)) continue
    for (const name of namesIn(directory)) if (name.endsWith('.sock')) paths.push(join(directory, name))
  }
  return paths
}

/** The inode of this process's network namespace; `0` where there are none. */
export function networkNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/net'))?.[0] ?? '0'
  } catch {
    return '0'
  }
}

/** The inode of the network namespace of this name, or null when there is none. */
export function namedNamespace(name: string): string | null {
  try {
    return String(statSync(join('/run/netns', name)).ino)
  } catch {
    return null
  }
}

function candidates(): string[] {
  const given = process.env[DIRECTORY_VARIABLE]
  if (given) return [given]
  const paths: string[] = []
  const runtime = process.env['XDG_RUNTIME_DIR']
  if (runtime) paths.push(join(runtime, 'pagewire'))
  const uid = process.getuid?.() ?? 0
  if (uid === 0) paths.push('/run/pagewire')
  paths.push(join(tmpdir(), `pagewire-${uid}`))
  return paths
}

/** Makes a folder that is ours alone; an empty string, or why it cannot be. */
function prepare(path: string): string {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') return `${path}: ${code}`
  }
  return isOwnDirectory(path) ? '' : `${path} belongs to somebody else or is open to others`
}

/** True for a real folder of ours that nobody else can enter: in /tmp, anybody may have been there first. */
function isOwnDirectory(path: string): boolean {
  try {
    const stats = lstatSync(path)
    const own = process.getuid === undefined || stats.uid === process.getuid()
    return stats.isDirectory() && own && (stats.mode & 0o077) === 0
  } catch {
    return false
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}
