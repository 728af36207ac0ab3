// The parts of the addon that know nothing of JavaScript under valgrind's memcheck: what is read before it was written,
// which the sanitizers do not see, and what is leaked.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { leaveOut } from '../native/namespace.ts'
import { buildPrograms } from './programs.ts'
import { run, sanitizerRuntime } from './sanitizers.ts'

const VALGRIND = spawnSync('valgrind', ['--version']).status === 0
const CORPUS = resolve('native/fuzz/corpus')
const FAULT = 99

describe('without V8', () => {
  it('the parts pass their test under the sanitizers', async (context) => {
    if (sanitizerRuntime() === null) leaveOut(context, 'native-test: no libasan beside g++')
    const [program] = buildPrograms(['native-test'])
    const { status, output, reports } = await run(program, [], {}, 50)
    expect(reports.join('\n')).toBe('')
    expect({ status, output }).toEqual({ status: 0, output: 'native-test: passed\n' })
  }, 300_000)

  it('the parts pass their test under valgrind', async (context) => {
    const { status, output } = await memcheck(context, 'plain/native-test', [])
    expect({ status, output }).toEqual({ status: 0, output: 'native-test: passed\n' })
  }, 300_000)

  it('the fuzz target runs its kept inputs under valgrind', async (context) => {
    const inputs = readdirSync(CORPUS).map((name) => join(CORPUS, name))
    const { status, output } = await memcheck(context, 'plain/ring-fuzz', ['-runs=0', ...inputs])
    expect(status, output).toBe(0)
    expect(output).toContain(`${inputs.length} files`)
  }, 300_000)

  it('valgrind shows what is planted', async (context) => {
    const { status, output } = await memcheck(context, 'plain/native-test', ['--plant'])
    expect(status, output).toBe(FAULT)
    expect(output).toMatch(/depends on uninitialised value/)
    expect(output).toMatch(/1,000 bytes in 1 blocks are definitely lost/)
  }, 300_000)
})

function memcheck(context: { skip(why: string): void }, name: string, args: string[]) {
  if (!VALGRIND) leaveOut(context, `${name} under valgrind (apt-get install valgrind)`)
  const [program] = buildPrograms([name])
  return run('valgrind', ['-q', `--error-exitcode=${FAULT}`, '--leak-check=full', program, ...args], {}, 100)
}
