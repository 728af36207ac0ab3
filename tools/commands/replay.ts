// `pagewire replay FILE --host ADDRESS`: what came to a host in a capture is fed to our stack in its place, in virtual time,
// and its answers are printed beside those in the capture. Exit status 0 when every connection of the capture came about,
// 1 when one did not.

import type { Command } from 'commander'
import type { IpAddress } from '../../stack/base/ip-address.ts'
import { CommandError } from '../cli/errors.ts'
import { print, printJson } from '../cli/text.ts'
import { ipAddress } from '../cli/validators.ts'
import { addressesIn, isHost, readCapture } from '../replay/capture-file.ts'
import { appears, recordingOf } from '../replay/recording.ts'
import { replay } from '../replay/replay.ts'
import { heading, LEGEND, lineOf, summary, toJson } from '../replay/report.ts'

interface ReplayOptions {
  host: IpAddress
  quiet?: boolean
  json?: boolean
}

/** So many addresses are named when the host is not among them. */
const NAMED = 10

export function registerReplay(program: Command, ends: (status: number) => void): void {
  program
    .command('replay')
    .description('feed a capture to the stack in the place of one of its hosts, and compare the answers')
    .argument('<file>', 'pcapng or pcap, as tcpdump -w, Wireshark and pagewire tcpdump write them')
    .requiredOption('--host <address>', "whose place the stack takes: one of the capture's IPv4 addresses", ipAddress)
    .option('-q, --quiet', 'only the summary')
    .option('--json', 'print JSON')
    .action((file: string, options: ReplayOptions) => ends(run(file, options)))
}

function run(path: string, { host, quiet, json }: ReplayOptions): number {
  if (!isHost(host)) throw new CommandError(`${host}: not the address of a host that the stack can be`, 2)
  const file = readCapture(path)
  if (!appears(file.frames, host))
    throw new CommandError(`${path}: ${host} is not in it${others(addressesIn(file.frames))}`)
  const recording = recordingOf(file.frames, host)
  const result = replay(recording)
  if (json) printJson(toJson(path, result, recording, file))
  else {
    if (!quiet) {
      print(heading(recording))
      for (const event of result.events) print(lineOf(event, recording))
      print(`\n${LEGEND}`)
    }
    print(summary(result, recording, file).join('\n'))
  }
  return result.connections.every(({ recorded, replayed }) => replayed || !recorded) ? 0 : 1
}

function others(addresses: string[]): string {
  if (addresses.length === 0) return ', nor any other IPv4 host'
  const more = addresses.length > NAMED ? ` and ${addresses.length - NAMED} more` : ''
  return `; there are ${addresses.slice(0, NAMED).join(', ')}${more}`
}
