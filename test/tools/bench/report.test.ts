// From answers to rows: medians, ratios round by round, marks and goals; and what the table and the JSON make of them.
import { describe, expect, it } from 'vitest'
import { TESTS } from '../../../tools/bench/catalogue.ts'
import { rowsOf } from '../../../tools/bench/report.ts'
import { figureText, markdown, tableOf } from '../../../tools/bench/table.ts'
import { figureOf, reportFrom, series } from './figures.ts'

describe('rows', () => {
  it('have medians and ranges by column, and ratios round by round', () => {
    const [row] = rowsOf([
      series('send-memory', 'pagewire', [90, 45, 80]),
      series('send-memory', 'kernel', [100, 50, 60]),
      series('send-memory', 'floor', [100, 100, 100]),
    ])
    expect(row).toMatchObject({ test: 'send-memory', key: 'send-memory-receive', unit: 'Gbit/s', better: 'more' })
    expect(row.cells.map(({ column }) => column)).toEqual(['pagewire', 'kernel', 'floor'])
    expect(row.cells[0]).toMatchObject({
      median: 80,
      min: 45,
      max: 90,
      values: [90, 45, 80],
      disturbed: 0,
      error: null,
    })
    // 0.9, 0.9, 1.33 and not 80 / 60; 0.9, 0.45, 0.8.
    expect(row.ratios).toEqual({ kernel: 0.9, floor: 0.8 })
    expect(row.goals).toEqual([
      { than: 'floor', bound: 0.85, reached: 0.8, met: false },
      { than: 'kernel', bound: 1, reached: 0.9, met: false },
    ])
  })

  it('meet a goal at its bound, and one of costs below it', () => {
    const [rate, cpu] = rowsOf([
      series('send-memory', 'pagewire', [85, 85, 85]),
      series('send-memory', 'kernel', [80, 80, 80]),
      series('send-memory', 'floor', [100, 100, 100]),
    ])
    expect(rate.goals.map(({ met }) => met)).toEqual([true, true])
    expect(cpu.better).toBe('less')
    // As much time for fewer bytes.
    expect(cpu.goals).toEqual([{ than: 'floor', bound: 1.15, reached: 1.18, met: false }])
  })

  it('leave rounds out that failed, of either side, and keep the reason', () => {
    const [row] = rowsOf([
      series('send-memory', 'pagewire', [10, null, 30]),
      series('send-memory', 'kernel', [null, 20, 10]),
      series('send-memory', 'floor', [null, null, null]),
    ])
    expect(row.cells[0]).toMatchObject({ values: [10, null, 30], median: 20, error: 'the server closed early' })
    expect(row.ratios).toEqual({ kernel: 3 })
    expect(row.goals.map(({ than }) => than)).toEqual(['kernel'])
    expect(row.cells[2].median).toBeNaN()
  })

  it('count the rounds in which others used more than a tenth of the machine', () => {
    const calm = series('send-memory', 'kernel', [1, 1, 1], 0.1)
    const loud = series('send-memory', 'pagewire', [1, 1, 1], 0.11)
    const [row] = rowsOf([loud, calm])
    expect(row.cells.map(({ disturbed }) => disturbed)).toEqual([3, 0])
  })

  it('read what the clients say', () => {
    const value = (key: string, answer: Record<string, number>) => figureOf(key).value(answer)
    expect(value('receive-send', { bytes: 1e9, seconds: 2 })).toBe(4)
    expect(value('receive-send-cpu', { bytes: 2 ** 31, busy: 3 })).toBe(1.5)
    expect(value('http-node-16', { count: 100, seconds: 0.5 })).toBe(200)
    expect(value('open-close-failed', { failed: 1, stuck: 2 })).toBe(3)
    expect(value('garbage-sending', { allocated: 4096, total: 8192 })).toBe(512)
  })

  it('have keys of their own', () => {
    const keys = TESTS.flatMap(({ figures }) => figures.map(({ key }) => key))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

describe('the table', () => {
  const report = reportFrom([
    series('send-memory', 'pagewire', [90, 45, null], 0.5),
    series('send-memory', 'kernel', [100, 50, 60]),
  ])
  const text = tableOf(report)

  it('has a line for each figure, with ranges, ratios, marks, goals and what failed', () => {
    const line = text.split('\n').find((one) => one.startsWith('| Send from memory')) ?? ''
    expect(line.split('|').map((cell) => cell.trim())).toEqual([
      '',
      'Send from memory by writeZeroCopy, 1 connection',
      'Gbit/s',
      '67.5 (45–90) †',
      '60 (50–100)',
      '0.90',
      '>= 1 x kernel: **not met**',
      '',
    ])
    expect(text).toMatch(/congestion control: kernel cubic, pagewire cubic/)
    expect(text).toMatch(/† in at least one round others used more than 10 % of the machine/)
    expect(text).toMatch(/failed: the server closed early/)
    expect(text).toMatch(/Goals met: 0 of 1\./)
  })

  it('says failed where nothing was measured, after JSON too', () => {
    const failed = reportFrom([series('send-memory', 'pagewire', [null, null, null])])
    for (const one of [failed, JSON.parse(JSON.stringify(failed))]) expect(tableOf(one)).toMatch(/\|\s+failed \|/)
  })

  it('aligns columns', () => {
    expect(markdown(['a', 'bbbb'], [['1', '2']], [false, true])).toEqual([
      '| a   | bbbb |',
      '| --- | ---: |',
      '| 1   |    2 |',
    ])
  })

  it.each([
    [0, '0'],
    [3, '3'],
    [0.1234, '0.123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [-12.34, '-12.3'],
  ])('writes %d as %s', (value, expected) => expect(figureText(value)).toBe(expected))
})
