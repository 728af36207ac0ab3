// `pagewire lab`: measurements that anybody can repeat. The options of the command line; what they do is in lab/.

import { type Command, InvalidArgumentError } from 'commander'
import { UsageError } from '../cli/errors.ts'
import { integer, seconds } from '../cli/validators.ts'
import { DEFAULT_ROUNDS, DEFAULT_SECONDS, type LabOptions } from '../lab/options.ts'
import { runLab } from '../lab/run-lab.ts'

const NOTES = `
Sends a file by read+write, mmap+write and sendfile, with the card's scatter-gather (sg),
checksum (tx) and segmentation (tso) on and off, to a receiver on the kernel's TCP, in a
network namespace of its own, and says what each costs; beside the table of January 2001.
Takes about two minutes. For figures worth keeping, let nothing else run meanwhile.`

export function registerLab(program: Command, ends: (status: number) => void): void {
  program
    .command('lab')
    .description('measure what zero copy and each offload are worth on this machine')
    .argument('<experiment>', 'zerocopy: the table of 2001, with every switch', experiment)
    .option('--rounds <number>', 'how often each cell is measured', integer(1, 99, 5), DEFAULT_ROUNDS)
    .option(
      '--seconds <seconds>',
      `how long each transfer takes (default: ${DEFAULT_SECONDS})`,
      seconds(0.02, 60, '1.2'),
    )
    .option('--bytes <size>', 'how much each transfer sends instead, as 256M or 1G', size)
    .option('--file <path>', 'the file that is sent (default: 128 MiB of random bytes, made and removed)')
    .option('--no-soak', 'leave out the subtractive measure')
    .option('--json [file]', 'print JSON, or write it to a file')
    .option('--html <file>', 'write a page with plots')
    .addHelpText('after', NOTES)
    .action(async (_experiment: string, given: Omit<LabOptions, 'seconds'> & { seconds?: number }) => {
      if (given.bytes !== undefined && given.seconds !== undefined) {
        throw new UsageError('--bytes and --seconds say the same thing twice; give one of them')
      }
      ends(await runLab({ ...given, seconds: given.seconds ?? DEFAULT_SECONDS }))
    })
}

function experiment(text: string): string {
  if (text !== 'zerocopy') throw new InvalidArgumentError("There is one experiment: 'zerocopy'.")
  return text
}

const UNITS: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }
const LEAST = 2 ** 16
const MOST = 64 * 2 ** 30

/** Bytes, with K, M or G for powers of 1024. */
export function size(text: string): number {
  const [, digits, unit] = /^(\d{1,12})([kmg]?)(?:i?b)?$/i.exec(text) ?? []
  const bytes = Number(digits) * UNITS[unit?.toLowerCase() ?? '']
  if (!(bytes >= LEAST && bytes <= MOST)) throw new InvalidArgumentError('Give a size from 64K to 64G, as 256M.')
  return bytes
}
