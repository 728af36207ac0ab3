// `npm start` in a fresh copy of the checkout on a machine without a C++ compiler: says what is missing and how to get it, serves
// over the simulated wire behind a loopback port, and stops for Ctrl-C.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const COPIED = ['stack', 'nic', 'drivers', 'tools', 'native', 'package.json', 'package-lock.json']
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.pure.json']
/** What the machine has: enough for npm's scripts, and nothing that compiles C++. */
const PROGRAMS = ['node', 'npm', 'sh']

describe.runIf(process.platform === 'linux')('npm start without a compiler', () => {
  let base: string
  let copy: string

  beforeAll(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'pagewire-start-')))
    copy = join(base, 'checkout')
    mkdirSync(copy)
    const fresh = (path: string) => !/native\/(build|prebuilds)(\/|$)/.test(path)
    for (const name of [...COPIED, ...SETTINGS]) {
      cpSync(name, join(copy, name), { recursive: true, preserveTimestamps: true, filter: fresh })
    }
    copyModules(join(copy, 'node_modules'))
    mkdirSync(join(base, 'bin'))
    for (const program of PROGRAMS) symlinkSync(placeOf(program), join(base, 'bin', program))
  }, 120_000)

  afterAll(() => rmSync(base, { recursive: true, force: true }))

  it('says what to install, serves all the same, and ends with Ctrl-C', async () => {
    const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
    const child = spawn(process.execPath, ['tools/start.mjs', 'up', '--bridge-port', '0', '--port', '80'], {
      cwd: copy,
      env: { ...plain, PATH: join(base, 'bin') },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { heard, closed, output } = listen(child)
    try {
      const [, url] = await heard(/curl (http:\/\/127\.0\.0\.1:\d+\/)/)
      expect(output()).toContain(
        'the native addon cannot be built: no g++, make, python3 (apt-get install g++ make python3)',
      )
      expect(output()).toContain('without it there is no TAP, only a simulated wire')
      const { status, text } = await page(url)
      expect(status).toBe(200)
      expect(text).toMatch(/<html/i)
      child.kill('SIGINT')
      expect(await closed).toBe(0)
    } finally {
      child.kill('SIGKILL')
    }
  }, 120_000)
})

/** The modules by hard links where that is possible; what bootstrap writes there is a file of the copy's own. */
function copyModules(to: string): void {
  const from = resolve('node_modules')
  if (spawnSync('cp', ['-al', from, to]).status !== 0) {
    rmSync(to, { recursive: true, force: true })
    expect(spawnSync('cp', ['-a', from, to]).status).toBe(0)
  }
  const installed = readFileSync(join(from, '.pagewire-installed'))
  for (const name of ['.pagewire-installed', '.pagewire-compiled']) rmSync(join(to, name), { force: true })
  writeFileSync(join(to, '.pagewire-installed'), installed)
}

function placeOf(program: string): string {
  if (program === 'node') return process.execPath
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const found = folders
    .map((folder) => join(folder, program))
    .find((path) => spawnSync('test', ['-x', path]).status === 0)
  if (found === undefined) throw new Error(`there is no ${program} on this machine`)
  return realpathSync(found)
}

function listen(child: ChildProcess) {
  let text = ''
  let wake = () => {}
  let gone = false
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
      wake()
    })
  }
  const closed = new Promise<number | null>((resolve) =>
    child.on('close', (status) => {
      gone = true
      wake()
      resolve(status)
    }),
  )
  const heard = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(text)
      if (match) return match
      if (gone) throw new Error(`it ended before ${pattern}:\n${text}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { heard, closed, output: () => text }
}

function page(url: string): Promise<{ status: number | undefined; text: string }> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (more: string) => {
        text += more
      })
      response.on('end', () => resolve({ status: response.statusCode, text }))
    }).on('error', reject)
  })
}
