// Short answers of the HTTP server: one line of text that says what was wrong, with the headers that belong to the
// status. Long ones (files, pages) are written by those who have them.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'

/** Ends the response with a status and one line of text. */
export function answer(
  response: ServerResponse,
  status: number,
  detail = '',
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const empty = status === 204 || status === 304
  const text = empty ? '' : `${status} ${STATUS_CODES[status]}${detail ? `: ${detail}` : ''}\n`
  response.statusCode = status
  if (!empty) {
    response.setHeader('Content-Type', 'text/plain; charset=utf-8')
    response.setHeader('Content-Length', Buffer.byteLength(text))
  }
  for (const name of Object.keys(headers)) response.setHeader(name, headers[name])
  response.end(isHead(response) ? undefined : text)
}

/** Ends the response with a document made in memory. */
export function answerDocument(
  response: ServerResponse,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): void {
  const bytes = Buffer.from(body)
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': bytes.length,
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(isHead(response) ? undefined : bytes)
}

/** Whether the client prefers `type` to HTML: it names it and does not name HTML. */
export function wants(request: IncomingMessage, type: string): boolean {
  const accept = request.headers.accept ?? ''
  return accept.includes(type) && !accept.includes('text/html')
}

function isHead(response: ServerResponse): boolean {
  return response.req.method === 'HEAD'
}
