// The life of a stack that is up: its services, its control socket, what is said about it, and that everything is taken
// back in the opposite order when it ends: on Ctrl-C, on SIGTERM, when its keeper is gone, or when its card is.

import { messageOf, UsageError } from '../cli/errors.ts'
import { catchInterrupt } from '../cli/interrupt.ts'
import { VERSION } from '../cli/version.ts'
import type { Identity } from '../control/messages.ts'
import { listSockets, networkNamespace, socketPath } from '../control/places.ts'
import { ControlServer } from '../control/server.ts'
import { commandsToTry } from './commands-to-try.ts'
import { createHandlers } from './control-handlers.ts'
import { LiveLine } from './live-line.ts'
import type { OpenStack } from './open-stack.ts'
import { formatCidr, type UpOptions } from './options.ts'
import { type Files, serveAll } from './serve-all.ts'
import type { Speaker } from './speaker.ts'
import { keeperSignal, reachPrefix, type Stage } from './stage.ts'
import { figuresOf, type StatusFacts, statusOf } from './status.ts'

export interface ServeParts {
  options: UpOptions
  stage: Stage
  speaker: Speaker
  files: Files
  open: OpenStack
}

/** Serves until the end; the exit status. Throws CommandError when something cannot be started; all is closed then too. */
export async function serveStack(parts: ServeParts): Promise<number> {
  const { options, speaker, open } = parts
  const interrupt = catchInterrupt()
  const closers: (() => unknown)[] = [() => open.close()]
  try {
    const ended = theEnd(parts, AbortSignal.any([interrupt.signal, keeperSignal()]))
    setFeatures(options, open)
    setGsoMaxSize(options, open)
    const facts = await factsOf(parts)
    await start(parts, facts, closers)
    announce(parts, facts)
    const live = startLive(parts)
    closers.push(() => live.stop())
    const status = await ended
    await closeAll(closers)
    speaker.live = null
    speaker.say('down', `${options.tap} is gone again.`)
    return status
  } finally {
    // Whatever went wrong is told by its error, not by what closing does to the card.
    open.host.removeAllListeners('link').removeAllListeners('gone')
    await closeAll(closers)
    interrupt.release()
  }
}

/** In the opposite order; what was closed is taken out. */
async function closeAll(closers: (() => unknown)[]): Promise<void> {
  for (let close = closers.pop(); close; close = closers.pop()) await close()
}

async function factsOf({ options, stage, files, open }: ServeParts): Promise<StatusFacts> {
  return {
    driver: open.driver,
    checksumEngine: open.checksumEngine,
    addresses: [formatCidr(options.address)],
    started: Date.now(),
    commands: await commandsToTry(options, open, reachPrefix(stage)),
    files: files.root !== null,
    uploads: files.uploads !== null,
  }
}

/** Services and control socket; what was started is added to `closers`. */
async function start(
  { options, files, open }: ServeParts,
  facts: StatusFacts,
  closers: (() => unknown)[],
): Promise<void> {
  const { host } = open
  const status = () => statusOf(host, facts)
  const service = await serveAll(open, options, files, status)
  closers.push(async () => {
    service.close()
    await files.uploads?.discardAll()
  })
  const identity: Identity = {
    tap: options.tap,
    pid: process.pid,
    netns: networkNamespace(),
    addresses: facts.addresses,
    driver: open.driver,
  }
  await ControlServer.sweep(listSockets())
  const handlers = createHandlers({ host, identity, status, epochOffset: open.epochOffset })
  const control = await ControlServer.open(socketPath(options.tap), handlers)
  closers.push(() => control.close())
}

function startLive({ options, speaker, open }: ServeParts): LiveLine {
  const live = new LiveLine({
    name: options.tap,
    figures: () => figuresOf(open.host),
    output: process.stdout,
    json: speaker.json,
  })
  speaker.live = live
  live.start()
  return live
}

/** Resolves with the exit status when it is time to go: 0 when we were asked to, 1 when the card was taken away. */
function theEnd({ options, speaker, open }: ServeParts, asked: AbortSignal): Promise<number> {
  const { host } = open
  return new Promise((resolve) => {
    const onLink = (up: boolean) => {
      const text = `${options.tap} is ${up ? 'up again' : 'down: the interface was switched off'}`
      speaker.say('link', text, { up })
    }
    const end = (status: number) => {
      // What is closed from now on is closed by us.
      host.removeAllListeners('link').removeAllListeners('gone')
      resolve(status)
    }
    host.on('link', onLink)
    host.on('gone', () => {
      speaker.warn(`${options.tap} is gone: the device was deleted`)
      end(1)
    })
    asked.addEventListener('abort', () => end(0), { once: true })
    if (asked.aborted) end(0)
  })
}

function setFeatures({ features }: UpOptions, { host }: OpenStack): void {
  if (!features) return
  try {
    host.nic.features.set(features)
  } catch (error) {
    throw new UsageError(`--features: ${messageOf(error)}`)
  }
}

function setGsoMaxSize({ gsoMaxSize }: UpOptions, { host }: OpenStack): void {
  if (gsoMaxSize === undefined || host.nic.setGsoMaxSize(gsoMaxSize) === 0) return
  throw new UsageError(`--gso-max-size: the card takes ${host.nic.tsoMaxSize} bytes at most`)
}

function announce({ options, speaker, files, open }: ServeParts, facts: StatusFacts): void {
  const { host, driver, bridge } = open
  const http = options.command === 'up'
  const folder = files.root ? `the files of ${files.root.path}` : ''
  const served = [
    ...(http ? ['a status page'] : []),
    ...(folder ? [http ? folder : `${folder} by FTP`] : []),
    ...(http && options.ftpPort !== null ? ['the same by FTP (read only)'] : []),
    ...(files.uploads ? [http ? 'uploads to /upload/NAME' : 'uploads'] : []),
    ...(options.services ? ['echo, discard and chargen on TCP and UDP'] : []),
  ]
  const text = [
    `pagewire ${VERSION}: ${facts.addresses.join(', ')} on ${options.tap} (${driver}), ${host.nic.address}`,
    `The kernel's end is ${formatCidr(options.kernel)}.`,
    `Serving ${served.join(', ')}. Try:`,
    '',
    ...facts.commands.map((command) => `  ${command}`),
    '',
    'Ctrl-C stops it.',
  ]
  if (bridge)
    text[1] = `Port ${bridge.port} of 127.0.0.1 leads to its port ${options.port}; ${formatCidr(options.kernel)} is a second stack.`
  speaker.say('up', text.join('\n'), {
    version: VERSION,
    tap: options.tap,
    pid: process.pid,
    bridgePort: bridge?.port,
    ...facts,
  })
}
