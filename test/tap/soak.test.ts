// The soak in miniature on the real thing: every phase passes and tried what it says, and nothing is left of it however it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { PHASES } from '../../tools/soak/plan.ts'
import type { SoakReport } from '../../tools/soak/report.ts'
import { collect, type Output, PROGRAM, removeFolder, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const MARK = 'PAGEWIRE_TEST_MARK'

describeOnTap('pagewire bench soak', ['unshare', 'ip'], () => {
  let mark: string
  let folder: string

  beforeEach(() => {
    mark = randomUUID()
    folder = temporaryFolder()
  })

  afterEach(async () => {
    for (let left = descendants(); left.length > 0; left = descendants())
      await new Promise((later) => setTimeout(later, 20))
    removeFolder(folder)
  })

  const start = (args: string[]): ChildProcess =>
    spawn(process.execPath, [PROGRAM, 'bench', 'soak', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [MARK]: mark, TMPDIR: folder },
    })

  const run = (...args: string[]): Promise<Output> => collect(start(args))

  /** Processes that descend from the one that was started, by its environment. */
  const descendants = (): string[] =>
    readdirSync('/proc').filter((name) => {
      if (!/^\d+$/.test(name)) return false
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${MARK}=${mark}`)
      } catch {
        return false
      }
    })

  it('passes all its phases', async () => {
    const json = join(folder, 'out.json')
    const { status, stdout, stderr } = await run(
      ...['--duration', '4s', '--connections', '300', '--seed', 'test', '--json', json],
    )
    expect(stdout).toMatch(/all 8 phases passed in \d+ s; seed test\n$/)
    expect(status, stdout + stderr).toBe(0)
    const { phases, passed, seed } = JSON.parse(readFileSync(json, 'utf8')) as SoakReport
    expect([passed, seed, phases.map(({ phase }) => phase)]).toEqual([true, 'test', [...PHASES]])
    const figures = Object.fromEntries(phases.map((each) => [each.phase, each.figures]))
    expect(figures['idle']).toMatchObject({ connections: 300, alive: 300 })
    expect(figures['vanish']).toMatchObject({ connections: 10, noticed: 10 })
    expect(figures['slow']).toMatchObject({ 'slow readers': 10, 'deaf servers': 10 })
    expect(figures['slow']['windows closed']).toBeGreaterThanOrEqual(10)
    expect(figures['flood']['honest connections']).toBeGreaterThan(10)
    expect(figures['flood']['SYNs per second']).toBeGreaterThan(1000)
    for (const who of ['regulars', 'strangers'])
      expect(Number.parseFloat(String(figures['flood'][`${who} in`]))).toBe(100)
    expect(Number.parseFloat(String(figures['flood']['regulars at once']))).toBeGreaterThan(50)
    expect(figures['link']['down and up']).toBeGreaterThan(0)
    expect(figures['ring']['ring full']).toBeGreaterThan(0)
    expect(figures['faults']['frames lost']).toBeGreaterThan(0)
    for (const { after } of phases) expect(after).toMatchObject({ endpoints: 0, transmitPages: 0, receivePages: 0 })
    expect(readdirSync(folder)).toEqual(['out.json'])
  }, 240_000)

  it('prints JSON alone when asked to, of the phases that are asked for', async () => {
    const { status, stdout } = await run('--phases', 'slow', '--connections', '100', '--duration', '1s', '--json')
    expect(status, stdout).toBe(0)
    expect((JSON.parse(stdout) as SoakReport).phases.map(({ phase }) => phase)).toEqual(['slow'])
  })

  it.each([['SIGINT'], ['SIGTERM'], ['SIGKILL']] as const)('leaves nothing when it is ended by %s', async (signal) => {
    const child = start(['--phases', 'faults', '--duration', '1h'])
    const result = collect(child)
    await once(child.stderr as NonNullable<ChildProcess['stderr']>, 'data')
    while (descendants().length < 5) await new Promise((later) => setTimeout(later, 20))
    child.kill(signal)
    const { status, stdout } = await result
    if (signal !== 'SIGKILL') expect(status).toBe(130)
    expect(stdout).toBe('')
  })

  it.each([
    [['--phases', 'naps'], 2, /no phase 'naps'/],
    [['--json', '/nonexistent/x.json'], 1, /x\.json cannot be written: no folder/],
  ])('%j: one line', async (args, expected, message) => {
    const { status, stdout, stderr } = await run(...args)
    expect([status, stdout]).toEqual([expected, ''])
    expect(stderr).toMatch(message)
  })
})
