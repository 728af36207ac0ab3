// Puts the addon's binary where the package carries it: native/prebuilds/linux-ARCH/pagewire.LIBC.node, stripped. It is
// Node-API, so one binary serves all versions of Node. Builds only what is not built yet; plain JavaScript, so that
// `npm pack` can run it before anything else is there. On a system other than Linux there is nothing to do.

import { execFileSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

if (process.platform === 'linux') {
  const gyp = join(dirname(createRequire(import.meta.url).resolve('node-gyp/package.json')), 'bin', 'node-gyp.js')
  const command = existsSync(join(here, 'build', 'Makefile')) ? 'build' : 'rebuild'
  execFileSync(process.execPath, [gyp, command, '-C', here], { stdio: ['ignore', 'ignore', 'inherit'] })

  const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
  const folder = join(here, 'prebuilds', `${process.platform}-${process.arch}`)
  const file = join(folder, `pagewire.${libc}.node`)
  const unfinished = `${file}.${process.pid}`
  mkdirSync(folder, { recursive: true })
  try {
    copyFileSync(join(here, 'build', 'Release', 'pagewire.node'), unfinished)
    execFileSync('strip', ['--strip-unneeded', unfinished])
    // Whoever loads the old one meanwhile keeps it.
    renameSync(unfinished, file)
  } finally {
    rmSync(unfinished, { force: true })
  }
  console.log(file)
}
