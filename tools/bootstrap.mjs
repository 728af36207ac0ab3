// From a fresh clone to something that runs, with Node's own modules only: installs the dependencies, builds the addon and
// compiles, each only when what is there is older than what it is made from. `--strict` (npm test) fails when the addon
// cannot be built; without it (npm start) that is said, and the stack runs on a simulated wire.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const OLDEST_NODE = [20, 19]
const ADDON = 'native/build/Release/pagewire.node'
const INSTALLED = 'node_modules/.pagewire-installed'
const COMPILED = 'node_modules/.pagewire-compiled'
const PROGRAM = 'dist/tools/pagewire.js'
const COMPILER = ['g++', 'make', 'python3']

/** Something that cannot go on; the message is for a person. */
class BootstrapError extends Error {}

/** Does what is needed; throws BootstrapError. */
export function bootstrap({ strict = false } = {}) {
  checkNode()
  install()
  buildAddon(strict)
  compile()
}

/** As `bootstrap`, for a script: what goes wrong is printed, and ends the process with status 1. */
export function bootstrapOrExit(options) {
  try {
    bootstrap(options)
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error
    process.stderr.write(`pagewire: ${error.message}\n`)
    process.exit(1)
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return
  throw new BootstrapError(`this is Node ${process.versions.node}; it takes ${OLDEST_NODE.join('.')} or newer`)
}

/** Unless it was done for this very lock file. */
function install() {
  const lock = createHash('sha256')
    .update(readFileSync(path('package-lock.json')))
    .digest('hex')
  if (readText(INSTALLED) === lock) return
  if (!existsSync(path(INSTALLED)) && timeOf('node_modules/.package-lock.json') >= timeOf('package-lock.json')) {
    writeFileSync(path(INSTALLED), lock)
    return
  }
  say('installing the dependencies')
  // The scripts of the dependencies are not needed; their binaries come as packages of their own.
  const words = ['--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']
  // A registry that lacks optional packages for other systems makes `npm ci` refuse; `npm install` passes over them.
  if (npm(['ci', ...words], null).status !== 0) {
    npm(['install', '--no-save', ...words], 'npm cannot install the dependencies; is the registry reachable?')
  }
  writeFileSync(path(INSTALLED), lock)
}

function buildAddon(strict) {
  if (process.platform !== 'linux') return
  const sources = files('native', (name) => /\.(cc|h|gyp)$/.test(name))
  if (timeOf(ADDON) >= newest(sources)) return
  const missing = COMPILER.filter((program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error)
  const mend = `apt-get install ${missing.join(' ')}`
  if (missing.length > 0) {
    const message = `the native addon cannot be built: no ${missing.join(', ')} (${mend})`
    if (strict) throw new BootstrapError(message)
    say(`${message}; without it there is no TAP, only a simulated wire`)
    return
  }
  say('building the native addon')
  const result = npm(['run', '--silent', 'build:native'], null)
  if (result.status === 0) return
  rmSync(path(ADDON), { force: true })
  process.stderr.write(result.stderr)
  if (strict) throw new BootstrapError('the native addon cannot be built; what the compiler said stands above')
  say('the native addon could not be built (see above): without it there is no TAP, only a simulated wire')
}

function compile() {
  const folders = ['stack', 'nic', 'drivers', 'tools', 'native']
  const sources = folders.flatMap((folder) => files(folder, (name) => name.endsWith('.ts')))
  sources.push('package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json')
  // A file that was taken away leaves no newer time, but another number of files.
  const stamp = String(sources.length)
  if (timeOf(PROGRAM) > 0 && readText(COMPILED) === stamp && timeOf(COMPILED) >= newest(sources)) return
  say('compiling')
  rmSync(path('dist'), { recursive: true, force: true })
  npm(['run', '--silent', 'build:ts'], 'compiling failed')
  chmodSync(path(PROGRAM), 0o755)
  writeFileSync(path(COMPILED), stamp)
}

/** Runs npm; with `failure`, its output is shown as it comes and a failure ends everything. */
function npm(words, failure) {
  const own = process.env['npm_execpath']
  const [program, first] = own ? [process.execPath, [own]] : ['npm', []]
  const result = spawnSync(program, [...first, ...words], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: failure === null ? ['ignore', 'ignore', 'pipe'] : ['ignore', process.stderr, process.stderr],
    env: { ...process.env, ...headers() },
    shell: process.platform === 'win32' && !own,
  })
  if (failure !== null && (result.error || result.status !== 0)) throw new BootstrapError(failure)
  return result
}

/** Node's headers where they lie beside it, so that node-gyp need not fetch them. */
function headers() {
  const prefix = dirname(dirname(process.execPath))
  const given = process.env['npm_config_nodedir']
  return given || !existsSync(join(prefix, 'include/node/node_api.h')) ? {} : { npm_config_nodedir: prefix }
}

function say(text) {
  process.stderr.write(`pagewire: ${text}\n`)
}

function path(name) {
  return join(ROOT, name)
}

function readText(name) {
  try {
    return readFileSync(path(name), 'utf8')
  } catch {
    return ''
  }
}

/** Milliseconds, 0 for what is not there. */
function timeOf(name) {
  return statSync(path(name), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function newest(names) {
  return Math.max(0, ...names.map(timeOf))
}

/** Names below a folder, builds left out. */
function files(folder, wanted) {
  const found = []
  for (const entry of readdirSync(path(folder), { withFileTypes: true })) {
    const name = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'build' && entry.name !== 'prebuilds') found.push(...files(name, wanted))
    else if (entry.isFile() && wanted(entry.name)) found.push(name)
  }
  return found
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  bootstrapOrExit({ strict: process.argv.includes('--strict') })
}
