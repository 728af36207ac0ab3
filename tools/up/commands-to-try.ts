// The exact lines that a person can type against the running stack.

import { readdir } from 'node:fs/promises'
import type { OpenStack } from './open-stack.ts'
import type { UpOptions } from './options.ts'

/** `prefix` goes before ping and curl: how to get into the namespace. */
export async function commandsToTry(options: UpOptions, open: OpenStack, prefix: string): Promise<string[]> {
  const address = options.address.address.toString()
  const commands: string[] = []
  if (!open.bridge) commands.push(`${prefix}ping ${address}`)
  const { root } = options
  const file = root === undefined ? null : await firstFile(root)
  const name = file === null ? 'NAME' : quoted(encodeURIComponent(file))
  if (options.command === 'up') {
    const url = open.bridge ? urlOf('http', '127.0.0.1', open.bridge.port) : urlOf('http', address, options.port)
    commands.push(`${prefix}curl ${url}`)
    if (root !== undefined) commands.push(`${prefix}curl -o /dev/null ${url}${name}`)
    if (options.writable) commands.push(`${prefix}curl -T FILE ${url}upload/`)
  }
  commands.push(...ftpCommands(options, open, prefix, name))
  // Also where it is not installed for all: npm's runner finds the one of this folder.
  commands.push(`npx pagewire ping -c 3 ${options.kernel.address}`)
  return commands
}

/** The bridge of `up` leads to HTTP alone, that of `ftpd` to FTP and its data ports. */
function ftpCommands(options: UpOptions, open: OpenStack, prefix: string, name: string): string[] {
  const { command, ftpPort, writable } = options
  if (ftpPort === null || (open.bridge && command === 'up')) return []
  const url = open.bridge
    ? urlOf('ftp', '127.0.0.1', open.bridge.port)
    : urlOf('ftp', options.address.address.toString(), ftpPort)
  if (command === 'up') return [`${prefix}curl ${url}`]
  const lines = [`${prefix}curl ${url}`, `${prefix}curl -o /dev/null ${url}${name}`, `${prefix}lftp -e mirror ${url}`]
  return writable ? [...lines, `${prefix}curl -T FILE ${url}`] : lines
}

function urlOf(scheme: 'http' | 'ftp', address: string, port: number): string {
  return `${scheme}://${address}${port === (scheme === 'http' ? 80 : 21) ? '' : `:${port}`}/`
}

/** The first plain file of a folder, to have an example that works. */
async function firstFile(folder: string): Promise<string | null> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name)
  return names.sort()[0] ?? null
}

function quoted(text: string): string {
  return /^[\w%.~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
