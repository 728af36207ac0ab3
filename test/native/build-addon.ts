// The addon built once more with other flags, where only tests look for it. make(1) knows what is out of date.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'

/**
 * Builds what the binding.gyp of `folder` says; the folder of the binaries. Throws with the compiler's words when it
 * cannot be built, or not without a warning. `environment` goes to make(1).
 */
export function buildAddon(folder: string, environment: NodeJS.ProcessEnv = {}): string {
  const program = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js')
  const built = spawnSync(process.execPath, [program, '-j', '2', 'configure', 'build', '-C', resolve(folder)], {
    encoding: 'utf8',
    env: { ...process.env, ...headers(), ...environment },
  })
  if (built.status !== 0 || /\bwarning: /.test(built.stderr)) throw new Error(`${built.stdout}\n${built.stderr}`)
  return join(resolve(folder), 'build/Release')
}

/** Node's headers where they lie beside it, so that node-gyp need not fetch them. */
function headers(): NodeJS.ProcessEnv {
  const prefix = dirname(dirname(process.execPath))
  const given = process.env['npm_config_nodedir']
  return given || !existsSync(join(prefix, 'include/node/node_api.h')) ? {} : { npm_config_nodedir: prefix }
}
