// The rules of the house are only rules if breaking them fails the run: each broken line is fed to the linter under a
// path of the house, and the linter must refuse it.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// A copy of the rules in a folder of its own, so that no broken file ever stands in the house.
let house: string

beforeAll(() => {
  house = mkdtempSync(join(tmpdir(), 'pagewire-arrows-'))
  cpSync('biome.json', join(house, 'biome.json'))
  cpSync('tools/lint', join(house, 'tools/lint'), { recursive: true })
})

afterAll(() => rmSync(house, { recursive: true, force: true }))

function lint(path: string, source: string): { status: number | null; output: string } {
  const file = join(house, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, source)
  const biome = resolve('node_modules/.bin/biome')
  const run = spawnSync(biome, ['lint', '--vcs-enabled=false', path], { cwd: house, encoding: 'utf8' })
  rmSync(file)
  return { status: run.status, output: run.stdout + run.stderr }
}

const imports: [path: string, specifier: string][] = [
  ['stack/base/x.ts', '../buffer/page.ts'],
  ['stack/buffer/x.ts', '../wire/tcp.ts'],
  ['stack/wire/x.ts', '../link/neighbour.ts'],
  ['stack/link/x.ts', '../network/route.ts'],
  ['stack/network/x.ts', '../tcp/index.ts'],
  ['stack/tcp/x.ts', '../udp/index.ts'],
  ['stack/tcp/x.ts', '../link/neighbour.ts'],
  ['stack/udp/x.ts', '../tcp/index.ts'],
  ['stack/tcp/x.ts', '../stack.ts'],
  ['stack/x.ts', '../nic/port.ts'],
  ['stack/tcp/x.ts', '../../nic/port.ts'],
  ['nic/x.ts', '../drivers/reactor.ts'],
  ['nic/x.ts', '../stack/tcp/index.ts'],
  ['nic/x.ts', 'node:os'],
  ['stack/x.ts', 'node:buffer'],
  ['drivers/tap/x.ts', '../../tools/pagewire.ts'],
  ['tools/x.ts', '../native/index.ts'],
  ['native/x.ts', '../drivers/reactor.ts'],
  ['stack/tcp/x.bench.ts', '../../tools/pagewire.ts'],
]

const names = [
  'Math.random()',
  'Date.now()',
  'performance.now()',
  'Buffer.alloc(1)',
  'setTimeout(() => 1, 1)',
  'queueMicrotask(() => 1)',
  'process.pid',
  'console.log(1)',
  'crypto.randomUUID()',
  'Promise.resolve(1)',
]

describe('import directions', () => {
  it.each(imports)('%s may not import %s', (path, specifier) => {
    const { status, output } = lint(path, `import { x } from '${specifier}'\n\nexport const y = x\n`)
    expect(output).toContain('noRestrictedImports')
    expect(status).not.toBe(0)
  })

  it.each([
    ['stack/tcp/x.ts', '../network/contract.ts'],
    ['nic/x.ts', '../stack/buffer/frame.ts'],
    ['drivers/tap/x.ts', '../../native/index.ts'],
    ['tools/x.ts', '../drivers/index.ts'],
    ['stack/tcp/x.bench.ts', '../../test/support/micro/bench.ts'],
  ])('%s may import %s', (path, specifier) => {
    const { status, output } = lint(path, `import { x } from '${specifier}'\n\nexport const y = x\n`)
    expect(output).not.toContain('noRestrictedImports')
    expect(status).toBe(0)
  })
})

describe('names that are given, never taken', () => {
  it.each(names)('stack/ and nic/ may not say %s', (expression) => {
    for (const path of ['stack/base/x.ts', 'nic/x.ts']) {
      const { status, output } = lint(path, `export const y = ${expression}\n`)
      expect(output).toMatch(/noRestrictedGlobals|Chance is given/)
      expect(status).not.toBe(0)
    }
  })

  it('stack/ may not await', () => {
    const { status } = lint('stack/tcp/x.ts', 'export async function f(x: unknown) {\n  await x\n}\n')
    expect(status).not.toBe(0)
  })
})
