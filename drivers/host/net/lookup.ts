// From a name to an address: literals stand for themselves, others go through a lookup of node:dns's shape. There is no
// resolver of our own: without a lookup only `localhost` is known.

import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { notFoundError } from './errors.ts'

export interface LookupOptions {
  /** 0, 4 or 6. */
  family?: number
  hints?: number
}

type Found = (error: NodeJS.ErrnoException | null, address: string, family: number) => void

/** Calls back once, in a later tick (or whenever the lookup does). */
export function resolveName(lookup: LookupFunction | null, name: string, options: LookupOptions, found: Found): void {
  const literal = isIP(name)
  if (literal) process.nextTick(found, null, name, literal)
  else if (lookup) {
    const { family = 0, hints = 0 } = options
    lookup(name, { family, hints, all: false }, (error, answer, answered) => {
      const first = firstOf(answer, answered)
      found(error, first.address, first.family)
    })
    // RFC 6761 6.3: the loopback address whatever a resolver says.
  } else if (name === 'localhost') process.nextTick(found, null, '127.0.0.1', 4)
  else process.nextTick(found, notFoundError(name), '', 0)
}

/** Also where a lookup answers with all addresses unasked. */
function firstOf(answer: string | LookupAddress[] | undefined, family = 0): { address: string; family: number } {
  if (Array.isArray(answer)) return answer[0] ?? { address: '', family }
  return { address: answer ?? '', family }
}
