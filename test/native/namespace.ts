// Tests that need a network namespace with a TAP of their own: the test file runs itself once more inside of one. The
// namespace has no name and ends with the process. What is missing is said in one loud line, or, with
// PAGEWIRE_REQUIRE_ALL set, is a failure.

import { execFile, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const INSIDE = 'PAGEWIRE_TEST_NAMESPACE'
const TUN = '/dev/net/tun'

/** The arguments of unshare(1) that make a network namespace in which this user may make TAPs. */
export const UNSHARE: readonly string[] = process.getuid?.() === 0 ? ['--net'] : ['--user', '--map-root-user', '--net']

/** Why no namespace with a TAP can be made here, with the way to mend it; an empty string when it can. */
export function namespaceTrouble(): string {
  if (process.platform !== 'linux') return 'namespaces and TAPs are for Linux'
  if (!existsSync(TUN)) return `no ${TUN} (sudo modprobe tun; sudo mknod ${TUN} c 10 200)`
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK)
  } catch {
    return `no permission for ${TUN} (sudo chmod 666 ${TUN}, or run as root)`
  }
  const tried = spawnSync('unshare', [...UNSHARE, 'true'], { encoding: 'utf8' })
  if (tried.error) return 'no unshare (apt-get install util-linux)'
  return tried.status === 0 ? '' : `no network namespace can be made: ${tried.stderr.trim()} (run as root)`
}

/**
 * `describe` whose tests run in a network namespace of their own. `url` is import.meta.url of the test file, which has
 * one such block at most.
 */
export function describeInNamespace(name: string, url: string, body: () => void): void {
  if (process.env[INSIDE]) {
    describe(name, body)
    return
  }
  const trouble = namespaceTrouble()
  if (trouble) {
    const why = `LEFT OUT: ${name}: ${trouble}`
    if (process.env['PAGEWIRE_REQUIRE_ALL']) throw new Error(why)
    process.stderr.write(`\n*** ${why} ***\n`)
    describe.skip(why, body)
    return
  }
  it(`${name} (in a network namespace)`, async () => {
    const { code, output } = await runInside(fileURLToPath(url))
    expect(code, output).toBe(0)
    // A run without a test would prove nothing.
    expect(output).toMatch(/Tests +\d+ passed/)
  }, 120_000)
}

/** Within a test: skips it with one loud line, or fails when nothing may be left out. */
export function leaveOut(context: { skip(why: string): void }, why: string): void {
  if (process.env['PAGEWIRE_REQUIRE_ALL']) throw new Error(`LEFT OUT: ${why}`)
  process.stderr.write(`\n*** LEFT OUT: ${why} ***\n`)
  context.skip(why)
}

/** Tests that are not for the namespace; a file that has a block for it puts its other tests here. */
export function describeOutside(name: string, body: () => void): void {
  if (!process.env[INSIDE]) describe(name, body)
}

function runInside(file: string): Promise<{ code: number; output: string }> {
  const require = createRequire(import.meta.url)
  const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs')
  const args = [...UNSHARE, process.execPath, vitest, 'run', file, '--reporter=verbose', '--no-color']
  return new Promise((done) => {
    const env = { ...process.env, [INSIDE]: '1', VITEST: undefined, VITEST_WORKER_ID: undefined, NO_COLOR: '1' }
    execFile('unshare', args, { env, timeout: 110_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      done({ code: error ? 1 : 0, output: `${stdout}\n${stderr}` })
    })
  })
}
