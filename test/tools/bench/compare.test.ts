// One run beside another.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { changesOf, compareText, readReport } from '../../../tools/bench/compare.ts'
import { reportFrom, series } from './figures.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pagewire-compare-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const old = reportFrom([series('send-memory', 'pagewire', [10, 11, 12]), series('receive', 'pagewire', [5, 5, 5])])

describe('changes', () => {
  const between = (rates: number[]) => {
    const now = reportFrom([series('send-memory', 'pagewire', rates)])
    return changesOf(old, now).filter(({ row }) => row.key === 'send-memory-receive')
  }

  it('within the ranges are none to speak of', () => {
    expect(between([12, 13, 14])).toMatchObject([{ column: 'pagewire', old: 11, new: 13, outside: false }])
  })

  it('outside of them are better or worse', () => {
    expect(between([13, 14, 15])).toMatchObject([{ outside: true, better: true }])
    expect(between([7, 8, 9])).toMatchObject([{ outside: true, better: false }])
    expect(between([22, 22, 22])[0].change).toBeCloseTo(1)
  })

  it('turn round where less is better', () => {
    const now = reportFrom([series('send-memory', 'pagewire', [20, 20, 20])])
    const cpu = changesOf(old, now).find(({ row }) => row.key === 'send-memory-receive-cpu')
    expect(cpu).toMatchObject({ outside: true, better: true })
    expect(cpu?.change).toBeLessThan(0)
  })

  it('are of what both have', () => {
    const now = reportFrom([
      series('send-memory', 'kernel', [1, 1, 1]),
      series('receive', 'pagewire', [null, null, null]),
    ])
    expect(changesOf(old, now)).toEqual([])
    expect(compareText(old, now)).toMatch(/nothing that both have/)
  })
})

describe('the text', () => {
  it('has old, new, change, and marks', () => {
    const text = compareText(old, reportFrom([series('send-memory', 'pagewire', [7, 8, 9])]))
    expect(text).toMatch(/Compared with \S+ of 2026-01-02 03:04 UTC \(3 rounds of 1 s\)/)
    expect(text).toMatch(/\| send-memory-receive +\| pagewire +\| Gbit\/s +\| +11 \| +8 \| -27\.3 % \| \*\*worse\*\*/)
  })

  it('says that the machines differ', () => {
    const other = { ...old, machine: { ...old.machine, processors: old.machine.processors + 1 } }
    expect(compareText(other, old)).toMatch(/The machines differ\./)
    expect(compareText(old, old)).not.toMatch(/differ\./)
  })
})

describe('the file', () => {
  const write = (text: string) => {
    const path = join(folder, 'old.json')
    writeFileSync(path, text)
    return path
  }

  it('is read as it was written', () => {
    expect(readReport(write(JSON.stringify(old))).rows).toHaveLength(old.rows.length)
  })

  it.each([['{'], ['null'], ['[]'], ['{"rows":[]}'], ['{"format":"pagewire bench 1"}']])('is refused: %s', (text) => {
    expect(() => readReport(write(text))).toThrow(/^--compare: .*old\.json/)
  })

  it('that is not there is named', () => {
    expect(() => readReport(join(folder, 'none.json'))).toThrow(/none\.json.*ENOENT|ENOENT.*none\.json/)
  })
})
