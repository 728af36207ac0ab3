// The HTTP server of `pagewire up`: which request goes where. Runs on any `http.Server`, whatever sockets are under it.
//
//   /                        the status page            /.pagewire/status.json   the same for programs
//   /NAME, /FOLDER/          files below the root       /.pagewire/files/        the root's listing
//   PUT /upload/NAME         uploads, if allowed

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { answer, answerDocument, wants } from './answers.ts'
import type { FileRoot } from './file-root.ts'
import { serveFile } from './file-service.ts'
import { OWN_PATH, parseRequestPath, type RequestPath } from './request-path.ts'
import type { Status } from './status.ts'
import { statusPage } from './status-page.ts'
import { UPLOAD_PATH, type UploadService } from './upload.ts'

export interface HttpServiceOptions {
  /** The state to show, asked for anew ten times a second at most. */
  status: () => Status
  /** The files to serve; null: none. */
  root: FileRoot | null
  /** Who takes uploads; null: nobody. */
  uploads: UploadService | null
}

/** A connection on which nothing moves for this long is closed, milliseconds. */
const IDLE_TIMEOUT = 120_000

/** So long the state that was asked for is shown again, milliseconds: a crowd at the page costs no more than one visitor. */
const STATUS_AGE = 100

export function createHttpService(given: HttpServiceOptions): Server {
  const options = { ...given, status: remembered(given.status) }
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0, noDelay: true })
  server.timeout = IDLE_TIMEOUT
  server.on('connection', (socket) => socket.setMaxListeners(0))
  server.on('request', (request, response) => void handle(options, request, response, false))
  server.on('checkContinue', (request, response) => void handle(options, request, response, true))
  return server
}

/** The state at most `STATUS_AGE` old: asking each of thousands of connections takes a while. */
function remembered(ask: () => Status): () => Status {
  let status: Status | null = null
  let asked = 0
  return () => {
    const now = performance.now()
    if (status === null || now - asked > STATUS_AGE) {
      status = ask()
      asked = now
    }
    return status
  }
}

async function handle(
  options: HttpServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
  asksFirst: boolean,
): Promise<void> {
  request.on('error', ignore)
  response.on('error', ignore)
  try {
    await route(options, request, response, asksFirst)
  } catch {
    answer(response, 500)
  }
}

async function route(
  options: HttpServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
  asksFirst: boolean,
): Promise<void> {
  const method = request.method ?? 'GET'
  if (method === 'OPTIONS') {
    answer(response, 204, '', { Allow: allowed(options, null) })
    return
  }
  const path = parseRequestPath(request.url ?? '/')
  if (!path) answer(response, 400, 'the path is malformed or leads upwards')
  else if (method === 'GET' || method === 'HEAD') await read(options, request, response, path)
  else if (method === 'PUT') await write(options, request, response, path, asksFirst)
  else answer(response, 405, method, { Allow: allowed(options, path) })
}

async function read(
  options: HttpServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: RequestPath,
): Promise<void> {
  const [first, second] = path.names
  if (first === undefined) {
    if (wants(request, 'application/json')) answerStatus(options, response)
    else answerDocument(response, 'text/html; charset=utf-8', rendered(options.status()), { Vary: 'Accept' })
  } else if (first !== OWN_PATH) {
    await readFile(options, request, response, path)
  } else if (second === 'status.json' && path.names.length === 2) {
    answerStatus(options, response)
  } else if (second === 'files' && path.names.length === 2 && path.directory) {
    await readFile(options, request, response, { ...path, names: [] })
  } else {
    answer(response, 404)
  }
}

/** Pages of states that are still shown. */
const pages = new WeakMap<Status, string>()

function rendered(status: Status): string {
  let page = pages.get(status)
  if (page === undefined) {
    page = statusPage(status)
    pages.set(status, page)
  }
  return page
}

async function readFile(
  options: HttpServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: RequestPath,
): Promise<void> {
  if (!options.root) answer(response, 404, 'no files are served; start with --root DIR')
  else await serveFile(options.root, request, response, await uploadedPath(options, options.root, path))
}

/** What was put to /upload/NAME is also read from there, unless the root has such a path of its own. */
async function uploadedPath(options: HttpServiceOptions, root: FileRoot, path: RequestPath): Promise<RequestPath> {
  const [first, ...names] = path.names
  if (!options.uploads || first !== UPLOAD_PATH || names.length !== 1) return path
  return (await root.exists(path.names)) ? path : { ...path, names }
}

function answerStatus(options: HttpServiceOptions, response: ServerResponse): void {
  answerDocument(response, 'application/json', `${JSON.stringify(options.status())}\n`, { Vary: 'Accept' })
}

async function write(
  options: HttpServiceOptions,
  request: IncomingMessage,
  response: ServerResponse,
  path: RequestPath,
  asksFirst: boolean,
): Promise<void> {
  const { uploads } = options
  if (!uploads) {
    answer(response, 403, 'uploads are not allowed; start with --writable')
    return
  }
  if (path.names[0] !== UPLOAD_PATH || path.directory) {
    answer(response, 405, `upload to /${UPLOAD_PATH}/NAME`, { Allow: 'GET, HEAD, OPTIONS' })
    return
  }
  const refusal = await uploads.refusal(request, path.names)
  if (refusal) {
    answer(response, refusal.status, refusal.detail)
    return
  }
  await uploads.receive(request, response, path.names, asksFirst)
}

function allowed(options: HttpServiceOptions, path: RequestPath | null): string {
  const takes = options.uploads !== null && (path === null || path.names[0] === UPLOAD_PATH)
  return takes ? 'GET, HEAD, OPTIONS, PUT' : 'GET, HEAD, OPTIONS'
}

function ignore(): void {}
