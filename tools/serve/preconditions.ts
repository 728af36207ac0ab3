// Conditional requests (RFC 9110 13): entity tags, dates, and the order in which the conditions are looked at. Knows a
// file only by its validators. If-None-Match and If-Modified-Since are judged by `fresh`; the others, which it does not
// know, here.

import type { IncomingHttpHeaders } from 'node:http'
import fresh from 'fresh'

/** What identifies one state of a file. `etag` is a strong one: any write to the file changes it. */
export interface Validators {
  etag: string
  /** Milliseconds since 1970, on whole seconds as an HTTP date has them. */
  lastModified: number
}

/** The parts of a bigint `fs.Stats` that say which file in which state. */
export interface FileState {
  ino: bigint
  size: bigint
  mtimeNs: bigint
}

/** `now`: milliseconds; a Last-Modified in the future is replaced by it (RFC 9110 8.8.2.1). */
export function validatorsOf(state: FileState, now: number): Validators {
  const etag = `"${state.ino.toString(36)}-${state.size.toString(36)}-${state.mtimeNs.toString(36)}"`
  const modified = Math.min(Number(state.mtimeNs / 1_000_000n), now)
  return { etag, lastModified: Math.floor(modified / 1000) * 1000 }
}

export function formatDate(milliseconds: number): string {
  return new Date(milliseconds).toUTCString()
}

/**
 * RFC 9110 13.2.2, steps 1 to 4: the status with which the request ends here (412, or 304 for GET and HEAD), or 0 when
 * it goes on. `validators` is null when there is no such file yet.
 */
export function evaluatePreconditions(
  method: string,
  headers: IncomingHttpHeaders,
  validators: Validators | null,
): 0 | 304 | 412 {
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined) {
    if (!matchesStrongly(ifMatch, validators)) return 412
  } else if (headers['if-unmodified-since'] !== undefined) {
    const since = Date.parse(headers['if-unmodified-since'])
    if (validators && validators.lastModified > since) return 412
  }
  const reads = method === 'GET' || method === 'HEAD'
  if (!reads) return headers['if-none-match'] !== undefined && matchesWeakly(headers, validators) ? 412 : 0
  if (!validators) return 0
  return isFresh(headers, validators) ? 304 : 0
}

/** RFC 9110 13.1.5: whether a Range header counts. Strong comparison, or exactly the date. */
export function rangeApplies(headers: IncomingHttpHeaders, validators: Validators): boolean {
  const ifRange = headers['if-range']
  if (typeof ifRange !== 'string') return true
  if (ifRange.startsWith('"')) return ifRange === validators.etag
  if (ifRange.startsWith('W/')) return false
  return Date.parse(ifRange) === validators.lastModified
}

function isFresh(headers: IncomingHttpHeaders, validators: Validators): boolean {
  return fresh(
    { 'if-none-match': headers['if-none-match'], 'if-modified-since': headers['if-modified-since'] },
    { etag: validators.etag, 'last-modified': formatDate(validators.lastModified) },
  )
}

function matchesStrongly(list: string, validators: Validators | null): boolean {
  if (!validators) return false
  if (list.trim() === '*') return true
  return list.split(',').some((tag) => tag.trim() === validators.etag)
}

/** If-None-Match on a method that writes: `*` stands for any state of the file. */
function matchesWeakly(headers: IncomingHttpHeaders, validators: Validators | null): boolean {
  return validators !== null && fresh({ 'if-none-match': headers['if-none-match'] }, { etag: validators.etag })
}
