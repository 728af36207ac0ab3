// The benchmarks in miniature on the real thing: the shape of what they find, and that nothing is left however they end.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '../../tools/bench/report.ts'
import { collect, type Output, PROGRAM, removeFolder, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

/** For a machine on which much else runs. */
const LONG = 300_000
const MARK = 'PAGEWIRE_TEST_MARK'

describeOnTap('pagewire bench', ['ip', 'unshare', 'gcc'], () => {
  let mark: string
  let folder: string

  beforeEach(() => {
    mark = randomUUID()
    folder = temporaryFolder()
  })

  afterEach(async () => {
    await nobodyLeft()
    removeFolder(folder)
  })

  const start = (args: string[], environment: NodeJS.ProcessEnv = {}): ChildProcess =>
    spawn(process.execPath, [PROGRAM, 'bench', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [MARK]: mark, TMPDIR: folder, ...environment },
      detached: true,
    })

  const run = (...args: string[]): Promise<Output> => collect(start(args))

  const descendants = (): string[] =>
    readdirSync('/proc').filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`${MARK}=${mark}`))

  /** A process that is killed is gone a moment later; the namespaces, which have no names, with the last one. */
  const nobodyLeft = async () => {
    for (let left = descendants(); left.length > 0; left = descendants())
      await new Promise((later) => setTimeout(later, 20))
  }

  it(
    'measures, prints a table, writes JSON, and compares the next run with it',
    async () => {
      const json = join(folder, 'one.json')
      const short = ['--quick', '--rounds', '1', '--seconds', '0.2']
      const first = await run('--tests', 'send-file,rr', ...short, '--json', json)
      expect(first.status, first.stderr).toBe(0)
      expect(first.stderr).toBe('pagewire bench: round 1 of 1\n')
      expect(readdirSync(folder)).toEqual(['one.json'])
      expect(first.stdout).toMatch(/^\| Send a file by sendFile, 1 connection +\| Gbit\/s +\| +[\d.]+/m)
      const report = JSON.parse(readFileSync(json, 'utf8')) as Report
      expect(report).toMatchObject({ format: 'pagewire bench 1', rounds: 1, seconds: 0.2, fileMib: 128 })
      expect(report.congestion.stack).toBe('cubic')
      expect(report.congestion.kernel).toBe('cubic')
      expect(report.rows.map(({ key }) => key)).toEqual([
        'send-file-receive',
        'send-file-receive-cpu',
        'rr-p50',
        'rr-p99',
      ])
      const [rate, cpu, p50, p99] = report.rows
      expect(rate.cells.map(({ column }) => column)).toEqual(['pagewire', 'kernel', 'node', 'floor'])
      expect(rate.goals.map(({ than }) => than)).toEqual(['floor', 'kernel', 'node'])
      for (const row of report.rows) {
        expect(Object.keys(row.ratios)).toEqual(row.cells.slice(1).map(({ column }) => column))
        for (const { median, min, max, values, error } of row.cells) {
          expect(error).toBeNull()
          expect(values).toEqual([median])
          expect([min, max]).toEqual([median, median])
        }
      }
      for (const { median } of [...rate.cells, ...cpu.cells, ...p50.cells]) expect(median).toBeGreaterThan(0)
      for (const [at, { median }] of p99.cells.entries()) expect(median).toBeGreaterThanOrEqual(p50.cells[at].median)

      const second = await run('run', '--tests', 'rr', ...short, '--compare', json)
      expect(second.status, second.stderr).toBe(0)
      expect(second.stdout).toMatch(/Compared with .*\(1 rounds of 0\.2 s\)/)
      expect(second.stdout).toMatch(/^\| rr-p50 +\| pagewire +\| us +\| +[\d.]+ \| +[\d.]+ \| +[-+][\d.]+ %/m)
      expect(second.stdout).not.toMatch(/^\| send-file/m)
    },
    LONG,
  )

  it(
    'measures everything that there is, on few connections, without failures',
    async () => {
      const { status, stdout, stderr } = await run(
        '--rounds',
        '1',
        '--seconds',
        '0.05',
        '--connections',
        '50',
        '--json',
      )
      expect(status, stderr).toBe(0)
      const { rows } = JSON.parse(stdout) as Report
      const row = (key: string) => rows.find((one) => one.key === key)
      for (const { cells } of rows) for (const { error } of cells) expect(error).toBeNull()
      for (const { key, cells } of rows) expect(cells.length, key).toBeGreaterThan(0)
      expect(row('idle-alive')?.cells.map(({ median }) => median)).toEqual([100, 100, 100])
      expect(row('open-close-failed')?.cells.map(({ median }) => median)).toEqual([0, 0, 0])
      expect(row('software-send')?.cells.map(({ column }) => column)).toEqual(['pagewire', 'floor'])
      expect(row('garbage-sending')?.cells[0].median).toBeGreaterThan(0)
      expect(readdirSync(folder)).toEqual([])
    },
    LONG,
  )

  describe('when it is stopped', () => {
    it.each([
      ['by SIGINT to the program', false, 'SIGINT'],
      ['by Ctrl-C on a terminal, which all its processes get', true, 'SIGINT'],
      ['by SIGTERM', false, 'SIGTERM'],
    ] as const)('%s, it leaves no process and no file', async (_name, group, signal) => {
      const child = start(['--quick', '--tests', 'send-file', '--rounds', '99', '--seconds', '0.2'])
      const result = collect(child)
      await said(child, /round 2/)
      expect(descendants().length).toBeGreaterThan(4)
      process.kill(group ? -(child.pid as number) : (child.pid as number), signal)
      const { status, stdout } = await result
      expect(status).toBe(130)
      expect(stdout).toBe('')
      await nobodyLeft()
      expect(readdirSync(folder)).toEqual([])
    })

    it('by kill -9, it leaves no process and no file', async () => {
      const child = start(['--quick', '--tests', 'rr', '--rounds', '99'])
      const result = collect(child)
      await said(child, /round 2/)
      process.kill(child.pid as number, 'SIGKILL')
      await result
      await nobodyLeft()
      expect(readdirSync(folder)).toEqual([])
    })
  })

  describe('when it cannot', () => {
    it.each([
      [['--compare', '/nonexistent/x.json'], /x\.json/],
      [['--json', '/nonexistent/x.json'], /x\.json cannot be written/],
      [['--json', '/'], /is a folder/],
    ])('%j: one line, status 1', async (args, message) => {
      const { status, stdout, stderr } = await run(...args)
      expect(status).toBe(1)
      expect(stdout).toBe('')
      expect(stderr).toMatch(message)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
    })

    it('without a compiler, it says what to install', async () => {
      const { status, stderr } = await collect(start(['--quick'], { PATH: '/nonexistent' }))
      expect(status).toBe(1)
      expect(stderr).toMatch(/gcc.*is not installed; to mend it: apt-get install gcc/)
    })

    it('refuses what is no report', async () => {
      const path = join(folder, 'x.json')
      writeFileSync(path, '{"rows":[]}')
      const { status, stderr } = await run('--compare', path)
      expect(status).toBe(1)
      expect(stderr).toMatch(/is not what 'pagewire bench --json' of this version writes/)
    })
  })

  it.each([
    ['load', ['load', 'bulk', 'latency', 'http', 'connections', 'common']],
    ['server', ['server', 'common']],
    ['floor', ['floor', 'common']],
  ])('the C code of %s has no warnings', (name, sources) => {
    const files = sources.map((source) => resolve('native/bench', `${source}.c`))
    const output = join(folder, name)
    execFileSync('gcc', ['-O3', '-Wall', '-Wextra', '-Werror', '-pthread', '-o', output, ...files])
    expect(existsSync(output)).toBe(true)
  })
})

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8')
  } catch {
    return ''
  }
}

function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  return new Promise((done, failed) => {
    let text = ''
    child.stderr?.on('data', (more: Buffer) => {
      text += more
      if (pattern.test(text)) done()
    })
    child.on('close', () => failed(new Error(`ended before ${pattern}: ${text}`)))
  })
}
