// The command line: which commands there are, and how every one of them ends. What is wrong with arguments is one line on
// standard error and exit status 2; everything else that goes wrong is one line and status 1.

import { Command, CommanderError } from 'commander'
import { registerBench } from '../commands/bench.ts'
import { registerEthtool } from '../commands/ethtool.ts'
import { registerFtpd } from '../commands/ftpd.ts'
import { registerIp } from '../commands/ip.ts'
import { registerLab } from '../commands/lab.ts'
import { registerNstat } from '../commands/nstat.ts'
import { registerPing } from '../commands/ping.ts'
import { registerReplay } from '../commands/replay.ts'
import { registerSs } from '../commands/ss.ts'
import { registerTcpdump } from '../commands/tcpdump.ts'
import { registerUp } from '../commands/up.ts'
import { CommandError, messageOf, oneLine } from './errors.ts'
import { VERSION } from './version.ts'

/** Each adds one command, whose action answers the exit status. */
const COMMANDS: readonly ((program: Command, ends: (status: number) => void) => void)[] = [
  registerUp,
  registerFtpd,
  registerPing,
  registerTcpdump,
  registerNstat,
  registerSs,
  registerEthtool,
  registerIp,
  registerLab,
  registerBench,
  registerReplay,
]

const EPILOGUE = `
Examples:
  pagewire up --root .                serve this folder over a stack of our own
  pagewire up --netns pw              the same, away from this machine's network
  pagewire ftpd --root .              serve it by FTP alone
  pagewire ping -c 3 192.0.2.1        ping from inside the stack
  pagewire tcpdump -w out.pcapng      what is on its wire
  pagewire nstat -a                   what it counted
  pagewire lab zerocopy               what zero copy and each offload are worth on this machine
  pagewire bench --quick              how fast it is, beside the kernel
  pagewire replay out.pcapng --host 192.0.2.2   the same frames, to the stack of today`

/** Runs a command line (without `node` and the program) and answers the exit status. */
export async function run(words: readonly string[]): Promise<number> {
  let status = 0
  const program = createProgram((ended) => {
    status = ended
  })
  try {
    if (words.length === 0) throw new CommandError("no command given; try 'pagewire up', or 'pagewire --help'", 2)
    await program.parseAsync([...words], { from: 'user' })
    return status
  } catch (error) {
    return report(error, activeName(program, words), words)
  }
}

function createProgram(ends: (status: number) => void): Command {
  const program = new Command('pagewire')
    .description('A TCP/IP stack in a Node.js process, with a network card of its own.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('after', EPILOGUE)
  for (const register of COMMANDS) register(program, ends)
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeErr: () => {} })
    command.showSuggestionAfterError(true).allowExcessArguments(false)
  }
  return program
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)]
}

/** Prints what went wrong, in one line, and answers the exit status. */
function report(error: unknown, name: string, words: readonly string[]): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    const noSuchHelp = error.code === 'commander.help' && `unknown command '${words[1]}'`
    const message = noSuchHelp || oneLine(error.message).replace(/^error: /, '')
    process.stderr.write(`${name}: ${message}; see '${name} --help'\n`)
    return 2
  }
  if (error instanceof CommandError) {
    process.stderr.write(`${name}: ${oneLine(error.message)}\n`)
    return error.status
  }
  process.stderr.write(`${name}: ${oneLine(messageOf(error))}\n`)
  if (process.env['PAGEWIRE_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  return 1
}

/** The command that was meant, with the one below it where there is one: `pagewire bench serve`. */
function activeName(program: Command, words: readonly string[]): string {
  const command = program.commands.find((one) => words.includes(one.name()))
  if (!command) return 'pagewire'
  const below = command.commands.find((one) => words[words.indexOf(command.name()) + 1] === one.name())
  return ['pagewire', command.name(), ...(below ? [below.name()] : [])].join(' ')
}
