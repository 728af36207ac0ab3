// A folder as lines: as `ls -l` has it (LIST), names alone (NLST, RFC 1123 4.1.2.7), and facts (MLSD and MLST, RFC 3659 7). All
// times are UTC. Names that no line can hold are left out.

import type { ListingEntry } from '../serve/file-root.ts'
import { fitsLine } from './ftp-path.ts'

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
/** Milliseconds for which ls shows the time of day rather than the year. */
const HALF_A_YEAR = 15_778_476_000

export const FACTS = ['type', 'size', 'modify', 'perm'] as const
export type Fact = (typeof FACTS)[number]

/** A file or folder; `kind` tells the folder that is listed from one in it. */
export interface Described extends ListingEntry {
  kind?: 'cdir'
}

export type LineMaker = (entry: Described) => string

/** `now`: milliseconds since 1970. */
export function longLine(entry: ListingEntry, now: number): string {
  const { name, directory, size, modified } = entry
  const mode = directory ? 'drwxr-xr-x' : '-rw-r--r--'
  return `${mode} 1 ftp ftp ${String(size).padStart(12)} ${longDate(modified, now)} ${name}`
}

/** `type=file;size=5;modify=20261123201500;perm=r; name` */
export function factLine(entry: Described, facts: readonly Fact[], writable: boolean): string {
  const { name, directory, size, modified, kind } = entry
  const values: Record<Fact, string | null> = {
    type: kind ?? (directory ? 'dir' : 'file'),
    size: directory ? null : String(size),
    modify: timeValue(modified),
    perm: directory ? (writable ? 'cel' : 'el') : writable ? 'arw' : 'r',
  }
  const text = facts.map((fact) => (values[fact] === null ? '' : `${fact}=${values[fact]};`))
  return `${text.join('')} ${name}`
}

/** The lines together, each with its end. */
export function linesOf(entries: readonly Described[], line: LineMaker): string {
  return entries
    .filter(({ name }) => fitsLine(name))
    .map((entry) => `${line(entry)}\r\n`)
    .join('')
}

/** YYYYMMDDHHMMSS (RFC 3659 2.3). */
export function timeValue(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 19).replace(/\D/g, '')
}

function longDate(modified: number, now: number): string {
  const date = new Date(modified)
  const day = `${MONTHS[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)}`
  if (modified > now || now - modified > HALF_A_YEAR) return `${day}  ${date.getUTCFullYear()}`
  return `${day} ${date.toISOString().slice(11, 16)}`
}
