// Everything that is served on a stack: the HTTP server with its files, FTP, and the classic services.

import type { Server } from 'node:http'
import type { Host } from '../../drivers/index.ts'
import { CommandError, codeOf, messageOf } from '../cli/errors.ts'
import { FTP_PORT, type FtpNet, FtpServer } from '../ftp/ftp-server.ts'
import { FileRoot } from '../serve/file-root.ts'
import { createHttpService } from '../serve/http-service.ts'
import type { Status } from '../serve/status.ts'
import { UploadService } from '../serve/upload.ts'
import { type Service, type ServiceSockets, serveClassics } from '../services/index.ts'
import type { OpenStack } from './open-stack.ts'
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

export type ServedStack = Pick<OpenStack, 'host' | 'passivePorts'>

/** Resolves when everything listens. Rejects when something cannot; what listened is closed again then. */
export async function serveAll(
  open: ServedStack,
  options: UpOptions,
  files: Files,
  status: () => Status,
): Promise<Service> {
  const { host } = open
  const running: Service[] = []
  const close = () => {
    for (const service of running) service.close()
  }
  try {
    if (options.command === 'up') running.push(await serveHttp(host, options.port, files, status))
    if (options.ftpPort !== null && files.root) running.push(await serveFtp(open, options, files.root, files.uploads))
    if (options.services) running.push(await serveClassics(socketsOf(host)))
  } catch (error) {
    close()
    throw error
  }
  return { close }
}

async function serveHttp(host: Host, port: number, files: Files, status: () => Status): Promise<Service> {
  const http = createHttpService({ status, ...files })
  await listen(host, http, port)
  return {
    close() {
      http.close()
      http.closeAllConnections()
    },
  }
}

/** Beside HTTP it takes no uploads; alone it does when it may. */
async function serveFtp(
  { host, passivePorts }: ServedStack,
  { command, ftpPort }: UpOptions,
  root: FileRoot,
  uploads: UploadService | null,
): Promise<Service> {
  // A host's net has the shape of Node's, though not its classes.
  const net = host.net as unknown as FtpNet
  const ftp = new FtpServer({ net, root, uploads: command === 'ftpd' ? uploads : null, ports: passivePorts })
  await ftp.listen(ftpPort ?? FTP_PORT)
  return ftp
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
