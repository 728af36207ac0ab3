// The programs of native/fuzz/: built by its Makefile, from the sources or from a copy in which a fault was planted.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const NATIVE = resolve('native')

/** Builds programs, by their paths below `build`; throws with the compiler's words on an error or a warning. */
export function buildPrograms(names: readonly string[], native = NATIVE, build = join(NATIVE, 'fuzz/build')): string[] {
  const targets = names.map((name) => join(build, name))
  const args = ['-s', '-j2', '-C', join(NATIVE, 'fuzz'), `NATIVE=${native}`, `BUILD=${build}`, ...headers(), ...targets]
  const { status, stdout, stderr } = spawnSync('make', args, { encoding: 'utf8' })
  if (status !== 0 || /\bwarning: /.test(stderr)) throw new Error(`${stdout}\n${stderr}`)
  return targets
}

/** The fuzz target with one place of one source file that reads otherwise. The other objects are those of the sources. */
export function plantFault(folder: string, file: string, good: string, bad: string): string {
  const text = readFileSync(join(NATIVE, file), 'utf8')
  if (text.split(good).length !== 2) throw new Error(`${file} does not have once: ${good}`)
  const copies = { recursive: true, preserveTimestamps: true }
  for (const name of readdirSync(NATIVE).filter((each) => /\.(cc|h)$/.test(each))) {
    cpSync(join(NATIVE, name), join(folder, name), copies)
  }
  cpSync(join(NATIVE, 'fuzz'), join(folder, 'fuzz'), copies)
  writeFileSync(join(folder, file), text.replace(good, bad))
  return buildPrograms(['ring-fuzz'], folder, join(folder, 'fuzz/build'))[0]
}

/** Node's headers: beside the binary, or where node-gyp had them from when it built the addon. */
function headers(): string[] {
  const config = join(NATIVE, 'build/config.gypi')
  const nodedir = existsSync(config) ? /"nodedir": "([^"]+)"/.exec(readFileSync(config, 'utf8'))?.[1] : undefined
  const places = [dirname(dirname(process.execPath)), ...(nodedir === undefined ? [] : [nodedir])]
  const include = places
    .map((place) => join(place, 'include/node'))
    .find((each) => existsSync(join(each, 'node_api.h')))
  return include === undefined ? [] : [`NODE_INCLUDE=${include}`]
}
