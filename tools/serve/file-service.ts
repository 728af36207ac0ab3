// GET and HEAD of files (RFC 9110): status, headers, pieces. Which bytes are sent is decided in byte-ranges.ts, whether
// at all in preconditions.ts, and how in send-file.ts.

import { randomBytes } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import mime from 'mime'
import { answer } from './answers.ts'
import { type ByteRange, chooseRanges } from './byte-ranges.ts'
import type { FileRoot } from './file-root.ts'
import { answerListing } from './listing.ts'
import { evaluatePreconditions, formatDate, rangeApplies, type Validators, validatorsOf } from './preconditions.ts'
import { formatPath, type RequestPath } from './request-path.ts'
import { sendFile } from './send-file.ts'

/** One file as it is sent: its open handle, size in bytes, type and validators. */
interface Representation {
  handle: FileHandle
  size: number
  type: string
  validators: Validators
}

/** Answers a GET or HEAD for a file or folder below the root. Never throws; the response is always ended or destroyed. */
export async function serveFile(
  root: FileRoot,
  request: IncomingMessage,
  response: ServerResponse,
  path: RequestPath,
): Promise<void> {
  const opened = await root.open(path.names)
  if (!('handle' in opened)) {
    answer(response, opened.status, opened.status === 404 ? `there is no ${formatPath(path.names)}` : '')
    return
  }
  const { handle, stats, directory } = opened
  try {
    if (directory) await serveFolder(root, request, response, path)
    else if (path.directory) answer(response, 404, `${formatPath(path.names)} is a file, not a folder`)
    else {
      const size = Number(stats.size)
      const validators = validatorsOf(stats, Date.now())
      await serveOpenFile(request, response, { handle, size, validators, type: contentType(path.names.at(-1) ?? '') })
    }
  } catch {
    // Headers are out and the file is not what it was: only a broken connection tells the client so.
    response.destroy()
  } finally {
    await handle.close()
  }
}

/** The media type for a file name, with a charset for text. */
export function contentType(name: string): string {
  const type = mime.getType(name) ?? 'application/octet-stream'
  return type.startsWith('text/') || type === 'application/json' || type === 'application/javascript'
    ? `${type}; charset=utf-8`
    : type
}

async function serveFolder(
  root: FileRoot,
  request: IncomingMessage,
  response: ServerResponse,
  path: RequestPath,
): Promise<void> {
  if (!path.directory) {
    const location = formatPath(path.names, true) + (path.query ? `?${path.query}` : '')
    answer(response, 301, location, { Location: location })
    return
  }
  const listing = await root.list(path.names)
  if (listing) answerListing(request, response, path.names, listing.entries, listing.complete)
  else answer(response, 403)
}

async function serveOpenFile(request: IncomingMessage, response: ServerResponse, file: Representation): Promise<void> {
  const { validators, size } = file
  response.setHeader('ETag', validators.etag)
  response.setHeader('Last-Modified', formatDate(validators.lastModified))
  response.setHeader('Accept-Ranges', 'bytes')
  const verdict = evaluatePreconditions(request.method ?? 'GET', request.headers, validators)
  if (verdict !== 0) {
    answer(response, verdict)
    return
  }
  response.setHeader('X-Content-Type-Options', 'nosniff')
  // RFC 9110 14.2: Range is defined for GET only.
  const counts = request.method === 'GET' && rangeApplies(request.headers, validators)
  const ranges = counts ? chooseRanges(request.headers.range, size) : 'whole'
  if (ranges === 'unsatisfiable') answer(response, 416, '', { 'Content-Range': `bytes */${size}` })
  else if (ranges === 'whole') await sendWhole(request, response, file)
  else if (ranges.length === 1) await sendPiece(response, file, ranges[0])
  else await sendPieces(response, file, ranges)
}

async function sendWhole(request: IncomingMessage, response: ServerResponse, file: Representation): Promise<void> {
  response.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.size })
  if (request.method === 'HEAD' || (await sendFile(response, file.handle, 0, file.size - 1))) response.end()
}

async function sendPiece(response: ServerResponse, file: Representation, range: ByteRange): Promise<void> {
  response.writeHead(206, {
    'Content-Type': file.type,
    'Content-Length': range.end - range.start + 1,
    'Content-Range': contentRange(range, file.size),
  })
  if (await sendFile(response, file.handle, range.start, range.end)) response.end()
}

/** RFC 9110 14.6: several pieces as multipart/byteranges. */
async function sendPieces(response: ServerResponse, file: Representation, ranges: ByteRange[]): Promise<void> {
  const boundary = randomBytes(15).toString('hex')
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\nContent-Type: ${file.type}\r\nContent-Range: ${contentRange(range, file.size)}\r\n\r\n`,
    ),
  )
  const tail = `\r\n--${boundary}--\r\n`
  let length = tail.length
  for (let i = 0; i < ranges.length; i++) length += heads[i].length + ranges[i].end - ranges[i].start + 1
  response.writeHead(206, {
    'Content-Type': `multipart/byteranges; boundary=${boundary}`,
    'Content-Length': length,
  })
  for (let i = 0; i < ranges.length; i++) {
    response.write(heads[i])
    if (!(await sendFile(response, file.handle, ranges[i].start, ranges[i].end))) return
  }
  response.end(tail)
}

function contentRange(range: ByteRange, size: number): string {
  return `bytes ${range.start}-${range.end}/${size}`
}
