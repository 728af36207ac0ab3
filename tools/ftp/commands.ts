// The commands of FTP by their names: RFC 959, RFC 1123 4.1, RFC 2389 (FEAT, OPTS), RFC 2428 (EPSV), RFC 3659 (SIZE, MDTM,
// REST, MLST, MLSD). Anybody may log in. Sizes and places are those of type I: in type A lines end in CR LF on the wire.

import { isIP } from 'node:net'
import { createFolder, listFacts, listFolder, listOne, retrieve, sizeOf, store, timeOf } from './file-commands.ts'
import { formatNames, quotePath, resolvePath } from './ftp-path.ts'
import { FACTS } from './listing-lines.ts'
import type { Session } from './session.ts'

type Run = (session: Session, argument: string) => void | Promise<void>

/** Those that need no login. */
const OPEN_TO_ALL = new Set(['USER', 'PASS', 'QUIT', 'FEAT', 'OPTS', 'SYST', 'HELP', 'NOOP', 'ACCT', 'REIN'])

/** Those of the RFCs that are known and not done here. */
const NOT_HERE = new Set(
  'PORT EPRT LPRT LPSV SMNT STOU RNFR RNTO DELE RMD XRMD SITE AUTH PBSZ PROT ADAT CCC CONF ENC MIC LANG HOST'.split(
    ' ',
  ),
)

const COMMANDS: Record<string, Run> = {
  USER: (session) => {
    session.login = 'named'
    session.reply(331, 'Any password will do.')
  },
  PASS: (session) => {
    if (session.login === 'none') return session.reply(503, 'Send USER first.')
    session.login = 'done'
    session.reply(230, session.options.uploads ? 'Welcome.' : 'Welcome; everything here is read only.')
  },
  ACCT: (session) => session.reply(202, 'No account is needed.'),
  REIN: (session) => {
    session.login = 'none'
    session.folder = []
    session.type = 'A'
    session.restart = 0
    session.extendedOnly = false
    session.facts = FACTS
    session.dropPassive()
    session.reply(220, 'As at the beginning.')
  },
  QUIT: (session) => {
    session.reply(221, 'Good-bye.')
    session.quit()
  },
  NOOP: (session) => session.reply(200, 'Nothing done.'),
  ALLO: (session) => session.reply(202, 'Not needed.'),
  SYST: (session) => session.reply(215, 'UNIX Type: L8'),
  HELP: (session) => {
    session.replyLines(214, 'These commands are known:', [Object.keys(COMMANDS).join(' ')], 'All others are not.')
  },
  FEAT: (session) => {
    const facts = FACTS.map((fact) => `${fact}${session.facts.includes(fact) ? '*' : ''};`).join('')
    const lines = ['EPSV', 'MDTM', `MLST ${facts}`, 'REST STREAM', 'SIZE', 'TVFS', 'UTF8']
    session.replyLines(211, 'Extensions:', lines, 'End')
  },
  OPTS: options,
  TYPE: (session, argument) => {
    const [type, format = ''] = argument.toUpperCase().split(' ')
    if (type === 'A' && (format === '' || format === 'N')) session.type = 'A'
    else if ((type === 'I' && format === '') || (type === 'L' && format === '8')) session.type = 'I'
    else return session.reply(/^[AEIL]$/.test(type) ? 504 : 501, 'Use TYPE A or TYPE I.')
    session.reply(200, `Type ${session.type}.`)
  },
  MODE: oneOnly('S', /^[BC]$/i, 'Stream mode.', 'Only MODE S.'),
  STRU: oneOnly('F', /^[RP]$/i, 'File structure.', 'Only STRU F.'),
  PWD: (session) => session.reply(257, `${quotePath(session.folder)} is the folder.`),
  CWD: changeFolder,
  CDUP: (session) => changeFolder(session, '..'),
  REST: (session, argument) => {
    if (!/^\d{1,15}$/.test(argument)) return session.reply(501, 'Say at which byte.')
    session.restart = Number(argument)
    session.reply(350, `The next transfer begins at byte ${session.restart}.`)
  },
  PASV: passive,
  EPSV: extendedPassive,
  RETR: retrieve,
  STOR: (session, argument) => store(session, argument, session.takeRestart()),
  APPE: (session, argument) => store(session, argument, 'all'),
  MKD: createFolder,
  LIST: (session, argument) => listFolder(session, argument, 'long'),
  NLST: (session, argument) => listFolder(session, argument, 'names'),
  MLSD: (session, argument) => listFolder(session, argument, 'facts'),
  MLST: listFacts,
  SIZE: sizeOf,
  MDTM: timeOf,
  STAT: (session, argument) => (argument === '' ? status(session) : listOne(session, argument)),
  ABOR: (session) => {
    session.dropPassive()
    session.reply(226, 'Nothing is under way any more.')
  },
}

