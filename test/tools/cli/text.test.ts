import { expect, it } from 'vitest'
import { oneLine } from '../../../tools/cli/errors.ts'
import { columns, scaled } from '../../../tools/cli/text.ts'

it.each([
  [0, '0 B'],
  [9, '9 B'],
  [999, '999 B'],
  [999.6, '1.00 kB'],
  [1000, '1.00 kB'],
  [12_345, '12.3 kB'],
  [123_456, '123 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [45_000_000_000, '45.0 GB'],
  [1e18, '1000 PB'],
])('%d is written %s', (value, text) => {
  expect(scaled(value, 'B')).toBe(text)
})

it('sets columns', () => {
  const rows = [
    ['a', '1', 'left'],
    ['long', '1000', 'x'],
  ]
  expect(columns(rows, [false, true, false])).toEqual(['a        1  left', 'long  1000  x'])
})

it('makes one line of many', () => {
  expect(oneLine('  a\n  b\n\nc ')).toBe('a b c')
})
