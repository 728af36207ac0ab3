// `pagewire ip`: the cards of running stacks, with the options, output and exit statuses of ip(8); of its objects, `link`.

import type { Command } from 'commander'
import { listRunning, pick } from '../control/choose.ts'
import { ask } from '../control/client.ts'
import { namedNamespace, networkNamespace } from '../control/places.ts'
import { type Ask, type Cards, runIp } from '../ip-link/run.ts'
import { stackOf } from './stack-of.ts'

const NOTES = `
Words of ip(8) that it knows:
  link show [dev DEVICE]                         the cards, with -d what they take at most
  link set dev DEVICE gso_ipv4_max_size BYTES    the largest super-frame, while traffic runs
Options of ip(8), before the words: -d[etails], -s[tatistics], -j[son], -p[retty], -o[neline],
  -n[etns] NAME: the stacks in this network namespace`

export function registerIp(program: Command, ends: (status: number) => void): void {
  program
    .command('ip')
    .description('show and change the link of the card, as ip(8)')
    .argument('[words...]', "options and words of ip(8): '-d link show'")
    .allowUnknownOption()
    .addHelpText('after', NOTES)
    .action(async (words: string[]) => {
      const { status, stdout, stderr } = await runIp(words, CARDS)
      process.stderr.write(stderr)
      process.stdout.write(stdout)
      ends(status)
    })
}

const CARDS: Cards = {
  isNamespace: (name) => namedNamespace(name) !== null,
  named: (device, netns): Ask => {
    return async (request) => {
      const running = await stackOf(device, netns)
      return running && ask(running.path, 'link', request)
    }
  },
  // As ip(8) shows what is in its own namespace; where nothing is, whatever runs.
  all: async (netns) => {
    const all = await listRunning()
    const inode = netns === undefined ? networkNamespace() : namedNamespace(netns)
    const here = all.filter(({ identity }) => identity.netns === inode)
    const shown = here.length > 0 || netns !== undefined ? here : all
    if (shown.length === 0) pick(shown, all, { netns })
    return shown.map(
      ({ path }): Ask =>
        (request) =>
          ask(path, 'link', request),
    )
  },
}
