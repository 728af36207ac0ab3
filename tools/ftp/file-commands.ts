// The commands of FTP that look at files: RETR, STOR, APPE, LIST, NLST, MLSD, MLST, STAT of a path, SIZE and MDTM. All of them
// open through serve/file-root.ts, which lets nothing out of the folder that is served.

import type { FileHandle } from 'node:fs/promises'
import type { ListingEntry } from '../serve/file-root.ts'
import { fitsLine, formatNames, resolvePath } from './ftp-path.ts'
import { type Described, factLine, type LineMaker, linesOf, longLine, timeValue } from './listing-lines.ts'
import type { Session } from './session.ts'
import { destinationTrouble, makeFolder, receiveFile, sendFile, sendText } from './transfer.ts'

/** Entries of a folder that are listed at most. */
const LISTED = 200_000
/** Entries of a folder that STAT shows over the control connection. */
const SHOWN = 1000

type Style = 'long' | 'names' | 'facts'

interface Found {
  names: string[]
  handle: FileHandle
  entry: ListingEntry
}

export async function retrieve(session: Session, argument: string): Promise<void> {
  const start = session.takeRestart()
  const { type } = session
  if (restartsLines(session, start)) return
  const found = await find(session, argument)
  if (!found) return session.dropPassive()
  try {
    const { size, directory, name } = found.entry
    if (directory) refuse(session, 550, 'This is a folder, not a file.')
    else if (start > size) refuse(session, 554, `The file has ${size} bytes only.`)
    else {
      const count = type === 'I' ? ` (${size - start} bytes)` : ''
      const what = `Sending ${fitsLine(name) ? name : 'the file'}${count}`
      await session.transfer(what, (socket) => sendFile(socket, { handle: found.handle, start, size, type }))
    }
  } finally {
    await found.handle.close()
  }
}

/** `keep`: how many bytes of the old file stay before what comes. */
export async function store(session: Session, argument: string, keep: number | 'all'): Promise<void> {
  session.restart = 0
  const { root, uploads } = session.options
  if (!uploads) return refuse(session, 550, 'Everything here is read only.')
  const names = argument === '' ? null : resolvePath(session.folder, argument)
  if (!names) return refuse(session, 501, 'Say which file.')
  if (keep !== 'all' && restartsLines(session, keep)) return
  const destination = { root, uploads, names, keep, type: session.type }
  const trouble = await destinationTrouble(destination)
  if (trouble) return refuse(session, ...trouble)
  await session.transfer('Ready to receive', (socket) => receiveFile(socket, destination))
}

export async function createFolder(session: Session, argument: string): Promise<void> {
  const { root, uploads } = session.options
  if (!uploads) return session.reply(550, 'Everything here is read only.')
  const names = argument === '' ? null : resolvePath(session.folder, argument)
  if (!names) return session.reply(501, 'Say which folder.')
  session.reply(...(await makeFolder(root, names)))
}

export async function listFolder(session: Session, argument: string, style: Style): Promise<void> {
  session.restart = 0
  const found = await find(session, style === 'facts' ? argument || '.' : withoutFlags(argument))
  if (!found) return session.dropPassive()
  await found.handle.close()
  const { names, entry } = found
  if (!entry.directory && style === 'facts') return refuse(session, 501, 'This is a file, not a folder.')
  const listing = entry.directory
    ? await session.options.root.list(names, LISTED)
    : { entries: [entry], complete: true }
  if (!listing) return refuse(session, 550, 'The folder cannot be read.')
  const entries: Described[] = listing.entries
  if (style === 'facts') entries.unshift({ ...entry, name: '.', kind: 'cdir' })
  const text = linesOf(entries, lineMaker(session, style))
  const done = listing.complete ? undefined : ([226, `Only ${LISTED} entries were listed.`] as const)
  await session.transfer(`Listing ${formatNames(names)}`.replace(/\n/g, '?'), (socket) => sendText(socket, text, done))
}

/** MLST: one entry over the control connection, by its whole path. */
export async function listFacts(session: Session, argument: string): Promise<void> {
  const found = await find(session, argument || '.')
  if (!found) return
  await found.handle.close()
  const entry = { ...found.entry, name: formatNames(found.names) }
  session.replyLines(250, 'Facts:', [factLine(entry, session.facts, session.options.uploads !== null)], 'End')
}

/** STAT of a path: the listing over the control connection. */
export async function listOne(session: Session, argument: string): Promise<void> {
  const found = await find(session, withoutFlags(argument))
  if (!found) return
  await found.handle.close()
  const { entry, names } = found
  const listing = entry.directory ? await session.options.root.list(names, SHOWN) : { entries: [entry] }
  const entries = (listing?.entries ?? []).filter(({ name }) => fitsLine(name))
  session.replyLines(entry.directory ? 212 : 213, 'Status:', entries.map(lineMaker(session, 'long')), 'End')
}

export async function sizeOf(session: Session, argument: string): Promise<void> {
  // It would be the size of what is sent, which nobody knows before (RFC 3659 4).
  if (session.type === 'A') return session.reply(550, 'Sizes are those of TYPE I.')
  const found = await findFile(session, argument)
  if (found) session.reply(213, String(found.entry.size))
}

export async function timeOf(session: Session, argument: string): Promise<void> {
  const found = await findFile(session, argument)
  if (found) session.reply(213, timeValue(found.entry.modified))
}

function lineMaker(session: Session, style: Style): LineMaker {
  const { options, facts } = session
  if (style === 'names') return ({ name }) => name
  if (style === 'facts') return (entry) => factLine(entry, facts, options.uploads !== null)
  const now = options.now()
  return (entry) => longLine(entry, now)
}

/** What the path means, open; null after a reply that says why not. */
async function find(session: Session, argument: string): Promise<Found | null> {
  const names = argument === '' ? null : resolvePath(session.folder, argument)
  if (!names) {
    session.reply(501, 'Say which file.')
    return null
  }
  const opened = await session.options.root.open(names)
  if (!('handle' in opened)) {
    const busy = opened.status === 503
    session.reply(busy ? 450 : 550, busy ? 'Too many files are open.' : 'There is no such file, or it may not be read.')
    return null
  }
  const { handle, stats, directory } = opened
  const size = directory ? 0 : Number(stats.size)
  return { names, handle, entry: { name: names.at(-1) ?? '/', directory, size, modified: Number(stats.mtimeMs) } }
}

async function findFile(session: Session, argument: string): Promise<Found | null> {
  const found = await find(session, argument)
  await found?.handle.close()
  if (!found?.entry.directory) return found
  session.reply(550, 'This is a folder, not a file.')
  return null
}

/** In type A a place in the file is none in what is sent: refused (RFC 3659 5.4). */
function restartsLines(session: Session, start: number): boolean {
  if (session.type !== 'A' || start === 0) return false
  refuse(session, 554, 'Only TYPE I goes on from a place.')
  return true
}

/** A transfer that is not to be: its data connection goes too. */
function refuse(session: Session, code: number, text: string): void {
  session.dropPassive()
  session.reply(code, text)
}

/** `LIST -la NAME` is what many clients send; no file is meant by the flags. */
function withoutFlags(argument: string): string {
  return argument.replace(/^(-[A-Za-z0-9]+( +|$))+/, '') || '.'
}
