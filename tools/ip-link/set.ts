// `ip link set`: gso_ipv4_max_size. Everything else that the real program can be asked to set is not the card's, and is refused as
// a driver refuses it.

import {
  BAD_WORDS,
  cannotFind,
  garbage,
  INCOMPLETE,
  NOT_SUPPORTED,
  type Output,
  refused,
  said,
  trouble,
  wrongArgument,
} from './output.ts'
import type { Call } from './run.ts'

const OWN = 'gso_ipv4_max_size'

/** What else there is, and how many words follow each. */
const OTHERS: ReadonlyMap<string, number> = new Map([
  ...['up', 'down', 'nomaster'].map((name): [string, number] => [name, 0]),
  ...`arp dynamic multicast allmulticast promisc trailers carrier txqueuelen txqlen qlen name address broadcast brd mtu netns alias
master vrf addrgenmode protodown gso_max_size gso_max_segs gro_max_size gro_ipv4_max_size group type mode state index`
    .split(/\s/)
    .map((name): [string, number] => [name, 1]),
])

interface Wanted {
  device: string | null
  size: number | null
  /** Something that the card does not have. */
  foreign: boolean
}

export async function setLink({ words, options, cards }: Call): Promise<Output> {
  const wanted = read(words)
  if ('status' in wanted) return wanted
  const { device, size, foreign } = wanted
  if (device === null) {
    return trouble(BAD_WORDS, 'Not enough information: "dev" argument is required.')
  }
  const ask = cards.named(device, options.netns)
  const before = await ask({ query: 'show', gsoIpv4MaxSize: 0 })
  if (!before?.link) return cannotFind(device)
  // All of it or nothing.
  if (foreign) return NOT_SUPPORTED
  if (size === null) return said('')
  const done = await ask({ query: 'set', gsoIpv4MaxSize: size })
  if (!done) return cannotFind(device)
  if (done.errno === 0) return said('')
  return refused(size > before.link.tsoMaxSize ? `too big ${OWN}` : 'integer out of range')
}

function read(words: readonly string[]): Wanted | Output {
  const wanted: Wanted = { device: null, size: null, foreign: false }
  for (let at = 0; at < words.length; at++) {
    const name = words[at]
    const others = OTHERS.get(name)
    if (name === OWN) {
      if (++at === words.length) return INCOMPLETE
      wanted.size = parseUnsigned(words[at])
      if (wanted.size === null) return wrongArgument(words[at], `Invalid "${OWN}" value\n`)
    } else if (others !== undefined) {
      at += others
      if (at >= words.length) return INCOMPLETE
      wanted.foreign = true
    } else {
      if (name === 'dev' && ++at === words.length) return INCOMPLETE
      if (wanted.device !== null) return garbage(words[at])
      if (!isNameOfDevice(words[at])) return wrongArgument(words[at], '"dev" not a valid ifname')
      wanted.device = words[at]
    }
  }
  return wanted
}

function isNameOfDevice(text: string): boolean {
  return text !== '' && !/[\s/]/.test(text)
}

/** As strtoul(3) reads it, of base 16 behind `0x` and of base 8 behind `0`; null for what is none or has more than 32 bits. */
function parseUnsigned(text: string): number | null {
  const match = /^[ \t-\r]*\+?(?:0x([\da-f]+)|0([0-7]+)|(\d+))$/i.exec(text)
  if (!match) return null
  const [, hexadecimal, octal, decimal] = match
  const value = hexadecimal ? Number.parseInt(hexadecimal, 16) : octal ? Number.parseInt(octal, 8) : Number(decimal)
  return (decimal && /^0\d/.test(decimal)) || value >= 2 ** 32 ? null : value
}
