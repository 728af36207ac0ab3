// `pagewire ethtool`: the card of a running stack, with the options, output and exit statuses of ethtool(8). Its device
// says which stack is meant.

import type { Command } from 'commander'
import { namespaceName } from '../cli/validators.ts'
import { ask } from '../control/client.ts'
import { type Ask, runEthtool } from '../ethtool/run.ts'
import { stackOf } from './stack-of.ts'

const NOTES = `
Options of ethtool(8) that it knows, each followed by the card:
  -k, --show-features DEVICE            features and their states (also with --json)
  -K, --features DEVICE NAME on|off...  switch features, while traffic runs
  -S, --statistics DEVICE               what the card counted
  -g, --show-ring DEVICE                sizes of rings
  -G, --set-ring DEVICE NAME NUMBER...
  -c, --show-coalesce DEVICE
  -C, --coalesce DEVICE NAME VALUE...
  -i, --driver DEVICE                   what the card is`

export function registerEthtool(program: Command, ends: (status: number) => void): void {
  program
    .command('ethtool')
    .description('show and switch the features of the card, as ethtool(8)')
    .argument('[words...]', "an option of ethtool(8), the card, and more: '-K pw0 tso off'")
    .allowUnknownOption()
    .option('--netns <name>', 'the stack in this network namespace, if several run', namespaceName)
    .option('--json', 'print JSON, where ethtool(8) does')
    .addHelpText('after', NOTES)
    .action(async (words: string[], options: { netns?: string; json?: boolean }) => {
      const way = wayTo(words[1], options.netns)
      const { status, stdout, stderr } = await runEthtool(words, Boolean(options.json), way)
      process.stderr.write(stderr)
      process.stdout.write(stdout)
      ends(status)
    })
}

/** To the one stack whose card is called so; with several of the name, the error that asks for --netns. */
function wayTo(device: string, netns: string | undefined): Ask {
  return async (request) => {
    const running = await stackOf(device, netns)
    return running && ask(running.path, 'ethtool', request)
  }
}
