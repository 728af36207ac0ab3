// `pagewire bench`: the options of the command line. What they do is in bench/.

import { type Command, InvalidArgumentError, Option } from 'commander'
import { TEST_NAMES } from '../bench/catalogue.ts'
import { type BenchOptions, DEFAULTS, QUICK } from '../bench/options.ts'
import { runBench } from '../bench/run-bench.ts'
import { runServe, type ServeArguments } from '../bench/run-serve.ts'
import { busyPoll, cidr, gsoMaxSize, integer, interfaceName, macAddress, mtu, seconds } from '../cli/validators.ts'
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

const NOTES = `
Measures the stack on a TAP beside the kernel's own TCP and Node over it (both on a veth pair), and beside a program that
does nothing but write frames, the floor; each as a server of the same client. Prints a table in Markdown. Needs root, gcc
and iproute2; takes about ten minutes, --quick one. Tests: ${TEST_NAMES.join(', ')}.`

interface RunArguments {
  tests?: string[]
  rounds?: number
  seconds?: number
  connections?: number
  json?: string | true
  compare?: string
  quick?: boolean
}

export function registerBench(program: Command, ends: (status: number) => void): void {
  const bench = program.command('bench').description('measure the stack, beside the kernel')
  const run = bench
    .command('run', { isDefault: true })
    .description('measure everything; what happens when no command is named')
    .option('--tests <list>', 'only these, separated by commas', testNames)
    .option('--rounds <number>', `how often each is measured (default: ${DEFAULTS.rounds})`, integer(1, 99, 5))
    .option('--seconds <seconds>', `how long each takes (default: ${DEFAULTS.seconds})`, seconds(0.05, 60, '1'))
    .option(
      '--connections <number>',
      `how many idle connections (default: ${DEFAULTS.connections})`,
      integer(1, 200_000, 10_000),
    )
    .option('--json [file]', 'print JSON, or write it to a file beside the table')
    .option('--compare <file>', 'print the changes since the run whose --json this is')
    .option('--quick', 'one short round of everything')
    .addHelpText('after', NOTES)
    .action(async (given: RunArguments) => ends(await runBench(withDefaults(given))))
  bench.addHelpText('after', () => `\n${run.helpInformation()}${NOTES}`)
  bench
    .command('serve')
    .description('serve what the client of a benchmark asks for, on a TAP that is there')
    .requiredOption('--tap <name>', 'the TAP to attach to', interfaceName)
    .requiredOption('--address <cidr>', "the stack's address", cidr)
    .option('--mac <address>', "the card's Ethernet address (default: random)", macAddress)
    .option('--mtu <bytes>', 'the largest IP packet on the wire (default: as the TAP has it)', mtu)
    .option('--gso-max-size <bytes>', 'the largest super-frame, an IPv4 packet (default: 264192)', gsoMaxSize)
    .option('--file <path>', 'what is sent from a file: ports 5011 and 5012, and /big')
    .option('--busy-poll <microseconds>', 'how long to look for more before sleeping (default: 0)', busyPoll)
    .option('--prefetch', 'a thread brings pages of files into the cache before they are sent')
    .option('--no-vnet-hdr', 'a plain TAP: everything in software')
    .option('--control', 'lines `start` and `stop` on standard input: what the heap went through between them, as JSON')
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

/** What was said, the rest as --quick or nobody has it. */
export function withDefaults({ quick, ...given }: RunArguments): BenchOptions {
  return { ...(quick ? QUICK : DEFAULTS), ...given }
}

export function testNames(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  const unknown = names.find((name) => !TEST_NAMES.includes(name))
  if (unknown !== undefined)
    throw new InvalidArgumentError(`There is no test '${unknown}'; there are: ${TEST_NAMES.join(', ')}.`)
  if (names.length === 0) throw new InvalidArgumentError(`Name some of: ${TEST_NAMES.join(', ')}.`)
  return names
}
