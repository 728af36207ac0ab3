// `pagewire bench`: the options of the command line. What they do is in bench/.

import { type Command, Option } from 'commander'
import { runServe, type ServeArguments } from '../bench/run-serve.ts'
import { busyPoll, cidr, interfaceName, macAddress, mtu } from '../cli/validators.ts'

export function registerBench(program: Command, ends: (status: number) => void): void {
  const bench = program.command('bench').description('measure the stack')
  bench
    .command('serve')
    .description('serve what the client of a benchmark asks for, on a TAP that is there')
    .requiredOption('--tap <name>', 'the TAP to attach to', interfaceName)
    .requiredOption('--address <cidr>', "the stack's address", cidr)
    .option('--mac <address>', "the card's Ethernet address (default: random)", macAddress)
    .option('--mtu <bytes>', 'the largest IP packet on the wire (default: as the TAP has it)', mtu)
    .option('--file <path>', 'what is sent from a file: ports 5011 and 5012, and /big')
    .option('--busy-poll <microseconds>', 'how long to look for more before sleeping (default: 0)', busyPoll)
    .option('--no-prefetch', 'no thread that brings pages of files into the cache before they are sent')
    .option('--no-vnet-hdr', 'a plain TAP: everything in software')
    .addOption(
      new Option('--http <kind>', 'what answers on 8080; the other one answers on 8081')
        .choices(['minimal', 'node'])
        .default('minimal'),
    )
    .action(async (given: ServeArguments) => ends(await runServe(given)))
}
