// What the lab says: sentences that follow from the figures, the table for a terminal, the page, the bar.
import { describe, expect, it } from 'vitest'
import type { Cell } from '../../../tools/lab/cells.ts'
import { digestOf, openLabFile } from '../../../tools/lab/lab-file.ts'
import { CHUNK, stretches } from '../../../tools/lab/methods.ts'
import { scaleFor } from '../../../tools/lab/plots.ts'
import { Progress } from '../../../tools/lab/progress.ts'
import { reportHtml } from '../../../tools/lab/report-html.ts'
import { reportText, wrap } from '../../../tools/lab/report-text.ts'
import { measured, report } from './figures.ts'

/** `sendfile` and tso save by these factors. */
const machine = (zeroCopy: number, merged: number, tso: number) => (cell: Cell, round: number) =>
  (cell.tso ? tso * (cell.method === 'sendfile' ? merged : 1) : cell.method === 'sendfile' && cell.sg ? zeroCopy : 1) *
  (5 + round * 0.1)

describe('the sentences', () => {
  const says = (...factors: [number, number, number]) => report(measured(machine(...factors))).says.join('\n')

  it('are honest where zero copy buys little', () => {
    expect(says(0.97, 0.95, 0.2)).toMatch(/zero copy buys little: copying is cheap.*segmentation offload is worth more/)
  })

  it('say when it shows only with segmentation offload', () => {
    expect(says(0.95, 0.5, 0.2)).toMatch(/buys little as long as every frame is handled on its own/)
  })

  it('say when it pays', () => {
    const text = says(0.5, 0.5, 0.9)
    expect(text).toMatch(/zero copy pays/)
    expect(text).not.toMatch(/worth more/)
    expect(text).toMatch(/0\.50 times \(0\.50 to 0\.50\); 0\.48 in 2001/)
  })

  it('call nothing a saving that the rounds do not agree on', () => {
    const noisy = measured((cell, round) => (cell.method === 'sendfile' ? [0.5, 1.4, 0.6][round] : 1))
    const text = report(noisy).says.join('\n')
    expect(text).toMatch(/no difference that the rounds agree on/)
    expect(text).toMatch(/zero copy buys little/)
  })

  it('say when zero copy costs more', () => {
    expect(says(1.3, 0.9, 0.2)).toMatch(/frame by frame sendfile even costs more than read\+write/)
  })

  it('warn of a machine that was not quiet', () => {
    const all = measured(machine(0.5, 0.5, 0.5))
    expect(report(all, [1, 0.7]).says.at(-1)).toMatch(/not quiet.*30 %.*run it again/)
    expect(report(all, [1, 0.99]).says.at(-1)).not.toMatch(/quiet/)
    expect(report(all, []).says.at(-1)).not.toMatch(/quiet/)
  })
})

describe('the table beside that of 2001', () => {
  it('has the ratios of 2001', () => {
    const [without, with_, noChecksum, never] = report(measured(() => 1)).beside2001
    expect(without).toMatchObject({ sg: false, tx: false, in2001: { sendfile: 0.86, 'read+write': 1 } })
    expect(with_).toMatchObject({ sg: true, tx: true, in2001: { sendfile: 0.53, 'read+write': 1.1 } })
    expect(noChecksum).toMatchObject({ sg: true, tx: false, in2001: { sendfile: 0.66, 'read+write': 1.14 } })
    expect(never).toMatchObject({ sg: false, tx: true, in2001: { sendfile: null, 'read+write': null } })
    expect(with_.now).toEqual({ 'read+write': 1, 'mmap+write': 1, sendfile: 1 })
    expect(without.nowWithTso).toEqual({ 'read+write': null, 'mmap+write': null, sendfile: null })
  })
})

