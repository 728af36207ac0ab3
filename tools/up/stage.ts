// `up` may start itself once more: inside a network namespace that it makes or finds, or inside a user and network
// namespace when it is not root. The first process stays as the keeper of the second: hands signals on, removes the
// namespace that it made, and ends as the second ended. Each notices when the other is gone, also by kill -9, and a
// namespace that was made is removed even when both are killed, by a shell that waits for that.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommandError } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { DIRECTORY_VARIABLE, runtimeDirectory } from '../control/places.ts'

/** Which namespace this process was started in by its keeper. */
export type Stage = { kind: 'none' } | { kind: 'netns'; name: string } | { kind: 'rootless' } | { kind: 'unnamed' }

const STAGE_VARIABLE = 'PAGEWIRE_STAGE'
const NAMESPACES = '/run/netns'
const DEVICE_NODE = '/dev/net/tun'

export function currentStage(): Stage {
  const text = process.env[STAGE_VARIABLE] ?? ''
  if (text === 'rootless' || text === 'unnamed') return { kind: text }
  return text.startsWith('netns:') ? { kind: 'netns', name: text.slice(6) } : { kind: 'none' }
}

/** What a person types before `ping` and `curl` to reach this stage. */
export function reachPrefix(stage: Stage): string {
  if (stage.kind === 'netns') return `ip netns exec ${stage.name} `
  return stage.kind === 'rootless' ? `nsenter --preserve-credentials -U -n -t ${process.pid} ` : ''
}

/** In a stage: fires when the keeper asks for the end or is gone. */
export function keeperSignal(): AbortSignal {
  const controller = new AbortController()
  if (process.channel) {
    process.on('message', () => controller.abort())
    process.on('disconnect', () => controller.abort())
    process.channel.unref()
  }
  return controller.signal
}

/** Runs the command once more in the namespace of this name; its exit status. The namespace is made if it is not there. */
export async function runInNamespace(name: string): Promise<number> {
  const made = makeNamespace(name)
  const janitor = made ? startJanitor(name) : null
  try {
    return await keep('ip', ['netns', 'exec', name], `netns:${name}`)
  } finally {
    if (janitor) {
      spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' })
      janitor.stdin?.end('done\n')
    }
  }
}

/** Runs the command once more in a user and network namespace of its own; its exit status. */
export function runRootless(): Promise<number> {
  return keep('unshare', ['--user', '--map-root-user', '--net'], 'rootless')
}

/**
 * Runs the command once more in a network namespace without a name, which is gone with its last process; its exit status.
 * `words`: the arguments of unshare(1). For what nobody talks to from outside.
 */
export function runUnnamed(words: readonly string[]): Promise<number> {
  return keep('unshare', [...words], 'unnamed')
}

/** An empty string, or why a user and network namespace would not help this user to a TAP. */
export function rootlessTrouble(): string {
  try {
    accessSync(DEVICE_NODE, constants.R_OK | constants.W_OK)
  } catch {
    return `${DEVICE_NODE} may not be opened`
  }
  const probe = spawnSync('unshare', ['--user', '--map-root-user', '--net', 'true'], { encoding: 'utf8' })
  if (probe.error) return 'the program unshare is missing (package util-linux)'
  if (probe.status === 0) return ''
  return `none can be made: ${probe.stderr.trim().split('\n')[0] || `unshare ended with ${probe.status}`}`
}

/** True when it was made here. */
function makeNamespace(name: string): boolean {
  if (exists(join(NAMESPACES, name))) return false
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' })
  if (made.error) throw new CommandError("--netns needs the program 'ip'; install it with: apt-get install iproute2")
  if (made.status !== 0) {
    const why = made.stderr.trim().split('\n')[0]
    throw new CommandError(`cannot make the network namespace ${name}: ${why}; run it as root, or without --netns`)
  }
  spawnSync('ip', ['-n', name, 'link', 'set', 'lo', 'up'], { stdio: 'ignore' })
  return true
}

/** A shell that removes the namespace when this process is gone without a word. */
function startJanitor(name: string): ChildProcess {
  const script = 'read -r word || exec ip netns delete "$1"'
  const janitor = spawn('sh', ['-c', script, 'sh', name], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  janitor.on('error', () => {})
  janitor.stdin?.on('error', () => {})
  janitor.unref()
  return janitor
}

async function keep(program: string, words: string[], stage: string): Promise<number> {
  const environment: NodeJS.ProcessEnv = { ...process.env, [STAGE_VARIABLE]: stage }
  if (stage !== 'unnamed') environment[DIRECTORY_VARIABLE] = runtimeDirectory()
  const child = spawn(
    program,
    [...words, process.execPath, ...process.execArgv, programPath(), ...process.argv.slice(2)],
    {
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: environment,
    },
  )
  const interrupt = catchInterrupt()
  interrupt.signal.addEventListener('abort', () => {
    // A terminal gives the signal to both; asking again changes nothing.
    if (child.connected) child.send('stop')
  })
  try {
    return await ended(child, program)
  } finally {
    interrupt.release()
  }
}

function ended(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', () => reject(new CommandError(`the program '${program}' cannot be run`)))
    child.on('exit', (status, signal) => {
      if (signal) process.stderr.write(`pagewire: ended by ${signal}\n`)
      resolve(status ?? 1)
    })
  })
}

/** The program's own file, compiled or not. */
function programPath(): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  return fileURLToPath(new URL(`../pagewire.${extension}`, import.meta.url))
}

function exists(path: string): boolean {
  try {
    statSync(path)
    return true
  } catch {
    return false
  }
}
