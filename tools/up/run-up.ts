// `pagewire up` and `pagewire ftpd`: decides where the stack runs: on a TAP here, in a network namespace, in a user namespace without root, or on a
// simulated wire where no TAP is to be had. What runs on it then is serve-stack.ts.

import type { Log } from '../../drivers/index.ts'
import { compileEarly } from '../cli/compile-early.ts'
import { CommandError, codeOf, messageOf, oneLine } from '../cli/errors.ts'
import { DEFAULT_NICE, setNiceness } from '../cli/priority.ts'
import { type OpenStack, openOnTap, openOnWire } from './open-stack.ts'
import type { UpOptions } from './options.ts'
import { openFiles } from './serve-all.ts'
import { serveStack } from './serve-stack.ts'
import { Speaker } from './speaker.ts'
import { currentStage, rootlessTrouble, runInNamespace, runRootless, type Stage } from './stage.ts'

/** Errors of a TAP after which the same stack can still be shown on a simulated wire. */
const NO_TAP_HERE = ['ENOADDON', 'ENODEVICE', 'EPERM', 'EACCES', 'EVNETHDR']

/** How a process in a user namespace tells its keeper that there is no TAP either (EX_UNAVAILABLE of sysexits.h). */
const NO_TAP_STATUS = 69

/** The exit status. */
export async function runUp(options: UpOptions): Promise<number> {
  const stage = currentStage()
  if (options.netns !== undefined && stage.kind === 'none') return await runInNamespace(options.netns)
  const files = await openFiles(options)
  const speaker = new Speaker(Boolean(options.json), options.command)
  const log: Log = (level, message) => {
    if (level === 'warn' || level === 'error') speaker.warn(message)
  }
  const open = await openStack(options, stage, speaker, log)
  if (typeof open === 'number') return open
  compileEarly()
  if (!setNiceness(options.nice ?? DEFAULT_NICE) && options.nice !== undefined) {
    speaker.warn(`--nice ${options.nice} is for root; the niceness stays as it is`)
  }
  return await serveStack({ options, stage, speaker, files, open })
}

/** The stack, or the exit status of the process that ran it instead. */
async function openStack(options: UpOptions, stage: Stage, speaker: Speaker, log: Log): Promise<OpenStack | number> {
  if (options.driver === 'wire') return await openWire(options, log)
  try {
    return await openOnTap(options, log)
  } catch (error) {
    const code = codeOf(error)
    if (!NO_TAP_HERE.includes(code)) throw tapTrouble(error)
    if (code === 'EPERM' && stage.kind === 'none' && process.getuid?.() !== 0) {
      const status = await tryRootless(speaker)
      if (status !== NO_TAP_STATUS) return status
    }
    if (options.driver === 'tap') throw tapTrouble(error)
    speaker.warn(`no TAP: ${withHint(error)}`)
    // The wire's port of 127.0.0.1 would be of no use in here: our keeper opens it outside.
    if (stage.kind === 'rootless') return NO_TAP_STATUS
    speaker.warn('serving the same stack over a simulated wire instead; a loopback port of this machine leads to it')
    return await openWire(options, log)
  }
}

/** The exit status of the process in the namespace, NO_TAP_STATUS when that did not help. */
async function tryRootless(speaker: Speaker): Promise<number> {
  const trouble = rootlessTrouble()
  if (trouble !== '') {
    speaker.warn(`not root, and a namespace of its own would not help: ${trouble}`)
    return NO_TAP_STATUS
  }
  speaker.say('rootless', 'Not root: running in a user and network namespace of its own.')
  return await runRootless()
}

async function openWire(options: UpOptions, log: Log): Promise<OpenStack> {
  try {
    return await openOnWire(options, log)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EADDRINUSE')
      throw new CommandError(
        `port ${options.bridgePort} of 127.0.0.1 is taken; give another --bridge-port, or 0 for any`,
      )
    if (code === 'EACCES')
      throw new CommandError(`port ${options.bridgePort} of 127.0.0.1 is for root; give a --bridge-port above 1023`)
    throw error
  }
}

function tapTrouble(error: unknown): CommandError {
  const other = codeOf(error) === 'EBUSY' ? ', as --tap pw1' : ''
  return new CommandError(`${withHint(error)}${other}`)
}

/** What is wrong and how to mend it, in one line. */
function withHint(error: unknown): string {
  const hint = (error as { hint?: unknown }).hint
  const message = oneLine(messageOf(error))
  return typeof hint === 'string' && hint !== '' ? `${message}; to mend it: ${oneLine(hint)}` : message
}
