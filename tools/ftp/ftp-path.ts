// Paths of FTP as lists of names. The root is the folder that is served, and `..` does not lead above it; where a path
// really leads is judged by serve/file-root.ts.

import { isPlainName } from '../serve/request-path.ts'

/** The names that `path` means in the folder `from`; null when a name cannot be one. */
export function resolvePath(from: readonly string[], path: string): string[] | null {
  const names = path.startsWith('/') ? [] : from.slice()
  for (const name of path.split('/')) {
    if (name === '' || name === '.') continue
    if (name === '..') names.pop()
    else if (isPlainName(name)) names.push(name)
    else return null
  }
  return names
}

export function formatNames(names: readonly string[]): string {
  return `/${names.join('/')}`
}

/** As 257 has it (RFC 959 appendix II). */
export function quotePath(names: readonly string[]): string {
  return `"${formatNames(names).replaceAll('"', '""')}"`
}

/** Whether a name can stand on a line of its own. */
export function fitsLine(name: string): boolean {
  return !/[\r\n]/.test(name)
}
