// The path of a request target (RFC 9112 3.2) as a list of decoded names. This is the first of two walls against paths
// that lead out of a folder: no name that comes out of here is empty, `.`, `..`, or holds a slash or a NUL. The second
// wall, symbolic links, is in file-root.ts.

/** Paths that begin with this name are the server's own. */
export const OWN_PATH = '.pagewire'

export interface RequestPath {
  /** Decoded names, none of them empty. */
  names: string[]
  /** The path ended in a slash, or is the root. */
  directory: boolean
  /** What stands after the question mark, undecoded; empty if nothing does. */
  query: string
}

/** The path in a request target (origin-form or absolute-form), or null when it is malformed or leads upwards. */
export function parseRequestPath(target: string): RequestPath | null {
  const origin = originForm(target)
  if (origin === null) return null
  const mark = origin.indexOf('?')
  const path = mark < 0 ? origin : origin.slice(0, mark)
  const parts = path.split('/')
  const names: string[] = []
  for (const part of parts) {
    if (part === '') continue
    const name = decode(part)
    if (name === null || !isPlainName(name)) return null
    names.push(name)
  }
  return { names, directory: path.endsWith('/'), query: mark < 0 ? '' : origin.slice(mark + 1) }
}

/** The URL path of these names, encoded; always begins with one slash and never with two. */
export function formatPath(names: readonly string[], directory = false): string {
  const path = `/${names.map(encodeURIComponent).join('/')}`
  return directory && names.length > 0 ? `${path}/` : path
}

/** True for a name that stays in its folder. */
export function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')
}

function originForm(target: string): string | null {
  if (target.startsWith('/')) return target.split('#', 1)[0]
  const match = /^https?:\/\/[^/?#]*([^#]*)/i.exec(target)
  if (!match) return null
  return match[1].startsWith('/') ? match[1] : `/${match[1]}`
}

/** Percent-decoding (RFC 3986 2.1); null for a broken escape or for bytes that are not UTF-8. */
function decode(part: string): string | null {
  try {
    return decodeURIComponent(part)
  } catch {
    return null
  }
}
