// Everything that is served on a stack: the HTTP server with its files, and the classic services.

import type { Server } from 'node:http'
import type { Host } from '../../drivers/index.ts'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { FileRoot } from '../serve/file-root.ts'
import { createHttpService } from '../serve/http-service.ts'
import type { Status } from '../serve/status.ts'
import { UploadService } from '../serve/upload.ts'
import { type Service, type ServiceSockets, serveClassics } from '../services/index.ts'
import type { UpOptions } from './options.ts'

/** The folder that is served, opened before the network is touched. */
export interface Files {
  root: FileRoot | null
  uploads: UploadService | null
}

/** Throws CommandError when the folder is not there or cannot be used as asked. */
export async function openFiles({ root: folder, writable }: UpOptions): Promise<Files> {
  if (folder === undefined) return { root: null, uploads: null }
  try {
    const root = await FileRoot.open(folder)
    return { root, uploads: writable ? await UploadService.open(root) : null }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT')
      throw new CommandError(`--root ${folder}: there is no such folder; make it with: mkdir ${folder}`, 2)
    if (code === 'ENOTDIR') throw new CommandError(`--root ${folder} is a file; give the folder that it lies in`, 2)
    if (code === 'EACCES' || code === 'EROFS') {
      throw new CommandError(
        `--root ${folder} cannot be ${writable ? 'written' : 'read'}; give another folder or change its mode`,
      )
    }
    throw new CommandError(`--root ${folder}: ${messageOf(error)}`)
  }
}

/** Resolves when everything listens. */
export async function serveAll(host: Host, options: UpOptions, files: Files, status: () => Status): Promise<Service> {
  const http = createHttpService({ status, ...files })
  await listen(host, http, options.port)
  const classics = options.services ? await serveClassics(socketsOf(host)) : null
  return {
    close() {
      classics?.close()
      http.close()
      http.closeAllConnections()
    },
  }
}

/** The sockets of a host as the classic services ask for them. */
export function socketsOf(host: Host): ServiceSockets {
  return {
    createServer: (options, onConnection) => host.net.createServer(options, onConnection),
    createDatagramSocket: () => host.dgram.createSocket('udp4'),
  }
}

async function listen(host: Host, http: Server, port: number): Promise<void> {
  await new Promise<void>((listening, failed) => {
    http.once('error', failed)
    http.once('listening', () => {
      http.off('error', failed)
      listening()
    })
    host.listen(http, port)
  })
}