describe('on a terminal', () => {
  const text = reportText(report(measured(machine(0.5, 0.5, 0.2))))

  it('has a line for every cell, a dash and why for the forbidden', () => {
    expect(text).toMatch(/sendfile +on +on +on +10\.0/)
    expect(text.match(/ - {2}tcp-segmentation-offload needs/g)).toHaveLength(9)
    expect(text).not.toMatch(/NaN|Infinity|undefined|null/)
  })

  it('names the machine, the day, the congestion control', () => {
    expect(text).toMatch(/2026-01-02 03:04 UTC/)
    expect(text).toMatch(/Linux \S+, 2 processors/)
    expect(text).toMatch(/cubic \(stack\), cubic \(kernel\)/)
  })

  it('breaks lines where they are full', () => {
    const lines = wrap('word '.repeat(60).trim(), '- ')
    expect(lines.length).toBe(3)
    expect(lines.every((line) => line.length <= 111)).toBe(true)
    expect(lines[1]).toMatch(/^ {2}word/)
  })
})

describe('as JSON', () => {
  it('survives the trip, with nothing that JSON cannot say', () => {
    const value = report(measured(machine(0.5, 0.5, 0.2)))
    expect(JSON.parse(JSON.stringify(value))).toEqual(value)
    expect(value.rows[0]).toMatchObject({ method: 'read+write', sg: true, tx: true, tso: true, copied: 0, summed: 0 })
  })
})

describe('as a page', () => {
  const page = reportHtml(report(measured(machine(0.5, 0.5, 0.2))))

  it('needs nothing from elsewhere, and no script', () => {
    expect(page).not.toMatch(/(src|href)=|url\(|@import|<script|<link/)
    expect(page).toMatch(/prefers-color-scheme:dark/)
    expect(page.match(/<svg /g)).toHaveLength(4)
  })

  it('closes what it opens', () => {
    const open: string[] = []
    const body = page.replace(/<!doctype html>|<meta[^>]*>|<style>[\s\S]*?<\/style>/g, '')
    for (const [, close, name, empty] of body.matchAll(/<(\/?)([a-z0-9]+)[^>]*?(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name)
      else if (!empty) open.push(name)
    }
    expect(open).toEqual([])
    expect(body.replace(/<[^>]*>/g, '')).not.toMatch(/[<>]|NaN|undefined/)
  })

  it('says why cells are empty', () => {
    expect(page.match(/class="never"/g)).toHaveLength(9)
  })
})

describe('scales', () => {
  it.each([
    [0, 1, 0.5],
    [4.2, 5, 1],
    [1, 1, 0.2],
    [27, 30, 10],
    [0.031, 0.04, 0.01],
  ])('%f', (value, most, step) => {
    const scale = scaleFor(value)
    expect(scale.most).toBeCloseTo(most)
    expect(scale.step).toBeCloseTo(step)
  })
})

describe('the bar', () => {
  it('is drawn on a terminal, with the time that is left', () => {
    let now = 0
    let said = ''
    const output = { isTTY: true, columns: 100, write: (text: string) => (said += text) }
    const progress = new Progress(output, 4, () => now)
    progress.step('round 1 of 2', 'sendfile')
    now = 30_000
    progress.step('round 1 of 2', 'read+write')
    expect(said).toMatch(/\[\.{24}\] {3}0 %/)
    expect(said).toMatch(/\[#{6}\.{18}\] {2}25 % 1:30 left {2}round 1 of 2: read\+write$/)
    progress.clear()
    expect(said.endsWith('\r\u001b[2K')).toBe(true)
  })

  it('is a line for each round elsewhere', () => {
    let said = ''
    const progress = new Progress({ write: (text) => (said += text) }, 4)
    for (const stage of ['a', 'a', 'b', 'b']) progress.step(stage, 'x')
    progress.clear()
    expect(said).toBe('pagewire lab: a\npagewire lab: b\n')
  })
})

describe('what is sent', () => {
  it('is the file over and over', () => {
    expect([...stretches(10, 25, 4)]).toEqual([
      [0, 4],
      [4, 4],
      [8, 2],
      [0, 4],
      [4, 4],
      [8, 2],
      [0, 4],
      [4, 1],
    ])
    expect([...stretches(CHUNK, 10, CHUNK)]).toEqual([[0, 10]])
  })

  it('has a digest that goes round with it', () => {
    const fd = openLabFile(undefined, 100_000)
    expect(digestOf(fd, 250_000)).not.toBe(digestOf(fd, 150_000))
    expect(digestOf(fd, 250_000)).toBe(digestOf(fd, 250_000))
  })
})
