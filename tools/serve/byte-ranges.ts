// Which bytes of a file a Range header asks for (RFC 9110 14). `range-parser` reads and combines; what it judges
// otherwise than the RFC (an invalid specifier is to be ignored, a suffix longer than the file means all of it) is
// settled before it is asked. A request for very many pieces is answered with the whole file, which the RFC allows.

import parseRange from 'range-parser'

/** First and last byte, both included. */
export interface ByteRange {
  start: number
  end: number
}

/** The whole file (200), nothing that could be served (416), or pieces (206): one, or several in the order asked for. */
export type RangeChoice = 'whole' | 'unsatisfiable' | ByteRange[]

/** More pieces than this, after overlapping ones were combined, are not worth a multipart answer. */
export const MAX_PIECES = 64

export function chooseRanges(header: string | undefined, size: number): RangeChoice {
  if (header === undefined) return 'whole'
  const specifiers = validSpecifiers(header, size)
  if (!specifiers) return 'whole'
  const ranges = parseRange(size, `bytes=${specifiers.join(',')}`, { combine: true })
  if (ranges === -1) return 'unsatisfiable'
  if (ranges === -2 || ranges.length > MAX_PIECES) return 'whole'
  return Array.from(ranges, ({ start, end }) => ({ start, end }))
}

/** The specifiers of a `bytes` range set, suffixes cut to the size; null when the header is to be ignored (14.1.1, 14.2). */
function validSpecifiers(header: string, size: number): string[] | null {
  const match = /^bytes=(.*)$/i.exec(header.trim())
  if (!match) return null
  const specifiers: string[] = []
  for (const part of match[1].split(',')) {
    const specifier = part.trim()
    if (specifier === '') continue
    const range = /^(\d*)-(\d*)$/.exec(specifier)
    if (!range || (range[1] === '' && range[2] === '')) return null
    if (range[1] !== '' && range[2] !== '' && Number(range[2]) < Number(range[1])) return null
    specifiers.push(range[1] === '' ? `-${Math.min(Number(range[2]), size)}` : specifier)
  }
  return specifiers.length > 0 ? specifiers : null
}
