// `ip link` as a function: the words behind `ip` in, what it prints and its exit status out. Follows iproute2 6.1 word by word
// in what it knows, and has gso_ipv4_max_size of 6.3 besides. Owns no socket: `Cards` is the way to the cards.

import type { LinkAnswer, LinkRequest } from './messages.ts'
import { BAD_WORDS, HELP, matches, NOT_SUPPORTED, type Output, trouble } from './output.ts'
import { setLink } from './set.ts'
import { showLinks } from './show.ts'

export type Ask = (request: LinkRequest) => Promise<LinkAnswer | null>

/** The cards of running stacks, in the network namespace named, or wherever they are. */
export interface Cards {
  isNamespace(name: string): boolean
  /** The way to a card, which answers null when there is none of the name. */
  named(device: string, netns: string | undefined): Ask
  all(netns: string | undefined): Promise<Ask[]>
}

export interface Options {
  details: boolean
  statistics: boolean
  json: boolean
  pretty: boolean
  oneline: boolean
  netns: string | undefined
}

/** One call of the program. */
export interface Call {
  options: Options
  /** What stands behind `ip link show` or `ip link set`. */
  words: readonly string[]
  cards: Cards
}

/** In the order in which iproute2 tries them: `s` is `set`. Those without a function are of devices that are made and removed. */
const COMMANDS: readonly [string, ((call: Call) => Promise<Output>) | null][] = [
  ['add', null],
  ['set', setLink],
  ['change', setLink],
  ['replace', null],
  ['delete', null],
  ['show', showLinks],
  ['lst', showLinks],
  ['list', showLinks],
  ['xstats', null],
  ['afstats', null],
  ['property', null],
]

const SWITCHES: readonly [string, 'details' | 'statistics' | 'json' | 'pretty' | 'oneline'][] = [
  ['details', 'details'],
  ['statistics', 'statistics'],
  ['stats', 'statistics'],
  ['json', 'json'],
  ['pretty', 'pretty'],
  ['oneline', 'oneline'],
]

/** Runs the words behind `ip`. Rejects only as `cards` does. */
export async function runIp(given: readonly string[], cards: Cards): Promise<Output> {
  const words = [...given]
  const options = takeOptions(words)
  if ('status' in options) return options
  if (options.netns !== undefined && !cards.isNamespace(options.netns)) {
    return trouble(BAD_WORDS, `Cannot open network namespace "${options.netns}": No such file or directory`)
  }
  const [object, command = 'show', ...rest] = words
  if (object === undefined || matches(object, 'help')) return HELP
  if (!matches(object, 'link')) return trouble(1, `Object "${object}" is unknown, try "ip help".`)
  if (matches(command, 'help')) return HELP
  const found = COMMANDS.find(([name]) => matches(command, name))
  if (!found) return trouble(BAD_WORDS, `Command "${command}" is unknown, try "ip link help".`)
  return found[1]?.({ options, words: rest, cards }) ?? NOT_SUPPORTED
}

/** Takes the options off the front of `words`. */
function takeOptions(words: string[]): Options | Output {
  const options: Options = {
    details: false,
    statistics: false,
    json: false,
    pretty: false,
    oneline: false,
    netns: undefined,
  }
  while (words.length > 0 && /^--?\w/.test(words[0])) {
    const word = words.shift() as string
    const name = word.replace(/^--?/, '')
    const found = SWITCHES.find(([whole]) => matches(name, whole))
    if (found) options[found[1]] = true
    else if (matches(name, 'netns')) options.netns = words.shift() ?? '(null)'
    else if (matches(name, 'help')) return HELP
    else return trouble(BAD_WORDS, `Option "${word}" is unknown, try "ip -help".`)
  }
  return options
}
