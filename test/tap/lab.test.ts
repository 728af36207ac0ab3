// The lab in miniature on the real thing: what it counts is what its methods do, and nothing is left of it however it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '../../tools/lab/report.ts'
import type { Row } from '../../tools/lab/rows.ts'
import { collect, makeFile, type Output, PROGRAM, removeFolder, temporaryFolder } from './lab.ts'
import { describeOnTap } from './requirements.ts'

const MARK = 'PAGEWIRE_TEST_MARK'

describeOnTap('pagewire lab zerocopy', ['unshare', 'chrt', 'taskset'], () => {
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

  const start = (args: string[], detached = false): ChildProcess =>
    spawn(process.execPath, [PROGRAM, 'lab', 'zerocopy', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, [MARK]: mark, TMPDIR: folder },
      detached,
    })

  /** Processes that descend from the one that was started, by its environment. */
  const descendants = (): string[] =>
    readdirSync('/proc').filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(`${MARK}=${mark}`))

  /** A process that is killed is gone a moment later. */
  const nobodyLeft = async () => {
    for (let left = descendants(); left.length > 0; left = descendants())
      await new Promise((later) => setTimeout(later, 20))
  }

  const run = (...args: string[]): Promise<Output> => collect(start(args))

  describe('with all cells', () => {
    const find = (rows: Row[], method: string, sg: boolean, tx: boolean, tso: boolean): Row => {
      const row = rows.find((each) => each.method === method && each.sg === sg && each.tx === tx && each.tso === tso)
      if (!row) throw new Error(`no row for ${method}`)
      return row
    }

    it('counts what each method and switch does', async () => {
      const json = join(folder, 'out.json')
      const html = join(folder, 'out.html')
      const { status, stdout, stderr } = await run('--bytes', '3M', '--rounds', '2', '--json', json, '--html', html)
      expect(stderr).toMatch(/checking the bytes\n.*round 1 of 2\n.*round 2 of 2\n$/)
      expect(status, stderr).toBe(0)
      expect(stdout).toMatch(/2001:/)
      expect(readFileSync(html, 'utf8')).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/)
      const report = JSON.parse(readFileSync(json, 'utf8')) as Report
      const { rows } = report
      expect(rows).toHaveLength(24)
      expect(rows.filter(({ reason }) => reason?.includes('tcp-segmentation-offload needs'))).toHaveLength(9)
      for (const row of rows.filter(({ reason }) => reason === null)) {
        expect(row.rounds).toBe(2)
        expect(row.gbps).toBeGreaterThan(0)
        expect(row.cpu).toBeGreaterThan(0)
        expect(row.receiver).toBeGreaterThan(0)
        expect(row.soaked).not.toBeNull()
        expect(row.systemCalls).toBeGreaterThanOrEqual(row.frames as number)
        // Payload and transport headers.
        if (row.tx) expect(row.summed).toBe(0)
        else expect(row.summed).toBeCloseTo(1.02, 1)
        const { read, mapping, queue, card } = row.copies as NonNullable<Row['copies']>
        expect(card).toBe(row.sg ? 0 : 1)
        expect([read, mapping, queue]).toEqual(
          { 'read+write': [1, 0, 1], 'mmap+write': [0, 1, 0], sendfile: [0, 0, 0] }[row.method],
        )
        expect(row.copied).toBe(read + mapping + queue + card)
      }
      for (const tso of [true, false]) {
        expect(find(rows, 'sendfile', true, true, tso)).toMatchObject({ copied: 0, summed: 0 })
        expect(find(rows, 'read+write', true, true, tso).copied).toBe(2)
      }
      expect(find(rows, 'sendfile', false, true, false).copied).toBe(1)
      // 64 KiB a frame with segmentation offload, the MTU without.
      const frames = (tso: boolean) => find(rows, 'sendfile', true, true, tso).frames as number
      expect(frames(true)).toBeLessThan(30_000)
      expect(frames(false)).toBeGreaterThan(700_000)
      expect(find(rows, 'read+write', false, false, false).ratio).toBe(1)
      expect(report.congestion.stack).toBe('cubic')
      expect(report.soakers).toBeGreaterThan(0)
      expect(readdirSync(folder).sort()).toEqual(['out.html', 'out.json'])
    })

    it('sends a file that is named, prints JSON alone, and does without soakers', async () => {
      const file = join(folder, 'file.bin')
      makeFile(file, 1_000_003)
      const args = ['--file', file, '--bytes', '2500000', '--rounds', '1', '--no-soak', '--json']
      const { status, stdout, stderr } = await run(...args)
      expect(status, stderr).toBe(0)
      const report = JSON.parse(stdout) as Report
      expect(report.file).toEqual({ bytes: 1_000_003, made: false })
      expect(report).toMatchObject({ measure: 'rusage', soakers: 0, quiet: [] })
      expect(report.rows.filter(({ gbps }) => gbps !== null)).toHaveLength(15)
      expect(report.rows.every(({ soaked }) => soaked === null)).toBe(true)
    })
  })

  describe('when it is stopped', () => {
    it.each([
      ['by SIGINT to the program', false, 'SIGINT'],
      ['by Ctrl-C on a terminal, which all its processes get', true, 'SIGINT'],
      ['by SIGTERM', false, 'SIGTERM'],
      ['by kill -9', false, 'SIGKILL'],
    ] as const)('%s, it leaves no process, namespace or file', async (_name, group, signal) => {
      const before = namespaces()
      const child = start(['--rounds', '99', '--bytes', '4M'], true)
      const result = collect(child)
      await said(child, /round 1/)
      expect(descendants().length).toBeGreaterThan(4)
      process.kill(group ? -(child.pid as number) : (child.pid as number), signal)
      const { status, stdout, stderr } = await result
      if (signal !== 'SIGKILL') expect(status).toBe(130)
      expect(stdout).toBe('')
      expect(stderr).toMatch(/^(pagewire lab: (checking the bytes|round \d+ of 99)\n)+$/)
      await nobodyLeft()
      expect(namespaces()).toEqual(before)
      expect(readdirSync(folder)).toEqual([])
    })
  })

  describe('when it cannot', () => {
    it.each([
      [['--file', '/nonexistent/file'], 1, /there is no file \/nonexistent\/file/],
      [['--file', '/'], 1, /is not a file/],
      [['--html', '/nonexistent/x.html'], 1, /x\.html cannot be written: no folder \/nonexistent/],
      [['--json', '/'], 1, /is a folder/],
    ])('%j: one line', async (args, expected, message) => {
      const { status, stdout, stderr } = await run(...args)
      expect(status).toBe(expected)
      expect(stderr).toMatch(message)
      expect(stderr.trimEnd().split('\n')).toHaveLength(1)
      expect(stdout).toBe('')
    })

    it('says that the file changed while it was sent', async () => {
      const file = join(folder, 'file.bin')
      makeFile(file, 1 << 20)
      const child = start(['--file', file, '--rounds', '99', '--bytes', '4M', '--no-soak'])
      const result = collect(child)
      await said(child, /round 1/)
      writeFileSync(file, 'short')
      const { status, stderr } = await result
      expect(status).toBe(1)
      expect(stderr).toMatch(/^pagewire lab: the sender: .*(changed|shorter|EFAULT)/m)
    })
  })
})

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => !name.startsWith('pw'))
  } catch {
    return []
  }
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1')
  } catch {
    return ''
  }
}

/** Resolves when the child's standard error has `pattern`. */
async function said(child: ChildProcess, pattern: RegExp): Promise<void> {
  let text = ''
  while (!pattern.test(text)) {
    const [chunk] = (await once(child.stderr as NonNullable<ChildProcess['stderr']>, 'data')) as [string]
    text += chunk
  }
}
