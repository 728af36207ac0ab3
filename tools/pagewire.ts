#!/usr/bin/env node
// The program: runs the command line and ends with its status. Everything else is in cli/ and commands/.

import { run } from './cli/program.ts'

// `pagewire ... | head` is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

process.exitCode = await run(process.argv.slice(2))
