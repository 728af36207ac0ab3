// The options that `pagewire up` and `pagewire ftpd` have in common: where the stack runs, and which folder it serves.

import { type Command, Option } from 'commander'
import {
  busyPoll,
  cidr,
  features,
  gsoMaxSize,
  integer,
  interfaceName,
  macAddress,
  mtu,
  namespaceName,
  niceness,
} from '../cli/validators.ts'
import { DEFAULT_ADDRESS, DEFAULT_BRIDGE_PORT, DEFAULT_TAP } from '../up/options.ts'

export const STAGE_NOTES = `
Without root it runs in a user and network namespace of its own; without a TAP, or
without the addon, on a simulated wire that a port of 127.0.0.1 leads to.`

export function addStageOptions(command: Command): Command {
  return command
    .option('--tap <name>', 'the TAP to create, or to attach to', interfaceName, DEFAULT_TAP)
    .addOption(
      new Option('--address <cidr>', "the stack's address")
        .argParser(cidr)
        .default(cidr(DEFAULT_ADDRESS), DEFAULT_ADDRESS),
    )
    .option('--kernel <cidr>', "the address of the kernel's end (default: the first other one of the network)", cidr)
    .option('--mac <address>', "the card's Ethernet address (default: random)", macAddress)
    .option('--mtu <bytes>', 'the largest IP packet on the wire (default: 1500)', mtu)
    .option('--features <list>', "features to switch, as 'tso off sg on'", features)
    .option('--gso-max-size <bytes>', 'the largest super-frame, an IPv4 packet (default: 264192 on a TAP)', gsoMaxSize)
    .option('--no-vnet-hdr', 'a plain TAP: everything in software')
    .addOption(new Option('--driver <name>', 'a TAP or a simulated wire, and nothing else').choices(['tap', 'wire']))
    .option(
      '--netns <name>',
      'run in this network namespace; it is made, and removed at the end, if it is not there',
      namespaceName,
    )
    .option(
      '--bridge-port <number>',
      `the port of 127.0.0.1 that leads to a simulated wire (default: ${DEFAULT_BRIDGE_PORT} or any)`,
      integer(0, 65535, DEFAULT_BRIDGE_PORT),
    )
    .option('--busy-poll <microseconds>', 'how long to look for more before sleeping (default: 0)', busyPoll)
    .option('--prefetch', 'a thread brings pages of files into the cache before they are sent')
    .option('--nice <number>', 'niceness of the thread that runs the stack (default: -10, where one may)', niceness)
    .option('--json', 'print one JSON object for each event')
}
