// `pagewire up`: the options of the command line. What they do is in up/.

import type { Command } from 'commander'
import { port } from '../cli/validators.ts'
import { completeOptions, DEFAULT_PORT, type UpArguments } from '../up/options.ts'
import { runUp } from '../up/run-up.ts'
import { addStageOptions, STAGE_NOTES } from './stage-options.ts'

export function registerUp(program: Command, ends: (status: number) => void): void {
  const command = program
    .command('up')
    .description('bring up a stack on a TAP and serve on it: HTTP, FTP, files, echo, discard, chargen')
  addStageOptions(command)
    .option('--root <dir>', 'serve the files of this folder as /NAME, and by FTP')
    .option('--writable', 'take uploads into that folder: curl -T FILE http://HOST/upload/')
    .option('--port <number>', 'the HTTP port', port, DEFAULT_PORT)
    .option('--no-services', 'no echo, discard and chargen')
    .option('--no-ftp', 'no FTP')
    .addHelpText('after', STAGE_NOTES)
    .action(async (given: UpArguments) => ends(await runUp(completeOptions(given))))
}
