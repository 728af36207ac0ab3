// The addon under AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer: the tests of test/native and of
// test/drivers/tap once more, on another binary. Before that is believed, planted faults must be found.

import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { buildAddon } from '../native/build-addon.ts'
import { leaveOut } from '../native/namespace.ts'
import { run, sanitizerRuntime } from './sanitizers.ts'

const RUNTIME = sanitizerRuntime()
const PRELOAD = { LD_PRELOAD: RUNTIME ?? '' }
const FOLDER = resolve('native/sanitized')

describe('the addon under sanitizers', () => {
  it('is built without a warning', (context) => {
    if (RUNTIME === null) leaveOut(context, 'the addon under sanitizers: no libasan beside g++ (apt-get install g++)')
    // -O1 stands behind Node's own -O3: the code is the same, and it is compiled in half the time.
    buildAddon(FOLDER, { CXXFLAGS: '-O1' })
  }, 400_000)

  const planted: [string, RegExp][] = [
    ['overflow', /heap-buffer-overflow/],
    ['overflowBuffer', /heap-buffer-overflow/],
    ['useAfterFree', /heap-use-after-free/],
    ['undefinedBehaviour', /signed integer overflow/],
    ['leak', /leak of 1000 byte/],
  ]
  for (const [name, report] of planted) {
    it(`shows what is planted: ${name}`, async (context) => {
      if (RUNTIME === null) leaveOut(context, `a planted fault: ${name}`)
      const { status, reports, output } = await plant(`addon.${name}(new ArrayBuffer(100))`)
      expect(reports.join('\n'), output).toMatch(report)
      if (name !== 'leak') expect(status).not.toBe(0)
    })
  }

  it('shows nothing where nothing is planted', async (context) => {
    if (RUNTIME === null) leaveOut(context, 'nothing planted')
    expect(await plant('addon')).toEqual({ status: 0, signal: null, output: '', reports: [] })
  })

  it('passes the tests of test/native and test/drivers/tap', async (context) => {
    if (RUNTIME === null) leaveOut(context, 'the tests of the addon under sanitizers')
    const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
    const args = [vitest, 'run', 'test/native', 'test/drivers/tap', '--no-color']
    const environment = {
      ...PRELOAD,
      PAGEWIRE_TEST_ADDON: join(FOLDER, 'build/Release/pagewire.node'),
      VITEST: undefined,
      VITEST_WORKER_ID: undefined,
      NO_COLOR: '1',
    }
    const { status, reports, output } = await run(process.execPath, args, environment, 200)
    expect(reports.join('\n\n')).toBe('')
    expect(status, output).toBe(0)
    expect(output).toMatch(/Tests +\d+ passed/)
  }, 400_000)
})

function plant(code: string) {
  const load = `const addon = require(${JSON.stringify(join(FOLDER, 'build/Release/planted.node'))});`
  return run(process.execPath, ['-e', load + code], PRELOAD, 50)
}
