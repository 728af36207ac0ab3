// `pagewire ss`: the TCP sockets of a running stack in the form of `ss -tin`. Switches of ss(8) that say what is the case
// anyway (-t, -n) are taken and change nothing.

import type { Command } from 'commander'
import { columns, print, printJson } from '../cli/text.ts'
import { ask } from '../control/client.ts'
import type { SocketLine } from '../control/messages.ts'
import { type RunningOptions, running, withRunning } from './running.ts'

interface SsOptions extends RunningOptions {
  all?: boolean
  listening?: boolean
  info?: boolean
}

export function registerSs(program: Command): void {
  withRunning(
    program
      .command('ss')
      .description('list the TCP sockets of a running stack, as ss(8)')
      .option('-a, --all', 'also sockets that listen')
      .option('-l, --listening', 'only sockets that listen')
      .option('-i, --info', 'also what TCP knows about each connection')
      .option('-t, --tcp', 'TCP: the default')
      .option('-n, --numeric', 'numbers for ports: the default'),
  ).action(async (options: SsOptions) => {
    const { path } = await running(options)
    const all = await ask(path, 'ss', { all: Boolean(options.all || options.listening) })
    const sockets = options.listening ? all.filter(({ state }) => state === 'LISTEN') : all
    if (options.json) printJson(sockets)
    else print(formatSs(sockets, Boolean(options.info)))
  })
}

export function formatSs(sockets: readonly SocketLine[], info: boolean): string {
  const head = ['State', 'Recv-Q', 'Send-Q', 'Local Address:Port', 'Peer Address:Port']
  const rows = sockets.map(({ state, recvQ, sendQ, local, peer }) => [state, String(recvQ), String(sendQ), local, peer])
  const [first, ...lines] = columns([head, ...rows], [false, false, false, true, true])
  const out = [first]
  for (const [at, line] of lines.entries()) {
    out.push(line)
    const known = sockets[at].info
    if (info && known) out.push(`\t ${formatInfo(known)}`)
  }
  return out.join('\n')
}

/** `name:value`, or the name alone for what is simply so. */
function formatInfo(info: Record<string, number | string | boolean>): string {
  const words: string[] = []
  for (const [name, value] of Object.entries(info)) {
    if (value === true) words.push(name)
    else if (value !== false && value !== '') words.push(name === 'congestion' ? String(value) : `${name}:${value}`)
  }
  return words.join(' ')
}
