// `ethtool` as a function: its words in, what it prints and its exit status out. Follows ethtool 6.1 word by word: which
// message, on which stream, with which status. Owns no socket: `ask` is the way to the card, and answers null when there is
// no such card.

import { setCoalesce, showCoalesce } from './coalesce.ts'
import type { EthtoolAnswer, EthtoolRequest } from './messages.ts'
import { type Output, trouble } from './output.ts'
import { setRings, showRings } from './rings.ts'
import { showDriver, showFeatures, showStatistics, switchFeatures } from './show.ts'

export type Ask = (request: EthtoolRequest) => Promise<EthtoolAnswer | null>

/** One call of the program. */
export interface Call {
  /** As it was typed: messages repeat it. */
  option: string
  device: string
  /** What stands behind the device. */
  rest: readonly string[]
  json: boolean
  ask: Ask
}

interface Option {
  names: readonly string[]
  run: (call: Call) => Promise<Output> | Output
  json?: boolean
}

const OPTIONS: readonly Option[] = [
  { names: ['-k', '--show-features', '--show-offload'], run: showFeatures, json: true },
  { names: ['-K', '--features', '--offload'], run: switchFeatures },
  { names: ['-S', '--statistics'], run: showStatistics },
  { names: ['-g', '--show-ring'], run: showRings },
  { names: ['-G', '--set-ring'], run: setRings },
  { names: ['-c', '--show-coalesce'], run: showCoalesce },
  { names: ['-C', '--coalesce'], run: setCoalesce },
  { names: ['-i', '--driver'], run: showDriver },
]

const BAD_ARGUMENTS = trouble(1, 'ethtool: bad command line argument(s)', 'For more information run ethtool -h')

/** Runs the words behind `ethtool`, without --json. Rejects only as `ask` does. */
export async function runEthtool(words: readonly string[], json: boolean, ask: Ask): Promise<Output> {
  const [option, device, ...rest] = words
  const found = OPTIONS.find(({ names }) => names.includes(option))
  if (!found || device === undefined || device.length > 15 || (json && !found.json)) return BAD_ARGUMENTS
  return found.run({ option, device, rest, json, ask })
}
