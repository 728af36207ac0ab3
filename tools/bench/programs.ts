// The C programs of the benchmarks: built from native/bench/ into a folder of this run, with the file that is sent beside them.
// Owns the folder, which `remove` takes away.

import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CommandError, codeOf, messageOf, oneLine } from '../cli/errors.ts'

const COMPILER = 'gcc'
const SOURCES: Record<string, readonly string[]> = {
  load: ['load', 'bulk', 'latency', 'http', 'connections', 'common'],
  server: ['server', 'common'],
  floor: ['floor', 'common'],
}
const BLOCK = 4 * 2 ** 20

export class Programs {
  readonly folder: string

  /** Throws CommandError when they cannot be built or there is no room. */
  constructor(fileBytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'pagewire-bench-'))
    try {
      for (const [name, sources] of Object.entries(SOURCES)) build(this.path(name), sources)
      writeFile(this.file, fileBytes)
    } catch (error) {
      this.remove()
      throw error
    }
  }

  get file(): string {
    return join(this.folder, 'file')
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Throws CommandError when there is no compiler. */
export function checkCompiler(): void {
  const { error } = spawnSync(COMPILER, ['--version'], { stdio: 'ignore' })
  if (!error) return
  const why = codeOf(error) === 'ENOENT' ? 'is not installed' : `cannot be run (${codeOf(error)})`
  throw new CommandError(`${COMPILER}, which builds the clients, ${why}; to mend it: apt-get install gcc libc6-dev`)
}

function build(output: string, sources: readonly string[]): void {
  const folder = sourceFolder()
  const files = sources.map((name) => join(folder, `${name}.c`))
  // Built where they run, so that the floor's sums may use what this processor has.
  const words = ['-O3', '-march=native', '-Wall', '-Wextra', '-pthread', '-o', output, ...files]
  const done = spawnSync(COMPILER, words, { encoding: 'utf8' })
  if (done.status === 0) return
  const said = done.error
    ? messageOf(done.error)
    : (done.stderr.split('\n').find((line) => /error/.test(line)) ?? done.stderr)
  throw new CommandError(
    `${COMPILER} cannot build native/bench: ${oneLine(said)}; to mend it: apt-get install gcc libc6-dev`,
  )
}

/** From the sources (tools/bench) and from the build (dist/tools/bench). */
function sourceFolder(): string {
  for (const up of ['../../native/bench', '../../../native/bench']) {
    const folder = fileURLToPath(new URL(up, import.meta.url))
    if (existsSync(join(folder, 'load.c'))) return folder
  }
  throw new CommandError('the sources of the C programs, native/bench, are missing; install the package again')
}

function writeFile(path: string, bytes: number): void {
  const block = randomFillSync(Buffer.alloc(Math.min(BLOCK, bytes)))
  const fd = openSync(path, 'wx', 0o600)
  try {
    for (let left = bytes; left > 0; left -= block.length) writeSync(fd, block, 0, Math.min(left, block.length))
  } catch (error) {
    throw new CommandError(`no room for a file of ${bytes >> 20} MiB in ${tmpdir()}: ${messageOf(error)}; set TMPDIR`)
  } finally {
    closeSync(fd)
  }
}
