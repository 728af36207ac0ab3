// The devices of a run, in the network namespace that it has for itself: a TAP for each stack on one, and a veth pair to a
// second namespace for what serves over the kernel. Owns nothing that has to be removed: both namespaces end with the run.

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { CommandError, messageOf, oneLine } from '../cli/errors.ts'

export const MTU = 1500
const SYSCTL = '/proc/sys/net/ipv4'
const CONGESTION = 'cubic'
/**
 * As many ports as there are; few sockets in TIME-WAIT, so that thousands of connections per second find one; a server that
 * the machine halts for some seconds is not taken for gone.
 */
const SETTINGS = {
  ip_local_port_range: '1024 65535',
  tcp_max_tw_buckets: '2000',
  tcp_max_syn_backlog: '8192',
  'neigh/default/mcast_solicit': '20',
}

/** Sets this namespace up. The congestion control that is the namespace's default then. */
export function settle(): string {
  run(['ip', 'link', 'set', 'lo', 'up'])
  for (const [name, value] of Object.entries({ ...SETTINGS, tcp_congestion_control: CONGESTION })) write(name, value)
  return readFileSync(`${SYSCTL}/tcp_congestion_control`, 'utf8').trim()
}

/** A TAP that is new: one that was used keeps the offloads of its last owner. `address`: the kernel's end. */
export function makeTap(name: string, address: string): void {
  spawnSync('ip', ['link', 'delete', name], { stdio: 'ignore' })
  run(['ip', 'tuntap', 'add', 'dev', name, 'mode', 'tap'])
  bring(name, address, [])
}

/** A pair of which the other end is in the namespace of process `pid`. `enter`: the words that run a program there. */
export function makeVeth(pid: number, enter: readonly string[], address: string, others: readonly string[]): void {
  run(['ip', 'link', 'add', 'vk0', 'type', 'veth', 'peer', 'name', 'vk1', 'netns', String(pid)])
  bring('vk0', address, [])
  run([...enter, 'ip', 'link', 'set', 'lo', 'up'])
  for (const other of others) bring('vk1', other, enter)
  for (const [name, value] of Object.entries({ ...SETTINGS, tcp_congestion_control: CONGESTION })) {
    spawnSync(enter[0], [...enter.slice(1), 'sh', '-c', `echo '${value}' > ${SYSCTL}/${name}`], { stdio: 'ignore' })
  }
}

/** One more address of this end, for more connections than one address has ports. */
export function addAddress(device: string, address: string): void {
  run(['ip', 'address', 'replace', address, 'dev', device])
}

function bring(device: string, address: string, enter: readonly string[]): void {
  run([...enter, 'ip', 'address', 'add', address, 'dev', device])
  run([...enter, 'ip', 'link', 'set', device, 'mtu', String(MTU), 'up'])
  // The route names it too: some machines let no namespace choose its congestion control.
  const network = address.replace(/\.\d+\//, '.0/')
  const words = [...enter, 'ip', 'route', 'replace', network, 'dev', device, 'congctl', CONGESTION]
  spawnSync(words[0], words.slice(1), { stdio: 'ignore' })
}

function run(words: readonly string[]): void {
  const { status, stderr, error } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' })
  if (error) throw new CommandError(`the program '${words[0]}' cannot be run: ${messageOf(error)}`)
  if (status !== 0) throw new CommandError(`${words.join(' ')}: ${oneLine(stderr)}`)
}

function write(name: string, value: string): void {
  try {
    writeFileSync(`${SYSCTL}/${name}`, value)
  } catch {
    // Not for this namespace to say: what is there stays.
  }
}
