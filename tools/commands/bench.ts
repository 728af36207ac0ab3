// `pagewire bench`: the options of the command line. What they do is in bench/.

import { type Command, Option } from 'commander'
import { runServe, type ServeArguments } from '../bench/run-serve.ts'
import { busyPoll, cidr, integer, interfaceName, macAddress, mtu } from '../cli/validators.ts'
import {
  DEFAULT_CONNECTIONS,
  DEFAULT_DURATION,
  duration,
  freshSeed,
  phaseList,
  type SoakOptions,
  seed,
} from '../soak/options.ts'
import { PHASES } from '../soak/plan.ts'
import { runSoak } from '../soak/run-soak.ts'

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
  registerSoak(bench, ends)
}

function registerSoak(bench: Command, ends: (status: number) => void): void {
  bench
    .command('soak')
    .description('load and faults: all connections live, all content exact, nothing leaks')
    .option('--duration <time>', 'how long, as 90s, 3m or 2h (default: 3m)', duration)
    .option('--phases <list>', `some of ${PHASES.join(',')} (default: all)`, phaseList)
    .option('--connections <number>', 'idle connections', integer(1, 1_000_000, 20_000), DEFAULT_CONNECTIONS)
    .option('--seed <text>', 'the seed of an earlier run (default: a fresh one)', seed)
    .option('--flood-rate <number>', 'SYNs per second, 0: as fast as they go', integer(0, 10_000_000, 10_000))
    .option('--json [file]', 'print JSON, or write it to a file')
    .action(async (given: Partial<SoakOptions> & Pick<SoakOptions, 'connections' | 'json'>) => {
      const { duration = DEFAULT_DURATION, phases = [...PHASES], seed = freshSeed() } = given
      ends(await runSoak({ ...given, duration, phases, seed }))
    })
}
