// The addon with guarded payload, built where only tests look for it. make(1) knows what is out of date.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

const FOLDER = resolve('native/guarded')

/** The path of its binary. Throws with the compiler's words when it cannot be built, or not without a warning. */
export function guardedAddon(): string {
  const program = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  const built = spawnSync(process.execPath, [program, 'configure', 'build', '-C', FOLDER], {
    encoding: 'utf8',
    env: { ...process.env, ...headers() },
  })
  if (built.status !== 0 || /\bwarning: /.test(built.stderr)) throw new Error(`${built.stdout}\n${built.stderr}`)
  return join(FOLDER, 'build/Release/pagewire.node')
}

/** Node's headers where they lie beside it, so that node-gyp need not fetch them. */
function headers(): NodeJS.ProcessEnv {
  const prefix = dirname(dirname(process.execPath))
  const given = process.env['npm_config_nodedir']
  return given || !existsSync(join(prefix, 'include/node/node_api.h')) ? {} : { npm_config_nodedir: prefix }
}
