// What all commands have in common that talk to a running stack: how it is chosen.

import type { Command } from 'commander'
import { interfaceName, namespaceName } from '../cli/validators.ts'
import { type Choice, chooseRunning, type Running } from '../control/choose.ts'

export interface RunningOptions extends Choice {
  json?: boolean
}

/** Adds `--tap`, `--netns` and `--json`. */
export function withRunning(command: Command): Command {
  return command
    .option('--tap <name>', 'the stack on this card, if several run', interfaceName)
    .option('--netns <name>', 'the stack in this network namespace, if several run', namespaceName)
    .option('--json', 'print JSON')
}

export function running(options: RunningOptions): Promise<Running> {
  return chooseRunning({ tap: options.tap, netns: options.netns })
}