/** Old names (RFC 1123 4.1.3.1). */
const ALIASES: Record<string, string> = { XPWD: 'PWD', XCWD: 'CWD', XCUP: 'CDUP', XMKD: 'MKD' }

/** One line of the client's; null for one that is none. */
export async function runCommand(session: Session, line: string | null): Promise<void> {
  const match = line === null ? null : /^([A-Za-z]{3,4})(?: (.*))?$/s.exec(line)
  if (!match) return session.reply(500, 'This is no command.')
  const upper = match[1].toUpperCase()
  const name = ALIASES[upper] ?? upper
  const argument = match[2] ?? ''
  if (NOT_HERE.has(name)) return session.reply(502, `${name} is not done here.`)
  if (!Object.hasOwn(COMMANDS, name)) return session.reply(500, `${name} is not known.`)
  if (session.login !== 'done' && !OPEN_TO_ALL.has(name)) return session.reply(530, 'Log in with USER and PASS.')
  await COMMANDS[name](session, argument)
}

function oneOnly(right: string, known: RegExp, yes: string, no: string): Run {
  return (session, argument) => {
    if (argument.toUpperCase() === right) session.reply(200, yes)
    else session.reply(known.test(argument) ? 504 : 501, no)
  }
}

function options(session: Session, argument: string): void {
  const [what = '', ...rest] = argument.split(' ')
  const value = rest.join(' ')
  if (/^UTF-?8$/i.test(what)) {
    const fits = value === '' || /^(ON|NLST)$/i.test(value)
    session.reply(fits ? 200 : 504, 'Always UTF-8.')
  } else if (/^MLST$/i.test(what)) {
    const asked = value.toLowerCase().split(';')
    session.facts = FACTS.filter((fact) => asked.includes(fact))
    session.reply(200, `MLST OPTS ${session.facts.map((fact) => `${fact};`).join('')}`.trimEnd())
  } else session.reply(501, 'There is no such option.')
}

async function changeFolder(session: Session, argument: string): Promise<void> {
  const names = argument === '' ? null : resolvePath(session.folder, argument)
  if (!names) return session.reply(501, 'Say which folder.')
  const opened = await session.options.root.open(names)
  if ('handle' in opened) await opened.handle.close()
  if (!('handle' in opened && opened.directory)) return session.reply(550, 'There is no such folder.')
  session.folder = names
  session.reply(250, `Now in ${formatNames(names)}`)
}

async function passive(session: Session): Promise<void> {
  if (session.extendedOnly) return session.reply(503, 'EPSV ALL was given.')
  if (isIP(session.address) !== 4) return session.reply(425, 'PASV knows IPv4 only; use EPSV.')
  const port = await session.openPassive()
  if (port === null) return session.reply(425, 'No port is free.')
  const numbers = [...session.address.split('.'), port >> 8, port & 255].join(',')
  session.reply(227, `Entering Passive Mode (${numbers}).`)
}

async function extendedPassive(session: Session, argument: string): Promise<void> {
  if (/^ALL$/i.test(argument)) {
    session.extendedOnly = true
    return session.reply(200, 'Only EPSV from now on.')
  }
  const family = isIP(session.address) === 6 ? '2' : '1'
  if (argument !== '' && argument !== family) return session.reply(522, `Use this protocol (${family}).`)
  const port = await session.openPassive()
  if (port === null) return session.reply(425, 'No port is free.')
  session.reply(229, `Entering Extended Passive Mode (|||${port}|)`)
}

function status(session: Session): void {
  const { uploads } = session.options
  const lines = [
    `Connected from ${session.peer}`,
    `Folder ${formatNames(session.folder)}`,
    `Type ${session.type}, structure F, mode S`,
    uploads ? 'Uploads are taken' : 'Read only',
  ]
  session.replyLines(211, 'pagewire FTP server:', lines, 'End')
}
