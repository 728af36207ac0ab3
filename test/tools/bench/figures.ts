// Series as a run would give them, made up.
import { type Answer, type Column, type Figure, TESTS, type Test } from '../../../tools/bench/catalogue.ts'
import type { Series } from '../../../tools/bench/measure.ts'
import type { BenchOptions } from '../../../tools/bench/options.ts'
import { type Report, reportOf } from '../../../tools/bench/report.ts'

export const OPTIONS: BenchOptions = { rounds: 3, seconds: 1, connections: 10, fileBytes: 2 ** 20 }

export function testOf(name: string): Test {
  const test = TESTS.find((one) => one.name === name)
  if (!test) throw new Error(`no test ${name}`)
  return test
}

/** `rates`: Gbit/s by round; null: that round failed. */
export function series(name: string, column: Column, rates: (number | null)[], others = 0): Series {
  const answers = rates.map((rate): Answer | null =>
    rate === null ? null : { bytes: (rate * 1e9) / 8, seconds: 1, busy: 2, others },
  )
  return { test: testOf(name), column, answers, error: rates.includes(null) ? 'the server closed early' : '' }
}

export function reportFrom(all: Series[]): Report {
  return reportOf(all, OPTIONS, { kernel: 'cubic', stack: 'cubic' }, new Date('2026-01-02T03:04:05Z'))
}

export function figureOf(key: string): Figure {
  const figure = TESTS.flatMap(({ figures }) => figures).find((one) => one.key === key)
  if (!figure) throw new Error(`no figure ${key}`)
  return figure
}
