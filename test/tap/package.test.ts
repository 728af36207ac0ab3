// The package as npm makes it: installed into an empty project, with no compiler and no install script run, README's
// library example works on a real TAP.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Namespace, removeFolder, STACK, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

/** The first JavaScript block under README's heading "A library". */
function example(): string {
  const readme = readFileSync('README.md', 'utf8')
  const section = readme.slice(readme.indexOf('## A library'))
  const match = /```js\n([\s\S]*?)```/.exec(section)
  if (!match) throw new Error('README has no library example')
  return match[1]
}

/** Without what an npm or npx around this run has set for itself. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)))
}

describeOnTap('the package', ['ip', 'curl'], () => {
  let folder: string
  let namespace: Namespace

  beforeAll(() => {
    folder = temporaryFolder()
    namespace = new Namespace()
    execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: plainEnvironment(),
    })
    const [tarball] = readdirSync(folder)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n')
    execFileSync('npm', ['install', '--silent', '--ignore-scripts', `./${tarball}`], {
      cwd: folder,
      env: plainEnvironment(),
    })
    writeFileSync(join(folder, 'example.js'), example())
  }, 300_000)

  afterAll(() => {
    namespace.remove()
    removeFolder(folder)
  })

  it('asks for no install script', () => {
    const manifest = JSON.parse(readFileSync(join(folder, 'node_modules/pagewire/package.json'), 'utf8'))
    for (const name of ['preinstall', 'install', 'postinstall']) expect(manifest.scripts?.[name]).toBe(undefined)
    expect(readdirSync(join(folder, 'node_modules/pagewire'))).not.toContain('binding.gyp')
  })

  it('brings the sources of the addon and of the benchmarks, and not its build for tests', () => {
    const names = readdirSync(join(folder, 'node_modules/pagewire/native'))
    expect(names).toEqual(expect.arrayContaining(['binding.gyp', 'payload-guard.h', 'ring.cc', 'prebuilds']))
    expect(names).not.toContain('guarded')
    // `pagewire bench` builds them where it runs.
    const programs = readdirSync(join(folder, 'node_modules/pagewire/native/bench'))
    expect(programs).toEqual(expect.arrayContaining(['common.h', 'floor.c', 'load.c', 'server.c']))
  })

  it('brings no benchmark and no test', () => {
    const names = readdirSync(join(folder, 'node_modules/pagewire'), { recursive: true }).map(String)
    expect(names).toContain('dist/drivers/index.js')
    const own = names.filter((name) => !name.includes('node_modules'))
    expect(own.filter((name) => /\.(bench|test)\.|\.micro/.test(name))).toEqual([])
  })

  it("runs README's example", async () => {
    const child = spawn('ip', ['netns', 'exec', namespace.name, process.execPath, 'example.js'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((done) => child.on('close', done))
    let output = ''
    const ready = new Promise<void>((done) => {
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text
        if (output.includes('listening')) done()
      })
    })
    await Promise.race([ready, ended])
    expect(output).toContain('listening')
    const curl = namespace.run('curl', ['-sSf', `http://${STACK}/`])
    expect(curl.stdout).toContain('192.0.2.1')
    child.kill('SIGINT')
    expect(await ended).toBe(0)
  })

  it('installs the command', () => {
    const run = spawnSync('npx', ['--no', '--', 'pagewire', '--version'], {
      cwd: folder,
      encoding: 'utf8',
      env: plainEnvironment(),
    })
    expect(run.stdout.trim()).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
  })
})
