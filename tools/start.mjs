// `npm start`: gets everything ready, then is the program itself, in this very process, so that Ctrl-C reaches it. npm puts
// a shell between itself and us that hands no signal on: when that is gone, so are we.

import { bootstrapOrExit } from './bootstrap.mjs'

const OFTEN = 300

bootstrapOrExit()
const parent = process.ppid
const watch = setInterval(() => {
  if (process.ppid === parent) return
  clearInterval(watch)
  process.kill(process.pid, 'SIGTERM')
}, OFTEN)
watch.unref()

const program = new URL('../dist/tools/pagewire.js', import.meta.url)
await import(program.href)
