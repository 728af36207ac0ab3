// `npm start`: gets everything ready, then is the program itself, in this very process, so that signals from a terminal and
// from npm reach it.

import { bootstrapOrExit } from './bootstrap.mjs'

bootstrapOrExit()
const program = new URL('../dist/tools/pagewire.js', import.meta.url)
await import(program.href)
