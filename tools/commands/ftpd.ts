// `pagewire ftpd`: an FTP server on a stack of its own. The options of the command line; what they do is in up/ and ftp/.

import type { Command } from 'commander'
import { port } from '../cli/validators.ts'
import { FTP_PORT } from '../ftp/ftp-server.ts'
import { completeFtpOptions, type StageArguments } from '../up/options.ts'
import { runUp } from '../up/run-up.ts'
import { addStageOptions, STAGE_NOTES } from './stage-options.ts'

export function registerFtpd(program: Command, ends: (status: number) => void): void {
  const command = program.command('ftpd').description('bring up a stack on a TAP and serve a folder on it by FTP')
  addStageOptions(command)
    .option('--root <dir>', 'the folder that is served; anybody may read it')
    .option('--writable', 'take uploads into that folder from anybody: curl -T FILE ftp://HOST/')
    .option('--port <number>', 'the FTP port', port, FTP_PORT)
    .addHelpText('after', STAGE_NOTES)
    .action(async (given: StageArguments) => ends(await runUp(completeFtpOptions(given))))
}
