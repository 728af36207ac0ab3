// The flame graph of a profile that is written by hand: what is merged, what is left out, and what stands in the SVG.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pagewire-flame-'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HOME = 'file:///home/somebody/pagewire/dist'
/** id, function, url, children. Two `poll` nodes of one function under `run`. */
const NODES: [number, string, string, number[]][] = [
  [1, '(root)', '', [2, 3, 4]],
  [2, '(idle)', '', []],
  [3, 'run', `${HOME}/drivers/host/reactor.js`, [5, 6]],
  [4, '(garbage collector)', '', []],
  [5, 'poll', `${HOME}/stack/stack.js`, [7]],
  [6, 'poll', `${HOME}/stack/stack.js`, []],
  [7, '', `${HOME}/nic/nic.js`, [8]],
  [8, 'a<b>&"c"', 'node:internal/timers', []],
]

function draw(args: string[], samples: [number, number][]) {
  const nodes = NODES.map(([id, functionName, url, children]) => ({ id, callFrame: { functionName, url }, children }))
  const profile = { nodes, samples: samples.map(([id]) => id), timeDeltas: samples.map(([, time]) => time) }
  const file = join(folder, 'x.cpuprofile')
  writeFileSync(file, JSON.stringify(profile))
  const run = spawnSync(process.execPath, ['tools/flame-graph.mjs', file, ...args], { encoding: 'utf8' })
  const tips = [...run.stdout.matchAll(/<title>(.*?)<\/title><rect x="([\d.]+)" y="(\d+)" width="([\d.]+)"/g)]
  return { ...run, boxes: new Map(tips.map(([, tip, x, y, width]) => [tip, [x, y, width].map(Number)])) }
}

describe('a flame graph', () => {
  // 100 us idle, then 400 us: poll itself 100 + 100, below it 100, the collector 100.
  const samples: [number, number][] = [
    [2, 100],
    [5, 100],
    [6, 100],
    [8, 100],
    [4, 100],
  ]

  it('merges the calls of a function and leaves out what is idle', () => {
    const { boxes, status } = draw([], samples)
    expect(status).toBe(0)
    expect([...boxes.keys()]).toEqual([
      '(all): 100.0 %, itself 0.0 %',
      '(garbage collector): 25.0 %, itself 25.0 %',
      'run, drivers/host/reactor.ts: 75.0 %, itself 0.0 %',
      'poll, stack/stack.ts: 75.0 %, itself 50.0 %',
      '(anonymous, nic), nic/nic.ts: 25.0 %, itself 0.0 %',
      'a&lt;b&gt;&amp;&quot;c&quot;, node:internal/timers: 25.0 %, itself 25.0 %',
    ])
  })

  it('draws widths as the times are, callers below', () => {
    const { boxes } = draw([], samples)
    const [allX, allY, allWidth] = boxes.get('(all): 100.0 %, itself 0.0 %')!
    const [pollX, pollY, pollWidth] = boxes.get('poll, stack/stack.ts: 75.0 %, itself 50.0 %')!
    expect(pollWidth / allWidth).toBeCloseTo(0.75, 2)
    expect(pollX).toBeGreaterThan(allX)
    expect(pollY).toBeLessThan(allY)
  })

  it('says what each room takes, and names no place of the machine', () => {
    const { stdout } = draw(['--title', 'One & two', '--note', 'a note'], samples)
    for (const text of ['stack 50 %', 'nic 0 %', 'drivers 0 %', 'Node, native 50 %', 'One &amp; two', 'a note']) {
      expect(stdout).toContain(`>${text}<`)
    }
    expect(stdout).not.toMatch(/somebody|file:|<script/)
  })

  it('leaves out the beginning and the end', () => {
    const { boxes } = draw(['--skip', '0.2', '--take', '0.1'], samples)
    expect([...boxes.keys()].at(-1)).toBe('poll, stack/stack.ts: 100.0 %, itself 100.0 %')
  })

  it('says how it is called', () => {
    const run = spawnSync(process.execPath, ['tools/flame-graph.mjs'], { encoding: 'utf8' })
    expect(run.status).toBe(2)
    expect(run.stderr).toContain('usage: ')
  })
})
