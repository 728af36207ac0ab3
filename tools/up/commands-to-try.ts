// The exact lines that a person can type against the running stack.

import { readdir } from 'node:fs/promises'
import type { OpenStack } from './open-stack.ts'
import type { UpOptions } from './options.ts'

/** `prefix` goes before ping and curl: how to get into the namespace. */
export async function commandsToTry(options: UpOptions, open: OpenStack, prefix: string): Promise<string[]> {
  const address = options.address.address.toString()
  const commands: string[] = []
  const url = open.bridge ? urlOf('127.0.0.1', open.bridge.port) : urlOf(address, options.port)
  if (!open.bridge) commands.push(`${prefix}ping ${address}`)
  commands.push(`${prefix}curl ${url}`)
  if (options.root !== undefined) {
    const name = await firstFile(options.root)
    commands.push(`${prefix}curl -o /dev/null ${url}${name === null ? 'NAME' : quoted(encodeURIComponent(name))}`)
  }
  if (options.writable) commands.push(`${prefix}curl -T FILE ${url}upload/`)
  // Also where it is not installed for all: npm's runner finds the one of this folder.
  commands.push(`npx pagewire ping -c 3 ${options.kernel.address}`)
  return commands
}

function urlOf(address: string, port: number): string {
  return `http://${address}${port === 80 ? '' : `:${port}`}/`
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
